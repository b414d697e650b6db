package namesrv_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// overTLS speaks TLS on a connection, or says why not.
func overTLS(t *testing.T, nc net.Conn, config *tls.Config) (*peer, *x509.Certificate, error) {
	t.Helper()
	if config == nil {
		config = &tls.Config{InsecureSkipVerify: true} // what RocketMQ's clients do
	}
	c := tls.Client(nc, config)
	if err := c.Handshake(); err != nil {
		return nil, nil, err
	}
	return newPeer(t, c), c.ConnectionState().PeerCertificates[0], nil
}

func TestTLSModes(t *testing.T) {
	for _, tc := range []struct {
		mode       string
		plain, tls bool
	}{
		{"permissive", true, true},
		{"enforcing", false, true},
		{"disabled", true, false},
	} {
		t.Run(tc.mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				settings := namesrv.DefaultSettings()
				settings.TLSServerMode = tc.mode
				s := startServer(t, namesrv.Config{Settings: settings})

				plain := s.dial(t)
				if tc.plain {
					require.Equal(t, remoting.Success, plain.ask(remoting.GetClusterInfo).Code)
				} else {
					c := request(remoting.GetClusterInfo)
					plain.send(remoting.Append(nil, &c))
					require.True(t, plain.ended())
					require.Contains(t, s.log.String(), "the client does not speak TLS, which is required here")
				}
				secure, _, err := overTLS(t, s.dial(t).Conn, nil)
				require.Equal(t, tc.tls, err == nil, err)
				if tc.tls {
					require.Equal(t, remoting.Success, secure.ask(remoting.GetClusterInfo).Code)
				} else {
					synctest.Wait()
					require.Contains(t, s.log.String(), "the client speaks TLS, which is disabled here")
				}
			})
		})
	}
}

// TestTLSConnectionsLiveAsOthers: idle time, requests in pieces and the death of brokers do not depend on what is below.
func TestTLSConnectionsLiveAsOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		client := s.dial(t)
		broker, _, err := overTLS(t, s.dial(t).Conn, nil)
		require.NoError(t, err)
		broker.send(manyTopics(200 << 10))
		require.Equal(t, remoting.Success, broker.receive().Code)
		broker.register(remoting.Registration{Timeout: time.Hour}, "T", "U")
		for range 5 {
			time.Sleep(100 * time.Second)
			require.Equal(t, remoting.Success, broker.ask(remoting.GetClusterInfo).Code)
			client.ask(remoting.GetClusterInfo)
		}
		broker.Close()
		synctest.Wait()
		require.Zero(t, s.table.Stats().Brokers)

		idle, _, err := overTLS(t, s.dial(t).Conn, nil)
		require.NoError(t, err)
		start := time.Now()
		require.NoError(t, idle.SetReadDeadline(time.Now().Add(time.Hour)))
		_, err = idle.Read(make([]byte, 1))
		require.Error(t, err)
		require.Equal(t, 120*time.Second, time.Since(start))
	})
}

func TestTLSBehindAProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		nc := s.dial(t)
		nc.send([]byte("\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\x0a\x00\x00\x01\x10\x00\x26\x94"))
		p, _, err := overTLS(t, nc.Conn, nil)
		require.NoError(t, err)
		require.Contains(t, p.ask(remoting.DeleteTopic, "topic", "T").Remark, "203.0.113.9:4096 behind 127.0.0.1")
	})
}

func TestSlowHandshakesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{FrameTimeout: 5 * time.Second})
		p := s.dial(t)
		p.send([]byte{0x16, 3, 1, 0, 100})
		time.Sleep(5 * time.Second)
		require.True(t, p.ended())
	})
}

// pair writes a certificate signed by another, or by itself, and its key.
func pair(t *testing.T, dir, name string, parent *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IsCA: parent == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	issuer, signer := template, any(key)
	if parent != nil {
		issuer, err = x509.ParseCertificate(parent.Certificate[0])
		require.NoError(t, err)
		signer = parent.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cert.pem"), certPEM, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "key.pem"), keyPEM, 0o600))
	made, err := tls.X509KeyPair(certPEM, keyPEM)
	require.NoError(t, err)
	return made
}

// TestCertificatesAreReadAgain when both files have changed and belong together.
func TestCertificatesAreReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		pair(t, dir, "first", nil)
		settings := namesrv.DefaultSettings()
		settings.TLSServerCertPath, settings.TLSServerKeyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		s := startServer(t, namesrv.Config{Settings: settings})
		shown := func() string {
			time.Sleep(time.Second)
			_, cert, err := overTLS(t, s.dial(t).Conn, nil)
			require.NoError(t, err)
			return cert.Subject.CommonName
		}
		require.Equal(t, "first", shown())

		pair(t, dir, "second", nil)
		later := time.Now().AddDate(100, 0, 0)
		require.NoError(t, os.Chtimes(settings.TLSServerCertPath, later, later))
		require.NoError(t, os.WriteFile(settings.TLSServerKeyPath, []byte("half written"), 0o600))
		require.NoError(t, os.Chtimes(settings.TLSServerKeyPath, later, later))
		require.Equal(t, "first", shown())
		require.Contains(t, s.log.String(), "changed certificate not taken")

		pair(t, dir, "third", nil)
		later = later.AddDate(1, 0, 0)
		require.NoError(t, os.Chtimes(settings.TLSServerCertPath, later, later))
		require.NoError(t, os.Chtimes(settings.TLSServerKeyPath, later, later))
		require.Equal(t, "third", shown())
	})
}

func TestClientCertificates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		authority, dir := t.TempDir(), t.TempDir()
		root := pair(t, authority, "root", nil)
		settings := namesrv.DefaultSettings()
		pair(t, dir, "server", &root)
		settings.TLSServerCertPath, settings.TLSServerKeyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
		settings.TLSServerTrustCertPath = filepath.Join(authority, "cert.pem")
		settings.TLSServerNeedClientAuth, settings.TLSServerAuthClient = "require", true
		s := startServer(t, namesrv.Config{Settings: settings})
		// TLS 1.3 tells a client of its refusal only after its handshake.
		works := func(certificates ...tls.Certificate) bool {
			p, _, err := overTLS(t, s.dial(t).Conn, &tls.Config{InsecureSkipVerify: true, Certificates: certificates, MaxVersion: tls.VersionTLS12})
			return err == nil && p.ask(remoting.GetClusterInfo).Code == remoting.Success
		}
		known := pair(t, t.TempDir(), "client", &root)
		stranger := pair(t, t.TempDir(), "stranger", nil)
		require.True(t, works(known))
		require.False(t, works(stranger))
		require.False(t, works())
	})
}

func TestBadCertificatesAreSaidAtOnce(t *testing.T) {
	settings := namesrv.DefaultSettings()
	settings.TLSServerCertPath, settings.TLSServerKeyPath = "/nonexistent/cert.pem", "/nonexistent/key.pem"
	_, err := namesrv.New(namesrv.Config{Settings: settings}, newTable())
	require.ErrorContains(t, err, "/nonexistent/cert.pem")

	none := namesrv.DefaultSettings()
	none.TLSServerMode, none.TLSTestModeEnable = "enforcing", false
	_, err = namesrv.New(namesrv.Config{Settings: none}, newTable())
	require.ErrorContains(t, err, "tls.server.certPath")
	_, err = namesrv.New(namesrv.Config{Settings: none, TLS: new(tls.Config)}, newTable())
	require.NoError(t, err)

	dir := t.TempDir()
	pair(t, dir, "server", nil)
	settings.TLSServerCertPath, settings.TLSServerKeyPath = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	settings.TLSServerTrustCertPath = filepath.Join(dir, "key.pem")
	_, err = namesrv.New(namesrv.Config{Settings: settings}, newTable())
	require.ErrorContains(t, err, "holds no certificate")
}
