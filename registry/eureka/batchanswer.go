package eureka

import "strconv"

// ReplicationAnswer is the answer to one item of a batch, in the place of the item.
type ReplicationAnswer struct {
	StatusCode int
	Entity     []byte // the instance that the receiver holds (with 409), as unwrapped JSON; nil for none
}

// AppendReplicationAnswers appends the answer to a batch, as a Java server writes it.
func AppendReplicationAnswers(dst []byte, answers []ReplicationAnswer) []byte {
	dst = append(dst, `{"responseList":[`...)
	for i := range answers {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"statusCode":`...)
		dst = strconv.AppendInt(dst, int64(answers[i].StatusCode), 10)
		if answers[i].Entity != nil {
			dst = append(dst, `,"responseEntity":`...)
			dst = append(dst, answers[i].Entity...)
		}
		dst = append(dst, '}')
	}
	return append(dst, "]}"...)
}

// DecodeReplicationAnswers decodes the answer to a batch, of at most maxAnswers answers. Entities are slices of body,
// their syntax checked. Unknown members are skipped. The error is a *DecodeError, or ErrNoList.
func DecodeReplicationAnswers(body []byte, maxAnswers int) ([]ReplicationAnswer, error) {
	s := newScanner(body)
	if !s.open('{') {
		return nil, s.err
	}
	var answers []ReplicationAnswer
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			break
		}
		switch {
		case string(key) != "responseList":
			s.skip()
		case answers != nil:
			s.fail("responseList comes twice")
		default:
			answers = s.answers(maxAnswers)
		}
	}
	switch {
	case s.err != nil:
		return nil, s.err
	case answers == nil:
		return nil, ErrNoList
	}
	return answers, nil
}

func (s *scanner) answers(maxAnswers int) []ReplicationAnswer {
	s.field = "responseList"
	if s.peek() == 'n' {
		s.scalar()
		return nil
	}
	if !s.open('[') {
		return nil
	}
	answers := make([]ReplicationAnswer, 0, min(maxAnswers, 1+(len(s.data)-s.pos)/18)) // {"statusCode":200}
	for first := true; s.element(first); first = false {
		if len(answers) == maxAnswers {
			s.fail("too many answers")
			return nil
		}
		answers = append(answers, s.answer())
	}
	return answers
}

func (s *scanner) answer() (a ReplicationAnswer) {
	if !s.open('{') {
		return a
	}
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			return a
		}
		switch string(key) {
		case "statusCode":
			s.int(&a.StatusCode)
		case "responseEntity":
			if s.peek() == 'n' {
				s.scalar()
				continue
			}
			start := s.pos
			if s.skip(); s.err == nil {
				a.Entity = s.data[start:s.pos]
			}
		default:
			s.skip()
		}
	}
}
