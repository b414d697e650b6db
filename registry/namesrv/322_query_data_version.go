package namesrv

import (
	"strconv"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// QUERY_DATA_VERSION (322), every version.
//
// Behaviour: tells a broker whether the data version in the body is another than the stored one, which it answers too; a broker that
// is unknown has changed. It also is a sign of life: slaves send it every second, one-way, where they must get along with old name
// servers (compatibleWithOldNameSrv). It never registers anything, and does not move the broker to this connection.
// Ours: a missing field or a version that is none is code 1 with the field's name. Without a body the version is all zeros.
func queryDataVersion(c *call) {
	ref, version, err := remoting.DecodeVersionQuery(&c.req)
	if err != nil {
		c.fail(err)
		return
	}
	stored, known, changed := c.s.table.QueryDataVersion(brokerKey(ref), version, c.now())
	var body []byte
	if known {
		c.conn.broker.Store(true)
		body = stored.AppendJSON(nil)
	}
	c.reply(remoting.Success, "", []remoting.Field{{Name: "changed", Value: strconv.FormatBool(changed)}}, body)
}
