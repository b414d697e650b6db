package eureka_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

func TestFormats(t *testing.T) {
	for _, tc := range []struct {
		f            eureka.Format
		contentType  string
		xml, compact bool
		name         string
	}{
		{eureka.JSON, "application/json", false, false, "json"},
		{eureka.JSONCompact, "application/json", false, true, "compact json"},
		{eureka.XML, "application/xml", true, false, "xml"},
		{eureka.XMLCompact, "application/xml", true, true, "compact xml"},
	} {
		require.Equal(t, tc.contentType, tc.f.ContentType())
		require.Equal(t, tc.xml, tc.f.IsXML())
		require.Equal(t, tc.compact, tc.f.Compact())
		require.Equal(t, tc.name, tc.f.String())
	}
}
