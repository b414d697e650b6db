package httpapi

import (
	"math"
	"net/url"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestQueryParam(t *testing.T) {
	for _, tc := range []struct {
		query, value string
		present      bool
	}{
		{"", "", false},
		{"status=UP&value=DOWN", "DOWN", true},
		{"value=", "", true},
		{"value", "", true},
		{"values=1", "", false},
		{"value=a&value=b", "a", true},
		{"value=OUT%5FOF_SERVICE", "OUT_OF_SERVICE", true},
		{"value=a+b", "a b", true},
		{"value=%zz", "%zz", true},
		{"value=a=b", "a=b", true},
		{"&&value=1&", "1", true},
	} {
		value, present := queryParam(tc.query, "value")
		require.Equal(t, tc.present, present, tc.query)
		require.Equal(t, tc.value, value, tc.query)
	}
}

// Whatever a client encodes, we read what net/url reads.
func TestQueryParamAgreesWithNetURL(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := url.Values{}
		for range rapid.IntRange(0, 5).Draw(t, "n") {
			values.Add(rapid.StringMatching(`[a-z]{1,3}`).Draw(t, "key"), rapid.String().Draw(t, "value"))
		}
		values.Add("abc", rapid.String().Draw(t, "wanted"))
		got, ok := queryParam(values.Encode(), "abc")
		require.True(t, ok)
		require.Equal(t, values.Get("abc"), got)
	})
}

func TestParseMillis(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1700000000000": 1700000000000, "-5": -5, "+7": 7, "0009": 9,
		strconv.FormatInt(math.MaxInt64, 10): math.MaxInt64, strconv.FormatInt(math.MinInt64, 10): math.MinInt64,
	} {
		got, ok := parseMillis(text)
		require.True(t, ok, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "-", "+", "soon", "1.5", "1e3", " 1", "9223372036854775808", "-9223372036854775809", "99999999999999999999", "1_000"} {
		_, ok := parseMillis(text)
		require.False(t, ok, text)
	}
}

func TestMetadataOf(t *testing.T) {
	m, ok := metadataOf("a=b&flag&k=1&k=2&sp%20ace=a%26b&plus=1+2&&=x&@class=y")
	require.True(t, ok)
	require.Equal(t, eureka.Metadata{
		{Key: "a", Value: "b"}, {Key: "flag"}, {Key: "k", Value: "1"}, {Key: "sp ace", Value: "a&b"},
		{Key: "plus", Value: "1 2"}, {Value: "x"}, {Key: "@class", Value: "y"},
	}, m)

	query := url.Values{}
	for i := range eureka.MaxMetadataEntries + 1 {
		query.Set(strconv.Itoa(i), "v")
	}
	_, ok = metadataOf(query.Encode())
	require.False(t, ok, "as many as a registration may have, not more")
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"status=UP&lastDirtyTimestamp=1700000000000", "a=%", "&=&", "lastDirtyTimestamp=%31", "a;b=c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		text, ok := queryParam(query, "lastDirtyTimestamp")
		if n, number := parseMillis(text); ok && number {
			want, err := strconv.ParseInt(text, 10, 64)
			require.NoError(t, err)
			require.Equal(t, want, n)
		}
		m, ok := metadataOf(query)
		require.True(t, !ok || len(m) <= eureka.MaxMetadataEntries)
	})
}
