package namesrv

import (
	"fmt"
	"slices"
)

// methods are what a request of HTTP begins with. Taken as the length of a frame, each is far beyond any limit.
var methods = []string{"GET ", "POST", "PUT ", "HEAD", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI "}

var errHTTP = fmt.Errorf("%w: HTTP request on the RocketMQ port", causeHTTP)

// notHTTP waits for the beginning of the first frame, and returns errHTTP if somebody mistook the port.
func (c *conn) notHTTP() error {
	head, err := c.peek(lengthSize)
	if err == nil && isHTTP(head) {
		return errHTTP
	}
	return err
}

func isHTTP(p []byte) bool { return len(p) >= lengthSize && beginsLikeHTTP(p) }

// beginsLikeHTTP reports whether p may be the beginning of a method, or more.
func beginsLikeHTTP(p []byte) bool {
	return slices.ContainsFunc(methods, func(method string) bool { return startsLike(p, method) })
}

// refuseHTTP answers in the words of who asked, with a problem document as the HTTP port does, whose detail our commands show.
func (c *conn) refuseHTTP() {
	const problem = `{"title":"Bad Request","status":400,"detail":"this port speaks the protocol of RocketMQ; HTTP is at the address of --http-listen"}` + "\n"
	_ = c.write(fmt.Appendf(nil, "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(problem), problem))
}
