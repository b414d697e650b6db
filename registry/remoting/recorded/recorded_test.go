package recorded_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

const dir = "../testdata/recorded"

func TestLoad(t *testing.T) {
	scenarios, err := recorded.Load(dir)
	require.NoError(t, err)
	require.Len(t, scenarios, 31)
	frames := 0
	for _, s := range scenarios {
		for i, step := range s.Steps {
			require.Equal(t, i+1, step.N, s.Name)
			if step.Decoded != nil {
				frames++
			}
		}
	}
	require.Equal(t, 988, frames)

	_, err = recorded.Load(t.TempDir())
	require.ErrorContains(t, err, "no recordings")
}

func TestLoadLookups(t *testing.T) {
	requests, reply, err := recorded.LoadLookups(dir)
	require.NoError(t, err)
	require.Len(t, requests, 3)
	require.Contains(t, reply, "127.0.0.1:19701")
}

func TestEveryAnswerIsTheSameAsItself(t *testing.T) {
	scenarios, err := recorded.Load(dir)
	require.NoError(t, err)
	for _, s := range scenarios {
		for _, step := range s.Steps {
			if step.Decoded == nil || step.Name == "" || step.Decoded.Header.Language == "" {
				continue
			}
			c, err := step.Command()
			require.NoError(t, err, s.Name)
			require.NoError(t, step.Same(c), "%s %d", s.Name, step.N)
		}
	}
}

func TestSame(t *testing.T) {
	step := func(body string) *recorded.Step {
		return &recorded.Step{Frame: remoting.Append(nil, &remoting.Command{Remark: "r", Body: []byte(body)})}
	}
	for _, tc := range []struct {
		name                string
		want, got           string
		volatile, unordered []string
		differs             string
	}{
		{name: "equal", want: `{"a":{0:"x"}}`, got: `{"a":{0:"x"}}`},
		{name: "white space and order of members", want: `{"a":1,"b":2}`, got: `{ "b":2,"a":1}`},
		{name: "value", want: `{"a":1}`, got: `{"a":2}`, differs: "body differs"},
		{name: "quoted for bare", want: `{"a":{0:"x"}}`, got: `{"a":{"0":"x"}}`, differs: "body differs"},
		{name: "dialect does not matter", want: `{"a":{0:"x"}}`, got: `{"a":{"0":"x"}}`, volatile: []string{"dialect"}},
		{name: "what looks like a bare key in a string", want: `{"a":"{0:1}"}`, got: `{"a":"{0:1}"}`},
		{name: "order of an array", want: `{"a":[1,2]}`, got: `{"a":[2,1]}`, differs: "body differs"},
		{name: "unordered", want: `{"a":[1,2]}`, got: `{"a":[2,1]}`, unordered: []string{"body.a"}},
		{name: "unordered under a key with dots", want: `{"a":{"1.2:3":["x","y"]}}`, got: `{"a":{"1.2:3":["y","x"]}}`, unordered: []string{"body.a.1.2:3"}},
		{name: "volatile member", want: `{"a":1,"b":2}`, got: `{"a":3,"b":2}`, volatile: []string{"body.a"}},
		{name: "volatile body", want: `{"a":1,"b":2}`, got: `x`, volatile: []string{"body"}},
		{name: "text", want: "a=1\n", got: "a=2\n", differs: "body differs"},
		{name: "no JSON", want: `{"a":1}`, got: `{"a"`, differs: "body: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := step(tc.want)
			s.Volatile, s.Unordered = tc.volatile, tc.unordered
			got, err := step(tc.got).Command()
			require.NoError(t, err)
			err = s.Same(got)
			if tc.differs == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tc.differs)
		})
	}
}

func TestSameHeader(t *testing.T) {
	command := remoting.Command{Code: 1, Opaque: 2, Remark: "r", Fields: []remoting.Field{{Name: "a", Value: "1"}}}
	step := recorded.Step{Frame: remoting.Append(nil, &command)}
	require.NoError(t, step.Same(&command))

	other := command
	other.Opaque = 3
	require.ErrorContains(t, step.Same(&other), "header.opaque")
	step.Volatile = []string{"header.opaque"}
	require.NoError(t, step.Same(&other))

	other.Fields = nil
	require.ErrorContains(t, step.Same(&other), "ext.a")
	step.Volatile = append(step.Volatile, "ext.a")
	require.NoError(t, step.Same(&other))
}
