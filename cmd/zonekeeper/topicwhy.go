package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/routeinfo"
)

// topicAccount is what `topics why` prints.
type topicAccount struct {
	Topic string `json:"topic"`
	// Routed: every name server answered and sends clients to brokers of the topic.
	Routed    bool               `json:"routed"`
	Sentences []string           `json:"sentences"`
	Servers   []reply[topicView] `json:"servers"`
}

func (p *program) whyTopic(ctx context.Context, topic string) error {
	ctx, cancel := p.operation(ctx)
	defer cancel()
	all, err := askNamesrvs[topicView](ctx, p, "/api/v1/topics/"+url.PathEscape(topic)+"/why")
	if err != nil {
		return err
	}
	account := accountFor(topic, all)
	r := result{data: account}
	for _, sentence := range account.Sentences {
		r.rows = append(r.rows, []string{sentence})
	}
	if err := p.print(r); err != nil {
		return err
	}
	if !account.Routed {
		return errTold
	}
	return nil
}

// accountFor puts what several name servers say of a topic into sentences.
func accountFor(topic string, all []reply[topicView]) topicAccount {
	var on, off, unready []string // servers that answered
	var asked []nameServerView    // likewise
	var brokers int
	names := make(map[string]string)
	for i, one := range all {
		if one.Err != "" {
			continue
		}
		v := one.Answer
		all[i].Name = v.Address
		asked, brokers = append(asked, v.nameServerView), max(brokers, v.Brokers)
		for id, address := range v.Peers {
			names[id] = address
		}
		switch {
		case !v.Answers:
			unready = append(unready, v.Address)
		case v.Routed:
			on = append(on, v.Address)
		default:
			off = append(off, v.Address)
		}
	}
	a := topicAccount{Topic: topic, Routed: len(on) == len(all), Servers: all}
	say := func(format string, args ...any) { a.Sentences = append(a.Sentences, fmt.Sprintf(format, args...)) }
	switch {
	case len(off) == 0 && len(on) == 1:
		say("%s is routed on %s.", topic, on[0])
	case len(off) == 0 && len(on) > 0:
		say("%s is routed on all %d name servers that answer lookups: %s.", topic, len(on), listed(on))
	case len(on) == 0 && len(off) > 0:
		say("%s is not routed on %s: clients are told \"No route info of this topic\".", topic, listed(off))
	case len(on) > 0:
		say("%s is routed on %s, but not on %s.", topic, listed(on), listed(off))
	}
	if len(unready) > 0 {
		say("%s %s lookups yet: clients are told \"name server not ready\", and keep the routes they have.", listed(unready), verb(len(unready), "answers no", "answer no"))
	}
	a.Sentences = append(a.Sentences, silent(all)...)
	for _, one := range all {
		if one.Err == "" && one.Answer.Waiting != "" {
			say("%s is %s. %s", one.Answer.Address, one.Answer.Phase, one.Answer.Waiting)
		}
	}
	groups := mergeGroups(all)
	for _, g := range groups {
		a.Sentences = append(a.Sentences, g.sentences(names, len(on)+len(off)+len(unready))...)
	}
	gone := goneFrom(all, groups)
	for _, g := range gone {
		say("Broker %s of cluster %s (%s, %s) had it, last registered or gave a sign of life at %s, through %s, and is gone since %s: its connection ended, "+
			"it said goodbye, or it was silent for too long.", g.Name, g.Cluster, g.Addr, roleOf(g.ID), stamp(g.LastHeard), g.through, stamp(g.Went))
	}
	deletions := deletionsOf(all)
	for _, d := range deletions {
		say("It was deleted from %s of cluster %s%s.", listed(d.Brokers), d.Cluster, byWhom(d.By, &d.At))
	}
	switch {
	case len(groups)+len(deletions)+len(gone) > 0, len(asked) == 0:
	case brokers == 0:
		say("%s", noBrokerAt(asked))
	case brokers == 1:
		say("The one broker known here does not register it. Was it created (mqadmin updateTopic), and does the broker that has it run? zonekeeper brokers ls shows who is here.")
	default:
		say("None of the %s known here registers it. If it should be there: was it created (mqadmin updateTopic), and does the broker that has it run?"+
			" zonekeeper brokers ls shows those that are here.", many(brokers, "broker", "brokers"))
	}
	return a
}

// departedBroker is a broker that went, and the name server that it registered with.
type departedBroker struct {
	goneBroker
	through string
}

// goneFrom are the brokers that had the topic and are on no name server now, each with the latest word of it.
func goneFrom(all []reply[topicView], groups []*groupAccount) []departedBroker {
	var found []departedBroker
	for _, one := range all {
		for _, g := range one.Answer.Gone {
			there := slices.ContainsFunc(groups, func(a *groupAccount) bool {
				return a.cluster == g.Cluster && slices.ContainsFunc(a.brokers, func(b *brokerAccount) bool { return b.addr == g.Addr })
			})
			i := slices.IndexFunc(found, func(o departedBroker) bool { return o.Cluster == g.Cluster && o.Addr == g.Addr })
			switch {
			case there:
			case i < 0:
				found = append(found, departedBroker{g, one.Answer.Address})
			case g.Went.After(found[i].Went):
				found[i] = departedBroker{g, one.Answer.Address}
			}
		}
	}
	return found
}

// deletionsOf are the deletions that no broker group's sentence tells of.
func deletionsOf(all []reply[topicView]) []routeinfo.DeletionNote {
	var found []routeinfo.DeletionNote
	for _, one := range all {
		for _, d := range one.Answer.Deletions {
			told := slices.ContainsFunc(one.Answer.Groups, func(g routeinfo.GroupExplanation) bool { return g.SuppressedBy != nil && g.Cluster == d.Cluster })
			known := slices.ContainsFunc(found, func(o routeinfo.DeletionNote) bool { return o.Cluster == d.Cluster && o.At.Equal(d.At) })
			if !told && !known {
				found = append(found, d)
			}
		}
	}
	return found
}

// groupAccount is what the name servers together know of a broker group's part in a topic.
type groupAccount struct {
	cluster, name string
	view          routeinfo.GroupExplanation // of the first that routes it, else of the first
	on, off       []string                   // servers that route it there, and that know the group but do not
	brokers       []*brokerAccount
}

type brokerAccount struct {
	addr    string
	id      int64
	carries bool
	direct  []string // servers that it registers with
	told    []string // ids of the servers from whom those know it that have no connection of it
	known   []string
	age     time.Duration
	heard   time.Time
}

func mergeGroups(all []reply[topicView]) []*groupAccount {
	var groups []*groupAccount
	for _, one := range all {
		for _, g := range one.Answer.Groups {
			i := slices.IndexFunc(groups, func(a *groupAccount) bool { return a.cluster == g.Cluster && a.name == g.Name })
			if i < 0 {
				i = len(groups)
				groups = append(groups, &groupAccount{cluster: g.Cluster, name: g.Name, view: g})
			}
			groups[i].add(one.Answer.nameServerView, g)
		}
	}
	slices.SortFunc(groups, func(a, b *groupAccount) int {
		return cmp.Or(strings.Compare(a.cluster, b.cluster), strings.Compare(a.name, b.name))
	})
	return groups
}

func (a *groupAccount) add(from nameServerView, g routeinfo.GroupExplanation) {
	if g.Routed {
		if len(a.on) == 0 {
			a.view = g
		}
		a.on = append(a.on, from.Address)
	} else {
		a.off = append(a.off, from.Address)
	}
	for _, b := range g.Brokers {
		i := slices.IndexFunc(a.brokers, func(o *brokerAccount) bool { return o.addr == b.Addr })
		if i < 0 {
			i = len(a.brokers)
			a.brokers = append(a.brokers, &brokerAccount{addr: b.Addr, id: b.ID, age: -1})
		}
		a.brokers[i].add(from, b)
	}
}

// add takes over what one name server knows of the broker, with ages by that server's clock.
func (a *brokerAccount) add(from nameServerView, b routeinfo.BrokerExplanation) {
	a.carries = a.carries || b.Carries
	a.known = append(a.known, from.Address)
	for _, s := range b.Sources {
		if s.Server == "" {
			a.direct = append(a.direct, from.Address)
		} else if !slices.Contains(a.told, s.Server) {
			a.told = append(a.told, s.Server)
		}
		if since := max(0, from.At.Sub(s.LastHeard)); a.age < 0 || since < a.age {
			a.age, a.heard = since, s.LastHeard
		}
	}
}

func (a *groupAccount) sentences(names map[string]string, servers int) []string {
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	g := a.view
	where := ""
	if len(a.on) > 0 && len(a.on) < servers {
		where = ", on " + listed(a.on) + " only"
	}
	head := fmt.Sprintf("Broker %s of cluster %s", a.name, a.cluster)
	carried := slices.ContainsFunc(a.brokers, func(b *brokerAccount) bool { return b.carries })
	switch {
	case len(a.on) > 0:
		say("%s has it%s: %s to read, %s to write, permission %s.", head, where,
			many(int(g.ReadQueues), "queue", "queues"), many(int(g.WriteQueues), "queue", "queues"), permText(g.Effective))
	case carried:
		say("%s registers it, and it is not routed there.", head)
	default:
		say("%s had it.", head)
	}
	for _, b := range a.brokers {
		all = append(all, "  "+b.sentence(names, g.SuppressedBy == nil))
	}
	for _, r := range g.Reduced {
		switch r.Why {
		case routeinfo.ReducedByWipe:
			say("  Its permission to write was taken away%s, so producers are given none of its queues. mqadmin addWritePerm -b %s gives it back.", byWhom(r.By, r.At), a.name)
		case routeinfo.ReducedWithoutMaster:
			say("  It has no master (no broker with id 0) at the moment. Its slaves act for it, so nothing is written to it until the master is back.")
		default:
			say("  Its permission is less than it registered: %s%s.", r.Why, byWhom(r.By, r.At))
		}
	}
	if g.Registered&2 == 0 && len(a.on) > 0 {
		say("  The broker itself registers it without permission to write (%s).", permText(g.Registered))
	}
	switch d := g.SuppressedBy; {
	case d == nil:
	case carried:
		say("  It was deleted there%s, and the broker still registers what it had then. Creating it anew (mqadmin updateTopic), or any other change of the broker's topics, brings it back.",
			byWhom(d.By, &d.At))
	default:
		say("  It was deleted there%s. What a broker had then does not bring it back, though it registers it again and again; creating it anew (mqadmin updateTopic) does.",
			byWhom(d.By, &d.At))
	}
	return all
}

func verb(n int, one, several string) string {
	if n == 1 {
		return one
	}
	return several
}

// sentence says when a broker was last heard, and by whom; and whether it lacks the topic, unless a deletion hides that.
func (a *brokerAccount) sentence(names map[string]string, lacking bool) string {
	text := fmt.Sprintf("%s, %s, ", a.addr, roleOf(a.id))
	if a.age >= 0 {
		text += fmt.Sprintf("last registered or gave a sign of life %s ago (%s), ", age(a.age), stamp(a.heard))
	}
	switch {
	case len(a.direct) > 0:
		text += "through " + listed(a.direct) + "."
	default:
		var told []string
		for _, id := range a.told {
			told = append(told, cmp.Or(names[id], "server "+short(id)+", which is gone"))
		}
		text += "through " + listed(told) + "; none of those asked has a connection of it."
	}
	if !a.carries && lacking {
		text += " It does not have the topic itself."
	}
	return text
}

func roleOf(id int64) string {
	if id == 0 {
		return "its master"
	}
	return fmt.Sprintf("slave %d", id)
}

// byWhom is who did something and when, as far as it is known, with a space before it.
func byWhom(who string, when *time.Time) string {
	text := ""
	if who != "" {
		text += " by " + who
	}
	if when != nil && !when.IsZero() {
		text += " at " + stamp(*when)
	}
	return text
}

// listed puts names into a sentence: "a", "a and b", "a, b and c".
func listed(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
