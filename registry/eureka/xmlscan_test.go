package eureka

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// textOf is the text of <a>…</a>.
func textOf(body string) (string, error) {
	s := newXMLScanner([]byte(body))
	s.root()
	text, _ := s.text()
	if s.err != nil {
		return "", s.err
	}
	return string(text), nil
}

// Where encoding/xml reads a text, we read the same.
func TestTextLikeEncodingXML(t *testing.T) {
	part := rapid.SampledFrom([]string{
		"a", " ", "\n", "\r", "\r\n", "\t", "é中😀", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&#65;", "&#x4e2d;", "&#x1F600;", "&#13;",
		"<!-- no -->", "<?pi x?>", "<![CDATA[<&>]]>", "<![CDATA[]]>", "]]", "'", `"`, "=", "/",
	})
	rapid.Check(t, func(t *rapid.T) {
		body := "<a>" + strings.Join(rapid.SliceOf(part).Draw(t, "parts"), "") + "</a>"
		var want struct {
			Text string `xml:",chardata"`
		}
		require.NoError(t, xml.Unmarshal([]byte(body), &want))
		got, err := textOf(body)
		require.NoError(t, err)
		require.Equal(t, want.Text, got)
	})
}

func TestTextBeyondEncodingXML(t *testing.T) {
	for body, want := range map[string]string{
		"<a>&#x1;&#0;&#x1f;</a>":   "\x01\x00\x1f", // upstream writes controls so
		"<a>&#xd83d;</a>":          "\ufffd",
		"<a:b:c>x</a:b:c>":         "x",
		"<a>x<b>y<c/></b>z</a>":    "xz",
		"<a/>":                     "",
		"<a b='>' c=\"<\" >x</a >": "x",
		"\ufeff<?xml version='1.0' encoding='ISO-8859-1'?>\n<!-- c --><a>é</a>": "é",
	} {
		got, err := textOf(body)
		require.NoError(t, err, body)
		require.Equal(t, want, got, body)
	}
}

func TestXMLRefuses(t *testing.T) {
	for body, reason := range map[string]string{
		"":                       "ends early",
		"  ":                     "ends early",
		"x":                      "not XML",
		`{"a":1}`:                "not XML",
		"<a>":                    "ends early",
		"<a":                     "bad name",
		"<a b":                   "bad name",
		"<a b=c></a>":            "bad attribute",
		"<a b></a>":              "bad attribute",
		"<a b='c></a>":           "bad attribute",
		"<a / >":                 "bad tag",
		"<>x</>":                 "bad name",
		"<a>x</b>":               "wrong end tag",
		"<a>x</a b>":             "wrong end tag",
		"<a>&x;</a>":             "unknown entity",
		"<a>&#;</a>":             "unknown entity",
		"<a>&#x;</a>":            "bad reference",
		"<a>&#x110000;</a>":      "bad reference",
		"<a>& b</a>":             "bad reference",
		"<a><![CDATA[x</a>":      "ends early",
		"<a><!-- x</a>":          "ends early",
		"<a><? x</a>":            "ends early",
		"<a>\x01</a>":            "control character",
		"<a>\xff</a>":            "invalid UTF-8",
		"<!DOCTYPE a><a>x</a>":   "document types are refused",
		"<a><!ENTITY b 'c'></a>": "document types are refused",
		"<a>" + strings.Repeat("x", MaxText+1) + "</a>":                          "text too long",
		"<a>" + strings.Repeat("&#65;", MaxText+1) + "</a>":                      "text too long",
		"<a>" + strings.Repeat("<b>", MaxDepth) + "</a>":                         "nested too deeply",
		"<a" + strings.Repeat(" b='c'", maxAttributes+1) + ">x</a>":              "bad attribute",
		`<!DOCTYPE a [<!ENTITY b "` + strings.Repeat("c", 99) + `">]><a>&b;</a>`: "document types are refused",
	} {
		_, err := textOf(body)
		require.ErrorContains(t, err, reason, "%.80q", body)
	}
}
