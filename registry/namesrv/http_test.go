package namesrv_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/namesrv"
)

// TestHTTPOnTheWrongPort: who mistook the port is told so, and our log says what came.
func TestHTTPOnTheWrongPort(t *testing.T) {
	for _, preamble := range []string{"", "PROXY TCP4 192.0.2.1 192.0.2.2 5000 9876\r\n"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PRI"} {
			synctest.Test(t, func(t *testing.T) {
				s := startServer(t, namesrv.Config{})
				p := s.dial(t)
				p.send([]byte(preamble + method + " /eureka/apps HTTP/1.1\r\nHost: x\r\n\r\n"))
				requireHTTPRefusal(t, p.r)
				synctest.Wait()
				require.Contains(t, s.log.String(), "HTTP request on the RocketMQ port")
				require.InDelta(t, 1, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "http"), 0)
			})
		}
	}
}

// What has come so far need not be enough to tell POST from PROXY.
func TestHTTPInPieces(t *testing.T) {
	for _, pieces := range [][]string{{"P", "OST / HTTP/1.1\r\n\r\n"}, {"PO", "ST / HTTP/1.1\r\n\r\n"}, {"PU", "T", " / HTTP/1.1\r\n\r\n"}, {"PRI", " * HTTP/2.0\r\n\r\n"}} {
		synctest.Test(t, func(t *testing.T) {
			s := startServer(t, namesrv.Config{})
			p := s.dial(t)
			for _, piece := range pieces {
				p.send([]byte(piece))
				synctest.Wait()
			}
			requireHTTPRefusal(t, p.r)
			synctest.Wait()
			require.InDelta(t, 1, s.metric(t, "zonekeeper_namesrv_connections_closed_total", "cause", "http"), 0)
		})
	}
}

func TestHTTPSOnTheWrongPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startServer(t, namesrv.Config{})
		p, _, err := overTLS(t, s.dial(t).Conn, nil)
		require.NoError(t, err)
		p.send([]byte("GET / HTTP/1.1\r\n\r\n"))
		requireHTTPRefusal(t, p.r)
	})
}

func requireHTTPRefusal(t *testing.T, r *bufio.Reader) {
	t.Helper()
	answer, err := http.ReadResponse(r, nil)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
	var problem struct{ Detail string }
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&problem))
	require.Contains(t, problem.Detail, "--http-listen")
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	_, err = r.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}
