package eureka_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Every decoder has a target. Beside not falling over, what decodes must encode to a text that decodes to the same:
// the registry keeps texts, and reads them again. Seeds with the nasty cases lie in testdata/fuzz; the recorded bodies
// are added here.

func seeds(f *testing.F, add func(body []byte)) {
	for _, s := range scenarios(f) {
		for _, e := range s.Exchanges {
			if body := e.Request.Body(); len(body) > 0 {
				add(body)
			}
			if e.Response.Status == 200 && e.Response.Body != "" {
				add([]byte(e.Response.Body))
			}
		}
	}
}

func FuzzDecodeInstance(f *testing.F) {
	seeds(f, func(body []byte) { f.Add(body, bytes.HasPrefix(body, []byte("<"))) })
	f.Fuzz(func(t *testing.T, body []byte, xml bool) {
		format := eureka.JSON
		if xml {
			format = eureka.XML
		}
		in, err := eureka.DecodeInstance(body, format, 7)
		if err != nil {
			require.Nil(t, in)
			return
		}
		_ = in.Validate(in.App)
		once := eureka.AppendInstanceDocument(nil, in, format, eureka.List)
		back, err := eureka.DecodeInstance(once, format, 8)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(eureka.AppendInstanceDocument(nil, back, format, eureka.List)))

		kept := eureka.AppendInstance(nil, in, eureka.JSON, eureka.List) // whatever it came in as, JSON is what is kept
		back, err = eureka.DecodeBareInstance(kept, 8)
		require.NoError(t, err, "%q", kept)
		require.Equal(t, string(kept), string(eureka.AppendInstance(nil, back, eureka.JSON, eureka.List)))
	})
}

func FuzzDecodeBareInstance(f *testing.F) {
	f.Add([]byte(`{"app":"A","metadata":{"@class":"x"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := eureka.DecodeBareInstance(body, 7)
		if err != nil {
			return
		}
		once := eureka.AppendInstance(nil, in, eureka.JSON, eureka.Live)
		back, err := eureka.DecodeBareInstance(once, 8)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(eureka.AppendInstance(nil, back, eureka.JSON, eureka.Live)))
	})
}

func FuzzDecodeApplications(f *testing.F) {
	seeds(f, func(body []byte) {
		for format := range byte(eureka.NumFormats) {
			f.Add(body, format)
		}
	})
	f.Fuzz(func(t *testing.T, body []byte, n byte) {
		format := eureka.Format(n % eureka.NumFormats)
		a, err := eureka.DecodeApplications(body, format)
		if err != nil {
			return
		}
		once := eureka.AppendApplications(nil, a, format)
		back, err := eureka.DecodeApplications(once, format)
		if format.Compact() && err != nil {
			return // a compact form may leave out the only id
		}
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(eureka.AppendApplications(nil, back, format)))
		require.Equal(t, a.HashCode(), back.HashCode())
	})
}

func FuzzDecodeApplication(f *testing.F) {
	seeds(f, func(body []byte) { f.Add(body, byte(0)); f.Add(body, byte(2)) })
	f.Fuzz(func(t *testing.T, body []byte, n byte) {
		format := eureka.Format(n % eureka.NumFormats)
		a, err := eureka.DecodeApplication(body, format)
		if err != nil || format.Compact() {
			return
		}
		once := eureka.AppendApplicationDocument(nil, a, format)
		back, err := eureka.DecodeApplication(once, format)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(eureka.AppendApplicationDocument(nil, back, format)))
	})
}

func FuzzDecodeReplicationList(f *testing.F) {
	seeds(f, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		items, err := eureka.DecodeReplicationList(body, 100, 7)
		if err != nil {
			return
		}
		require.NotNil(t, items)
		require.LessOrEqual(t, len(items), 100)
		once := eureka.AppendReplicationList(nil, items)
		back, err := eureka.DecodeReplicationList(once, 100, 7)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(eureka.AppendReplicationList(nil, back)))
	})
}

func FuzzDecodeReplicationAnswers(f *testing.F) {
	seeds(f, func(body []byte) { f.Add(body) })
	f.Fuzz(func(t *testing.T, body []byte) {
		answers, err := eureka.DecodeReplicationAnswers(body, 100)
		if err != nil {
			return
		}
		once := eureka.AppendReplicationAnswers(nil, answers)
		back, err := eureka.DecodeReplicationAnswers(once, 100)
		require.NoError(t, err, "%q", once)
		require.Equal(t, string(once), string(eureka.AppendReplicationAnswers(nil, back)))
	})
}
