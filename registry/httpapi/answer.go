package httpapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/registry"
)

// Header values of nearly every answer, made once.
var (
	headerJSON  = []string{typeJSON}
	headerXML   = []string{typeXML}
	headerGzip  = []string{"gzip"}
	headerClose = []string{"close"}
)

// answer writes status, label and body with its length. Each part is one Write, which is the cheapest form there is (one copy
// to the kernel); an empty label sets no Content-Type.
func answer(c echo.Context, status int, label string, body ...[]byte) error {
	w := c.Response()
	h := w.Header()
	switch label {
	case "":
	case typeJSON:
		h["Content-Type"] = headerJSON
	case typeXML:
		h["Content-Type"] = headerXML
	default:
		h["Content-Type"] = []string{label}
	}
	length := registry.Body(body).Len()
	if length == 0 {
		// net/http adds "Content-Length: 0" by itself where one belongs.
		w.WriteHeader(status)
		return nil
	}
	h["Content-Length"] = []string{strconv.Itoa(length)}
	if length > slowAnswer {
		allowTimeFor(w, length)
	}
	w.WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	for _, part := range body {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// slowAnswer is the size beyond which an answer gets time to be read of its own, apart from the http.Server's WriteTimeout.
const slowAnswer = 256 << 10

// allowTimeFor gives a large body eight seconds and one more per MiB: a client that reads slowly gets its list, one that does
// not read at all is cut off.
func allowTimeFor(w http.ResponseWriter, size int) {
	limit := 8*time.Second + time.Duration(size>>20)*time.Second
	// The deadline is the connection's, so it is the connection's clock; a writer without a connection has none.
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
}

// answerJSON encodes v and answers 200.
func answerJSON(c echo.Context, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, typeJSON, append(body, '\n'))
}

// answerLive is answerJSON for what holds only now and is not to be kept.
func answerLive(c echo.Context, v any) error {
	c.Response().Header().Set("Cache-Control", "no-store")
	return answerJSON(c, v)
}
