package eureka

import "fmt"

// DecodeReplicationList decodes what a server copies to its peer, {"replicationList":[…]}, of at most maxItems items.
// now, in milliseconds, stands in for a missing lastDirtyTimestamp of an instance.
//
// It is strict where upstream is: an unknown member of the list or of an item, an unknown action, a timestamp that is
// no number make the whole body undecodable (*DecodeError, to be answered with 400). A missing or null list is
// ErrNoList (500). What upstream judges item by item is left to the caller: see ReplicationItem.
func DecodeReplicationList(body []byte, maxItems int, now int64) ([]ReplicationItem, error) {
	s := newScanner(body)
	if !s.open('{') {
		return nil, s.err
	}
	var items []ReplicationItem
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			break
		}
		if string(key) != "replicationList" || items != nil {
			s.fail(fmt.Sprintf("unknown member %.40q", key))
			break
		}
		items = s.replicationList(maxItems, now)
	}
	switch {
	case s.err != nil:
		return nil, s.err
	case items == nil:
		return nil, ErrNoList
	}
	return items, nil
}

func (s *scanner) replicationList(maxItems int, now int64) []ReplicationItem {
	s.field = "replicationList"
	if s.peek() == 'n' {
		s.scalar()
		return nil
	}
	if !s.open('[') {
		return nil
	}
	items := make([]ReplicationItem, 0, min(maxItems, 1+(len(s.data)-s.pos)/128)) // an item takes some 150 bytes
	app := ""
	for first := true; s.element(first); first = false {
		if len(items) == maxItems {
			s.fail("too many items")
			return nil
		}
		items = append(items, ReplicationItem{AppName: app})
		item := &items[len(items)-1]
		s.replicationItem(item, now)
		app = item.AppName
	}
	return items
}

// replicationItem takes one item. item.AppName comes in as the name of the item before, whose memory is used again
// where the names are equal, as they are in most batches.
func (s *scanner) replicationItem(item *ReplicationItem, now int64) {
	before := item.AppName
	item.AppName = ""
	if s.peek() == 'n' {
		s.scalar()
		item.Null = true
		return
	}
	if !s.open('{') {
		return
	}
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			return
		}
		switch string(key) {
		case "appName":
			if text, kind := s.scalar(); kind == isNull {
				item.AppName = ""
			} else if string(text) == before {
				item.AppName = before
			} else {
				item.AppName = string(text)
			}
		case "id":
			item.ID, _ = s.text()
		case "lastDirtyTimestamp":
			s.field = "lastDirtyTimestamp"
			item.LastDirtyTimestamp, item.HasDirty = s.timestamp()
		case "overriddenStatus":
			item.OverriddenStatus = s.statusText()
		case "status":
			item.Status = s.statusText()
		case "instanceInfo":
			s.field = "instanceInfo"
			s.instanceInfo(item, now)
		case "action":
			s.field = "action"
			item.Action = s.action()
		default:
			s.fail(fmt.Sprintf("unknown member %.40q", key))
		}
		s.field = "replicationList"
	}
}

// timestamp takes a number or the text of one; anything else is an error, here as in upstream's bean mapper.
func (s *scanner) timestamp() (n int64, present bool) {
	text, kind := s.scalar()
	if kind == isNull {
		return 0, false
	}
	n, ok := parseDigits(text)
	if !ok {
		negative := len(text) > 1 && text[0] == '-'
		if negative {
			n, ok = parseDigits(text[1:])
			n = -n
		}
		if !ok || kind == isBool {
			s.fail("not a timestamp")
		}
	}
	return n, s.err == nil
}

// statusText takes the name of a status; the five known names cost no memory.
func (s *scanner) statusText() string {
	text, kind := s.scalar()
	if kind == isNull {
		return ""
	}
	for _, name := range statusNames {
		if string(text) == name {
			return name
		}
	}
	return string(text)
}

func (s *scanner) action() Action {
	text, kind := s.scalar()
	if kind == isNull {
		return NoReplication
	}
	a, ok := parseAction(text)
	if !ok {
		s.fail(fmt.Sprintf("unknown action %.40q", text))
	}
	return a
}

// instanceInfo takes an instance, but only its syntax is a matter of the batch: an instance that does not decode is
// the item's own failure.
func (s *scanner) instanceInfo(item *ReplicationItem, now int64) {
	item.Instance, item.InstanceText, item.InstanceError = nil, nil, nil
	if s.peek() == 'n' {
		s.scalar()
		return
	}
	start := s.pos
	s.skip()
	if s.err != nil {
		return
	}
	item.InstanceText = s.data[start:s.pos]
	in, err := DecodeBareInstance(item.InstanceText, now)
	if err == nil {
		err = in.limited()
	}
	if err != nil {
		item.InstanceError = err
		return
	}
	item.Instance = in
}
