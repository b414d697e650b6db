package remoting_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
	"github.com/zonekeeper/zonekeeper/registry/remoting/recorded"
)

// The recorded registrations that do not decode, and what is said about them.
var badRegistrations = map[string]string{
	"register-5x 73":       "crc32 not match",
	"register-null-name 1": "brokerName is missing: the request needs it as an extField",
	"register-odd 43":      "body \"hello\" is not a registration: send it as JSON, or compressed as brokers do",
	"register-odd 45":      "brokerId \"zero\" is not a whole number: send decimal digits",
}

func TestRecordedRegistrations(t *testing.T) {
	good, bad := 0, make(map[string]string)
	for _, scenario := range scenarios(t) {
		for _, s := range scenario.Steps {
			if s.Do != recorded.Send || s.Decoded == nil || s.Code != remoting.RegisterBroker {
				continue
			}
			name := fmt.Sprintf("%s %d", scenario.Name, s.N)
			var q remoting.Request
			require.NoError(t, q.Parse(s.Frame[4:]))
			r, err := remoting.DecodeRegistration(&q)
			if err != nil {
				bad[name] = err.Error()
				continue
			}
			good++
			checkRegistration(t, name, s.Decoded, r)

			form := remoting.RegistrationForm{Codec: q.Codec, Version: q.Version, Compressed: s.Decoded.Body.Compressed != nil}
			if form.Version < remoting.Version37 && r.HasFilterServers {
				form.Version = remoting.Version37 // wrapped, from a sender that forgot to say its version
			}
			again := remoting.AppendRegistration(nil, r, form)
			require.NoError(t, q.Parse(again[4:]))
			back, err := remoting.DecodeRegistration(&q)
			require.NoError(t, err, name)
			require.Empty(t, cmp.Diff(r, back, cmpopts.EquateEmpty()), name)
		}
	}
	require.Equal(t, badRegistrations, bad)
	require.Equal(t, 94, good)
}

// checkRegistration compares with what the recorder read, as far as it shows it.
func checkRegistration(t *testing.T, name string, d *recorded.Decoded, r *remoting.Registration) {
	require.Equal(t, d.ExtFields["brokerName"], r.Name, name)
	require.Equal(t, d.ExtFields["clusterName"], r.Cluster, name)
	require.Equal(t, d.ExtFields["brokerAddr"], r.Addr, name)
	require.Equal(t, d.ExtFields["haServerAddr"], r.HAAddr, name)
	require.Equal(t, d.ExtFields["brokerId"], fmt.Sprint(r.ID), name)
	require.Equal(t, d.ExtFields["__ZONE_NAME"], r.Zone, name)
	flag := map[remoting.ActingMaster]string{remoting.ActingMasterTrue: "true", remoting.ActingMasterFalse: "false"}[r.ActingMaster]
	require.Equal(t, d.ExtFields["enableActingMaster"], flag, name)
	timeout := ""
	if r.Timeout > 0 {
		timeout = fmt.Sprint(r.Timeout.Milliseconds())
	}
	require.Equal(t, d.ExtFields["heartbeatTimeoutMillis"], timeout, name)

	if c := d.Body.Compressed; c != nil {
		require.Len(t, r.Topics, len(c.Topics), name)
		for i, text := range c.Topics {
			topic := r.Topics[i]
			want := fmt.Sprintf("%s %d %d %d SINGLE_TAG", topic.Name, topic.ReadQueues, topic.WriteQueues, topic.Perm)
			require.Truef(t, text == want || strings.HasPrefix(text, want+" "), "%s: %q is not %q", name, text, want)
		}
		require.Len(t, r.Mappings, len(c.Mappings), name)
		v, err := remoting.DecodeDataVersion([]byte(c.DataVersion))
		require.NoError(t, err)
		require.Equal(t, v, r.Version, name)
		return
	}
	require.Len(t, r.Topics, strings.Count(d.Body.Text, `"topicName"`), name)
	require.Len(t, r.Mappings, strings.Count(d.Body.Text, `"bname"`), name)
}
