package namesrv

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"sync"
	"time"
)

// Words of tls.server.mode and tls.server.need.client.auth.
const (
	tlsDisabled    = "disabled"
	tlsPermissive  = "permissive"
	tlsEnforcing   = "enforcing"
	clientAuthNone = "none"
)

func knownTLSMode(mode string) bool {
	return mode == tlsDisabled || mode == tlsPermissive || mode == tlsEnforcing
}

// clientAuthWords is what a client's certificate is asked for: without and with tls.server.authClient, which verifies it
// (apache/rocketmq TlsHelper.java: buildSslContext).
var clientAuthWords = map[string][2]tls.ClientAuthType{
	clientAuthNone: {tls.NoClientCert, tls.NoClientCert},
	"optional":     {tls.RequestClientCert, tls.VerifyClientCertIfGiven},
	"require":      {tls.RequireAnyClientCert, tls.RequireAndVerifyClientCert},
}

// security is whether connections are encrypted, and how.
type security struct {
	enforcing bool
	config    *tls.Config // nil: no TLS
}

// newSecurity reads the certificates that the settings name, or prepares one of our own.
//
// Compat: the reference's default is a fresh certificate signed by itself, which clients with tls.enable take without a question. As
// there, it gives no protection against anybody who sits in between. Unlike there, named files win over that default.
func newSecurity(cfg *Config) (*security, error) {
	set := &cfg.Settings
	mode := security{enforcing: set.TLSServerMode == tlsEnforcing}
	switch {
	case set.TLSServerMode == tlsDisabled:
		return &mode, nil
	case cfg.TLS != nil:
		mode.config = cfg.TLS
		return &mode, nil
	case set.TLSServerCertPath == "" && !set.TLSTestModeEnable && mode.enforcing:
		return nil, errors.New("namesrv: tls.server.mode enforcing needs tls.server.certPath, or tls.test.mode.enable")
	case set.TLSServerCertPath == "" && !set.TLSTestModeEnable:
		return &mode, nil // permissive with nothing to show
	}
	mode.config = &tls.Config{MinVersion: tls.VersionTLS12}
	if set.TLSServerCertPath == "" {
		var own ownCertificate
		mode.config.GetCertificate = own.get
		return &mode, nil
	}
	pair := &filePair{cert: set.TLSServerCertPath, key: set.TLSServerKeyPath, log: cfg.Log}
	if err := pair.load(); err != nil {
		return nil, err
	}
	mode.config.GetCertificate = pair.get
	verify := 0
	if set.TLSServerAuthClient {
		verify = 1
	}
	mode.config.ClientAuth = clientAuthWords[set.TLSServerNeedClientAuth][verify]
	if set.TLSServerTrustCertPath != "" {
		pem, err := os.ReadFile(set.TLSServerTrustCertPath)
		if err != nil {
			return nil, fmt.Errorf("namesrv: read tls.server.trustCertPath: %w", err)
		}
		mode.config.ClientCAs = x509.NewCertPool()
		if !mode.config.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("namesrv: tls.server.trustCertPath %s holds no certificate", set.TLSServerTrustCertPath)
		}
	}
	return &mode, nil
}

// filePair is a certificate and its key in files, read again when both have changed.
type filePair struct {
	cert, key string
	log       *slog.Logger

	mu     sync.Mutex
	loaded *tls.Certificate
	stamps [2]time.Time
	looked time.Time
}

// lookAgain is how old what we know of the files may be.
const lookAgain = time.Second

func (p *filePair) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := time.Now(); now.Sub(p.looked) >= lookAgain {
		p.looked = now
		if stamps, err := p.stat(); err == nil && stamps[0] != p.stamps[0] && stamps[1] != p.stamps[1] {
			if err := p.readLocked(stamps); err != nil {
				p.log.Warn("changed certificate not taken", "cert", p.cert, "err", err)
			} else {
				p.log.Info("certificate read again", "cert", p.cert)
			}
		}
	}
	return p.loaded, nil
}

func (p *filePair) load() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	stamps, err := p.stat()
	if err != nil {
		return fmt.Errorf("namesrv: look at the certificate: %w", err)
	}
	return p.readLocked(stamps)
}

// readLocked takes the pair, if it is one.
func (p *filePair) readLocked(stamps [2]time.Time) error {
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return fmt.Errorf("namesrv: read certificate %s with key %s: %w", p.cert, p.key, err)
	}
	p.loaded, p.stamps = &pair, stamps
	return nil
}

func (p *filePair) stat() (stamps [2]time.Time, err error) {
	for i, name := range []string{p.cert, p.key} {
		info, err := os.Stat(name)
		if err != nil {
			return stamps, err
		}
		stamps[i] = info.ModTime()
	}
	return stamps, nil
}

// ownCertificate is made when the first client asks for it.
type ownCertificate struct {
	once sync.Once
	pair *tls.Certificate
	err  error
}

func (o *ownCertificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	o.once.Do(func() { o.pair, o.err = selfSigned(time.Now()) })
	return o.pair, o.err
}

// selfSigned makes a certificate that proves nothing, for a year.
func selfSigned(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "zonekeeper name server"},
		DNSNames:     []string{"localhost"},
		NotBefore:    now.Add(-24 * time.Hour),
		NotAfter:     now.AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
