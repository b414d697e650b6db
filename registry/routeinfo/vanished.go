package routeinfo

// maxVanished is how many topics are remembered that nobody tells of any more. The latest stay.
const maxVanished = 10_000

// vanished remembers who told last of topics that are gone, for whoever asks why there is no route.
type vanished struct {
	of    map[string]LastTeller
	order []string // in which they went; some may be back
}

func (v *vanished) add(topic string, b *broker, s *source) {
	if _, known := v.of[topic]; !known {
		v.order = append(v.order, topic)
	}
	v.of[topic] = LastTeller{Cluster: b.key.Cluster, Name: s.name, Addr: b.key.Addr, Server: s.server, LastHeard: s.renewed}
	if len(v.order) > 2*maxVanished {
		for _, old := range v.order[:maxVanished] {
			delete(v.of, old)
		}
		v.order = append(v.order[:0], v.order[maxVanished:]...)
	}
}
