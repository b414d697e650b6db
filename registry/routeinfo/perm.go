package routeinfo

import "time"

// WipeWrite takes the write permission from all topics of a broker name, in every cluster, until AddWrite: what the brokers
// register meanwhile changes nothing. It returns how many topics they have; a name that no broker here has is left alone.
// That holds before WordsRead too: what was answered with no topics must not come into force later. The error is a
// *RefusedError.
func (t *Table) WipeWrite(broker, by string, now time.Time) (topics int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	groups := t.named(broker)
	if len(groups) == 0 {
		return 0, nil
	}
	topics = t.topicsOf(groups)
	return topics, t.say(by, now, Word{Kind: Wipe, Name: broker})
}

// AddWrite gives the topics of a broker name the permissions back that the brokers registered. It returns how many topics
// they have. A name that is not wiped is left alone, but before WordsRead a stored wipe may be waiting. The error is a
// *RefusedError.
func (t *Table) AddWrite(broker, by string, now time.Time) (topics int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	topics = t.topicsOf(t.named(broker))
	if !t.words.wiped(broker) && t.words.read {
		return topics, nil
	}
	return topics, t.say(by, now, Word{Kind: Wipe, Name: broker, Deleted: true})
}

func (t *Table) keepWipe(e *wordEntry) {
	if e.Deleted {
		delete(t.words.wipes, e.Name)
	} else {
		t.words.wipes[e.Name] = e
	}
	for _, g := range t.named(e.Name) {
		g.wiped = !e.Deleted
		g.hash = g.digest()
	}
	t.regroup()
}

// topicsOf counts the topics that clients find at groups.
func (t *Table) topicsOf(groups []*group) int {
	if len(groups) == 0 {
		return 0
	}
	n := 0
	for tp := range t.shapes.topics {
		for _, v := range t.view(tp).rows {
			for _, g := range groups {
				n += count(v.g == g)
			}
		}
	}
	return n
}
