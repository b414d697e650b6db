package eureka

import "strconv"

// AppendReplicationList appends a batch as a Java server writes it: absent fields left out, members in its order.
// Items say what they hold: no timestamp unless HasDirty, no instance unless there is InstanceText or Instance.
func AppendReplicationList(dst []byte, items []ReplicationItem) []byte {
	dst = append(dst, `{"replicationList":[`...)
	for i := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendReplicationItem(dst, &items[i])
	}
	return append(dst, "]}"...)
}

func appendReplicationItem(dst []byte, item *ReplicationItem) []byte {
	dst = append(dst, `{"appName":`...)
	dst = appendString(dst, item.AppName, Live)
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, item.ID, Live)
	if item.HasDirty {
		dst = append(dst, `,"lastDirtyTimestamp":`...)
		dst = strconv.AppendInt(dst, item.LastDirtyTimestamp, 10)
	}
	dst = appendMember(dst, `,"overriddenStatus":`, item.OverriddenStatus, false, Live)
	dst = appendMember(dst, `,"status":`, item.Status, false, Live)
	switch {
	case item.InstanceText != nil:
		dst = append(dst, `,"instanceInfo":`...)
		dst = append(dst, item.InstanceText...)
	case item.Instance != nil:
		dst = append(dst, `,"instanceInfo":`...)
		dst = appendJSON(dst, item.Instance, Live)
	}
	dst = appendMember(dst, `,"action":`, item.Action.String(), false, Live)
	return append(dst, '}')
}
