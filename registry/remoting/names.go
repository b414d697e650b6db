package remoting

import "strings"

// checkName bounds the name of a topic, broker or cluster. What it consists of is its owner's affair: retry topics have %,
// and others any language.
func checkName(field, name string) *FieldError {
	switch {
	case name == "":
		return &FieldError{Field: field, Reason: "is missing: it is the key under which everybody asks for it"}
	case len(name) > MaxName:
		return &FieldError{Field: field, Value: excerpt([]byte(name)), Reason: "is longer than 1024 bytes"}
	}
	return nil
}

// checkAddr refuses addresses that would break those who get them: Go clients up to v2.1.1 split a broker's addresses at commas.
func checkAddr(field, addr string) *FieldError {
	if err := checkName(field, addr); err != nil {
		return err
	}
	if strings.ContainsAny(addr, ",;\"\\{} ") || strings.ContainsFunc(addr, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return &FieldError{Field: field, Value: excerpt([]byte(addr)), Reason: "is not an address: send host:port"}
	}
	return nil
}
