package httpapi_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
	"github.com/zonekeeper/zonekeeper/registry/httpapi"
)

// A list of several parts has one length, which HEAD tells too, and leaves the connection in order.
func TestLongListInParts(t *testing.T) {
	c := newConforming(t, httpapi.Deps{})
	rnd := rand.New(rand.NewPCG(1, 1))
	for i := range 100 {
		in, err := eureka.DecodeInstance([]byte(orders(fmt.Sprint(i))), eureka.JSON, 0)
		require.NoError(t, err)
		noise := make([]byte, 8000)
		for j := range noise {
			noise[j] = byte('0' + rnd.IntN(75)) // hardly to be compressed
		}
		in.Metadata = in.Metadata.Set("noise", string(noise))
		require.NoError(t, c.registry.Register(in, registry.FromClient))
	}
	body := c.registry.Snapshot().Full(eureka.JSON, true)
	require.Greater(t, len(body), 2)

	server := httptest.NewServer(c)
	defer server.Close()
	fetch := func(method, encoding string) (*http.Response, []byte) {
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+"/eureka/apps/", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Accept-Encoding", encoding)
		resp, err := server.Client().Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, text
	}
	_, plain := fetch(http.MethodGet, "identity")
	for range 2 {
		resp, zipped := fetch(http.MethodGet, "gzip")
		require.Equal(t, "gzip", resp.Header.Get("Content-Encoding"))
		require.Empty(t, resp.TransferEncoding)
		require.EqualValues(t, body.Len(), resp.ContentLength)
		require.Len(t, zipped, body.Len())
		require.Equal(t, string(plain), gunzipped(t, zipped))
		head, nothing := fetch(http.MethodHead, "gzip")
		require.EqualValues(t, body.Len(), head.ContentLength)
		require.Empty(t, nothing)
	}
}
