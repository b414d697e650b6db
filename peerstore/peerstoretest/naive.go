package peerstoretest

import "github.com/zonekeeper/zonekeeper/peerstore"

// Naive is the evaluation that everybody writes first and that we do not use: whose lease has not run out by the database's clock
// is a peer, everybody else is gone. Tests run it beside the real one as a control: where it survives too, no fault was injected.
func Naive(v peerstore.View) (ids []string) {
	for _, r := range v.Rows {
		if r.Phase.Living() && r.Age < r.TTL {
			ids = append(ids, r.ID)
		}
	}
	return ids
}
