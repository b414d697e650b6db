package httpapi

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
)

// RouteView is what people and tools may see of a name server's state. Its methods are called from many goroutines, must not
// block, and return values that nobody changes afterwards.
type RouteView interface {
	// Topics are the topics whose name contains query, case aside, in order of their names and at most limit of them.
	Topics(query string, limit int) TopicPage
	// Route is the route of a topic as a RocketMQ client gets it, as standard JSON. ok is false if no broker has the topic.
	Route(topic string) (route []byte, ok bool)
	// Why explains the route of a topic, or that there is none, as this server sees it. It encodes as JSON.
	Why(topic string) any
	// Brokers are all broker groups with their addresses. It encodes as JSON.
	Brokers() any
}

// A TopicPage is the answer of GET /api/v1/topics.
type TopicPage struct {
	// Matching is how many topics matched, Topics as many of them as were asked for. Encoded, it is an array even when empty.
	Matching int     `json:"matching"`
	Topics   []Topic `json:"topics"`
}

// A Topic is one line of a TopicPage: queues are summed over the brokers that have the topic.
type Topic struct {
	Name        string   `json:"name"`
	ReadQueues  int      `json:"readQueues"`
	WriteQueues int      `json:"writeQueues"`
	Brokers     []string `json:"brokers"`
}

// Topics that one answer lists if nobody says how many, and at most: a server may know 100,000.
const (
	usualTopics = 1_000
	mostTopics  = 100_000
)

// errNoRoutes is met where people and tools look into a name server that is not there.
var errNoRoutes = &statusError{http.StatusNotFound, "this server runs no RocketMQ name server: start it with --namesrv-listen=:9876 (ZONEKEEPER_NAMESRV_LISTEN), or ask one that does"}

var errLimit = &statusError{http.StatusBadRequest, fmt.Sprintf("limit must be a number from 1 to %d", mostTopics)}

// topics answers GET /api/v1/topics?q=&limit=: names, queues and brokers of the topics whose name contains q.
func (s *Server) topics(c echo.Context) error {
	if s.deps.Routes == nil {
		return errNoRoutes
	}
	query := c.Request().URL.RawQuery
	q, _ := queryParam(query, "q")
	limit := usualTopics
	if text, given := queryParam(query, "limit"); given {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > mostTopics {
			return errLimit
		}
		limit = n
	}
	page := s.deps.Routes.Topics(q, limit)
	if page.Topics == nil {
		page.Topics = []Topic{}
	}
	return answerLive(c, page)
}

// topicRoute answers GET /api/v1/topics/{topic}: the route as clients get it.
func (s *Server) topicRoute(c echo.Context) error {
	if s.deps.Routes == nil {
		return errNoRoutes
	}
	topic := pathParam(c, "topic")
	route, ok := s.deps.Routes.Route(topic)
	if !ok {
		return &statusError{http.StatusNotFound, fmt.Sprintf("no broker has the topic %q; add /why to the path to see what is known of it", topic)}
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return answer(c, http.StatusOK, typeJSON, route)
}

// whyTopic answers GET /api/v1/topics/{topic}/why. Every server has its own view; whoever wants all of them asks all servers.
func (s *Server) whyTopic(c echo.Context) error {
	if s.deps.Routes == nil {
		return errNoRoutes
	}
	return answerLive(c, s.deps.Routes.Why(pathParam(c, "topic")))
}

// brokers answers GET /api/v1/brokers.
func (s *Server) brokers(c echo.Context) error {
	if s.deps.Routes == nil {
		return errNoRoutes
	}
	return answerLive(c, s.deps.Routes.Brokers())
}
