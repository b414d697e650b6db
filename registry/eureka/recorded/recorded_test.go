package recorded_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/eureka/recorded"
)

func TestLoad(t *testing.T) {
	scenarios, err := recorded.Load("../testdata/recorded")
	require.NoError(t, err)
	require.Len(t, scenarios, 40)

	exchanges, clients := 0, 0
	for _, s := range scenarios {
		require.NotEmpty(t, s.About, s.Scenario)
		require.NotEmpty(t, s.Exchanges, s.Scenario)
		if s.Client() {
			clients++
		}
		for _, e := range s.Exchanges {
			exchanges++
			require.NotZero(t, e.Response.Status, "%s/%s", s.Scenario, e.Name)
			if !e.Response.BodyNotCompared {
				require.NoError(t, e.Same(e.Response.Body), "%s/%s", s.Scenario, e.Name)
			}
		}
	}
	require.Equal(t, 9, clients)
	require.Greater(t, exchanges, 600)
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	_, err := recorded.Load(t.TempDir())
	require.ErrorContains(t, err, "no recordings")
}

func TestRequestBodyOfBytes(t *testing.T) {
	require.Equal(t, []byte{0xff}, recorded.Request{BodyBase64: "/w=="}.Body())
	require.Equal(t, []byte("x"), recorded.Request{Text: "x"}.Body())
}

func TestSame(t *testing.T) {
	exchange := func(body string, volatile, unordered []string) recorded.Exchange {
		return recorded.Exchange{Volatile: volatile, Unordered: unordered, Response: recorded.Response{Body: body}}
	}
	for _, tc := range []struct {
		name      string
		want, got string
		volatile  []string
		unordered []string
		differs   string
	}{
		{name: "equal", want: `{"a":1}`, got: `{"a":1}`},
		{name: "order of members counts", want: `{"a":1,"b":2}`, got: `{"b":2,"a":1}`, differs: "byte 2"},
		{name: "metadata have no order", want: `{"metadata":{"a":"1","b":"}"}}`, got: `{"metadata":{"b":"}","a":"1"}}`},
		{name: "escapes count", want: `{"a":"\u0001"}`, got: `{"a":"\u0002"}`, differs: "byte"},
		{name: "volatile", want: `{"t":"123","u":"5"}`, got: `{"t":"999","u":"5"}`, volatile: []string{`"t":"(\d{3})`}},
		{name: "arrays have order", want: `{"x":[1,2]}`, got: `{"x":[2,1]}`, differs: "byte"},
		{name: "unless said", want: `{"x":[1,2]}`, got: `{"x":[2,1]}`, unordered: []string{"x"}},
		{name: "masked before sorted", want: `{"x":[{"t":1,"v":2},{"t":3,"v":1}]}`, got: `{"x":[{"t":7,"v":1},{"t":8,"v":2}]}`,
			volatile: []string{`"t":(\d)`}, unordered: []string{"x"}},
		{name: "xml metadata", want: "<i>\n  <metadata>\n    <a>1</a>\n    <b>2</b>\n  </metadata>\n</i>",
			got: "<i>\n  <metadata>\n    <b>2</b>\n    <a>1</a>\n  </metadata>\n</i>"},
		{name: "xml siblings", want: `<r><i>1</i><i>2</i></r>`, got: `<r><i>2</i><i>1</i></r>`, unordered: []string{"i"}},
		{name: "xml order", want: `<r><i>1</i><i>2</i></r>`, got: `<r><i>2</i><i>1</i></r>`, differs: "byte"},
		{name: "plain text", want: `Missing hostname`, got: `Missing hostname`},
		{name: "nothing for something", want: `{"a":1}`, got: ``, differs: "byte 0"},
		{name: "cut short", want: `{"a":1}`, got: `{"a":`, differs: "ends early"},
		{name: "too deep", want: `{}`, got: strings.Repeat("[", 1000), differs: "nested too deeply"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := exchange(tc.want, tc.volatile, tc.unordered).Same(tc.got)
			if tc.differs == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.differs)
		})
	}
}
