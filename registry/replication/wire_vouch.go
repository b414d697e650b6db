package replication

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/zonekeeper/zonekeeper/registry"
)

// A question asks a peer what it knows of instances whose lease is over here, in place of servers that are not heard here.
type question struct {
	Missing []string // peer ids, at most maxList
	Asked   []asked  // at most maxAsk
}

type asked struct {
	Key     registry.Key
	Version registry.Version
	Ended   time.Duration // how long ago the lease ended here
}

// A testimony answers a question, place by place.
type testimony struct {
	// Heard says for each missing server how long ago everything that it had heard by then had reached the witness; negative:
	// the witness does not hear it either.
	Heard   []time.Duration
	Answers []witnessed
}

type witnessed struct {
	State registry.WitnessState
	Age   time.Duration // since the last renewal that the witness knows of
	Ended time.Duration // since the lease ended there, 0 if it has not
}

func appendQuestion(b []byte, q question) []byte {
	b = binary.AppendUvarint(append(b, wireVersion), uint64(len(q.Missing)))
	for _, id := range q.Missing {
		b = appendText(b, id)
	}
	for _, a := range q.Asked {
		registered := byte(0)
		if a.Version.Registered {
			registered = 1
		}
		b = appendText(appendText(append(b, registered), a.Key.App), a.Key.ID)
		b = appendAge(appendVersion(b, a.Version), a.Ended)
	}
	return b
}

// decodeQuestion returns a question whose strings belong to the message.
func decodeQuestion(body []byte) (question, error) {
	if len(body) > maxBody {
		return question{}, fmt.Errorf("%w: %d bytes, limit %d", errWire, len(body), maxBody)
	}
	r := reader{s: string(body)}
	if v := r.byte(); r.err == nil && v != wireVersion {
		return question{}, fmt.Errorf("%w: version %d", errWire, v)
	}
	var q question
	n := r.uvarint()
	if n > maxList {
		return question{}, fmt.Errorf("%w: %d missing servers, limit %d", errWire, n, maxList)
	}
	for range n {
		q.Missing = append(q.Missing, r.text(maxName))
	}
	for r.more() {
		if len(q.Asked) == maxAsk {
			return question{}, fmt.Errorf("%w: more than %d instances", errWire, maxAsk)
		}
		registered := r.byte()
		if registered > 1 {
			r.fail(fmt.Errorf("%w: version with flag %d", errWire, registered))
		}
		k := registry.Key{App: r.text(maxName), ID: r.text(maxName)}
		q.Asked = append(q.Asked, asked{Key: k, Version: r.version(registered == 1), Ended: r.age()})
	}
	if r.err != nil {
		return question{}, r.err
	}
	return q, nil
}

func appendTestimony(b []byte, t testimony) []byte {
	b = binary.AppendUvarint(append(b, wireVersion), uint64(len(t.Heard)))
	for _, age := range t.Heard {
		if age < 0 {
			b = append(b, 0)
			continue
		}
		b = appendAge(append(b, 1), age)
	}
	for _, a := range t.Answers {
		b = appendAge(appendAge(append(b, byte(a.State)), a.Age), a.Ended)
	}
	return b
}

// decodeTestimony demands the numbers of answers that were asked for.
func decodeTestimony(body []byte, missing, instances int) (testimony, error) {
	r := reader{s: string(body)}
	if v := r.byte(); r.err == nil && v != wireVersion {
		return testimony{}, fmt.Errorf("%w: version %d", errWire, v)
	}
	if n := r.uvarint(); r.err == nil && n != uint64(missing) {
		return testimony{}, fmt.Errorf("%w: testimony about %d servers, asked about %d", errWire, n, missing)
	}
	var t testimony
	for i := 0; i < missing && r.err == nil; i++ {
		age := time.Duration(-1)
		switch heard := r.byte(); heard {
		case 0:
		case 1:
			age = r.age()
		default:
			r.fail(fmt.Errorf("%w: testimony with flag %d", errWire, heard))
		}
		t.Heard = append(t.Heard, age)
	}
	for i := 0; i < instances && r.err == nil; i++ {
		t.Answers = append(t.Answers, witnessed{State: registry.WitnessState(r.byte()), Age: r.age(), Ended: r.age()})
	}
	return t, r.end("testimony")
}
