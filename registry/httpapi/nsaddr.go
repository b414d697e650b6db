package httpapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/peerstore"
)

// NamesrvList is the part of peerstore.List that knows name servers. Both lists may be asked at every request.
type NamesrvList interface {
	// NamesrvClients are the servers that RocketMQ clients are sent to: those that serve.
	NamesrvClients() []peerstore.Peer
	// NamesrvBrokers are the servers that brokers register with: those that join, so that they know every broker before the first
	// client comes, that serve, and that drain, until the last client left.
	NamesrvBrokers() []peerstore.Peer
}

// Subgroups of the address look-up, the last part of its path.
const (
	clientsSubgroup = "nsaddr"
	brokersSubgroup = "nsaddr-broker"
)

// nsaddr answers GET /rocketmq/nsaddr, /rocketmq/nsaddr-{unit} and /rocketmq/nsaddr-broker: the name servers as one line of
// ip:port;ip:port, straight from the live list, so that any server of the cluster is the "address server" of brokers and clients
// that are configured with one.
//
// Compat: apache/rocketmq DefaultTopAddressing.java: fetchNSAddr keeps the first line and trims it; apache/rocketmq-client-go
// nsresolver.go: HttpResolver.get trims the whole body and splits it at ";". Neither looks at the Content-Type. Duplicates upset
// the comparison by which Java finds changes, and the Go client refuses a list with a host name in it. All of them treat an empty
// body, any other status and silence alike: they keep the list they have. So an answer that names nobody is never a 200, and its
// status and text are for people: 404 when there is no name server to be listed, 503 while those there are do not serve yet.
func (s *Server) nsaddr(c echo.Context) error {
	// A unit of clients may be called "broker". Clients of a unit ask with "?nofix=1", brokers never do
	// (DefaultTopAddressing.java: fetchNSAddr, and HttpResolver.DomainWithUnit in Go).
	_, ofUnit := queryParam(c.Request().URL.RawQuery, "nofix")
	subgroup := pathParam(c, "subgroup")
	unit, isUnit := strings.CutPrefix(subgroup, clientsSubgroup+"-")
	var list func(NamesrvList) []string
	switch {
	case subgroup == brokersSubgroup && !ofUnit:
		list = forBrokers
	case subgroup == clientsSubgroup, isUnit && unit != "":
		list = forClients
	default:
		return errSubgroup
	}
	known := s.deps.Namesrv
	if known == nil {
		return errNoNamesrv
	}
	addrs := list(known)
	if len(addrs) == 0 {
		if len(known.NamesrvBrokers()) == 0 {
			return errNoNamesrv
		}
		return errNoneServes
	}
	body := []byte(strings.Join(addrs, ";") + "\n")
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	h := c.Response().Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "no-cache")
	if matches(c.Request().Header, tag) {
		return answer(c, http.StatusNotModified, "", nil)
	}
	return answer(c, http.StatusOK, typeText, body)
}

var (
	errSubgroup = &statusError{http.StatusNotFound, "there is no such list of name servers: clients read /rocketmq/nsaddr, or /rocketmq/nsaddr-UNIT for their unit, " +
		"and brokers /rocketmq/nsaddr-broker (rmqAddressServerSubGroup=nsaddr-broker)"}
	errNoNamesrv = &statusError{http.StatusNotFound, "no RocketMQ name server is known here: start servers with --namesrv-listen=:9876 (ZONEKEEPER_NAMESRV_LISTEN)"}
	// errNoneServes is only met before the first of a new cluster serves, or in the last seconds of the last.
	errNoneServes = &statusError{http.StatusServiceUnavailable, "no RocketMQ name server serves clients now: those there are still wait for brokers to register, or are about to stop"}
)

// forClients are the addresses of those that serve; while none does, those that drain, as in the last minutes of the last server:
// they still answer everything, and a client that starts has nobody else.
func forClients(known NamesrvList) []string {
	if addrs := namesrvAddrs(known.NamesrvClients()); len(addrs) > 0 {
		return addrs
	}
	var draining []peerstore.Peer
	for _, p := range known.NamesrvBrokers() {
		if p.NamesrvPhase == peerstore.PhaseDraining {
			draining = append(draining, p)
		}
	}
	return namesrvAddrs(draining)
}

func forBrokers(known NamesrvList) []string { return namesrvAddrs(known.NamesrvBrokers()) }

// namesrvAddrs are the addresses of peers in the one form and order in which every server gives them.
func namesrvAddrs(peers []peerstore.Peer) []string {
	raw := make([]string, len(peers))
	for i, p := range peers {
		raw[i] = p.Addresses.Namesrv
	}
	return clientcfg.NamesrvAddrs(raw)
}
