package httpapi

import (
	"math"
	"net/url"
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// queryParam is the first value of a parameter, read from the raw query without building a map: a heartbeat has two parameters
// and comes a thousand times as often as anything else. Names are looked for as they are written by every client, unescaped.
func queryParam(rawQuery, name string) (value string, present bool) {
	for rawQuery != "" {
		var pair string
		pair, rawQuery, _ = strings.Cut(rawQuery, "&")
		if !strings.HasPrefix(pair, name) {
			continue
		}
		switch rest := pair[len(name):]; {
		case rest == "":
			return "", true
		case rest[0] == '=':
			return unescapeQuery(rest[1:]), true
		}
	}
	return "", false
}

// unescapeQuery decodes "+" and escapes; what cannot be decoded stays as it is.
func unescapeQuery(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}

// parseMillis reads a timestamp as Java's Long.valueOf does: an optional sign, digits, 64 bits.
func parseMillis(s string) (int64, bool) {
	digits := s
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		digits = s[1:]
	}
	if digits == "" || len(digits) > 19 {
		return 0, false
	}
	var n uint64
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = n*10 + uint64(d)
	}
	switch {
	case n <= math.MaxInt64 && negative:
		return -int64(n), true
	case n <= math.MaxInt64:
		return int64(n), true
	case negative && n == math.MaxInt64+1:
		return math.MinInt64, true
	}
	return 0, false
}

// metadataOf turns every query parameter into an entry: first value wins, a name alone has the value "". Bounded as a
// registration's metadata is; ok is false beyond that.
func metadataOf(rawQuery string) (m eureka.Metadata, ok bool) {
	seen := make(map[string]struct{})
	for rawQuery != "" {
		var pair string
		pair, rawQuery, _ = strings.Cut(rawQuery, "&")
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key = unescapeQuery(key)
		if _, dup := seen[key]; dup {
			continue
		}
		if len(m) == eureka.MaxMetadataEntries {
			return nil, false
		}
		seen[key] = struct{}{}
		m = append(m, eureka.MetadataEntry{Key: key, Value: unescapeQuery(value)})
	}
	return m, true
}
