package registry

import (
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// stretch is the pieces of neighbouring segments in one memory. A body of a hundred thousand instances has a thousand pieces:
// too many to write one by one, and too much to copy together after each change. So a change costs the copy of its stretch,
// and a body is a write for each. The pieces are kept nowhere else.
type stretch struct {
	deflated
	pieces int
}

// segmentsOfStretch is how many on average: some 150 KiB compressed, which is as good as one write for the whole. Which segments
// lead does not depend on their place, so that one more or less leaves all other stretches as they are.
const segmentsOfStretch = 32

// piece is a segment's text compressed.
type piece struct {
	deflated
	of *stretch // nil until it lies in one
}

// appendStretches appends all segments compressed.
func appendStretches(dst []deflated, segments []*segment, f eureka.Format) []deflated {
	for len(segments) > 0 {
		n := 1
		for n < len(segments) && !segments[n].leads {
			n++
		}
		dst = append(dst, stretchOf(segments[:n], f).deflated)
		segments = segments[n:]
	}
	return dst
}

// stretchOf is the one that is made of exactly these segments.
func stretchOf(segments []*segment, f eureka.Format) *stretch {
	of := segments[0].piece(f).of
	same := of != nil && of.pieces == len(segments)
	pieces := make([]deflated, len(segments))
	for i, s := range segments {
		p := s.piece(f)
		pieces[i] = p.deflated
		same = same && p.of == of
	}
	if same {
		return of
	}
	of = &stretch{join(pieces), len(pieces)}
	rest := of.data
	for i, p := range pieces {
		n := len(p.data)
		p.data, rest = rest[:n:n], rest[n:]
		segments[i].pieces[f].Store(&piece{p, of})
	}
	return of
}

func (s *segment) piece(f eureka.Format) *piece {
	if p := s.pieces[f].Load(); p != nil {
		return p
	}
	buf := bodies.Get().(*[]byte)
	defer bodies.Put(buf)
	*buf = s.appendBefore((*buf)[:0], f)
	start := len(*buf)
	*buf = s.appendText(*buf, f)
	p := &piece{deflated: deflate((*buf)[start:], (*buf)[:start])}
	s.pieces[f].Store(p)
	return p
}
