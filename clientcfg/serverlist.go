package clientcfg

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Bounds of a list that came from outside. A cluster of Zonekeeper servers is
// a full mesh, so a list longer than maxServers is a mistake or an attack.
const (
	maxServers   = 2048
	maxURL       = 2048
	maxName      = 256
	maxListBytes = 1 << 20
)

// ErrNoServers says that a source answered, but with nobody to talk to. It is
// not the same as no answer, yet a client treats both alike: it keeps the list
// it has.
var ErrNoServers = errors.New("the server list is empty")

// Server is one Zonekeeper server as clients see it.
type Server struct {
	// URL is where its Eureka API starts, with a trailing slash:
	// http://10.0.0.7:8761/eureka/.
	URL string `json:"url"`
	// Zone and Region are the server's own; clients of the same zone prefer it.
	Zone   string `json:"zone,omitempty"`
	Region string `json:"region,omitempty"`
	// ID names this start of the server: a restart has another one. Sources
	// that do not know it leave it empty, and nothing is decided by it.
	ID string `json:"id,omitempty"`
	// Namesrv is where its RocketMQ name server listens, a literal ip:port;
	// empty while it runs none. NamesrvPhase is where that is in its life,
	// which goes apart from that of the Eureka side: "joining", "serving" or
	// "draining". ServerList.Namesrvs says which ones to use.
	Namesrv      string `json:"namesrv,omitempty"`
	NamesrvPhase string `json:"namesrvPhase,omitempty"`
}

// ServerList is the list of servers that take clients, as GET /zone.json
// answers it. The zero value is an empty list.
//
// A ServerList is a value: its methods never change it, and whoever hands one
// out does not change Servers afterwards.
type ServerList struct {
	// Cluster is the name of the cluster all of them belong to, if known.
	Cluster string `json:"cluster,omitempty"`
	// Servers are in no order that means anything; see Ordered.
	Servers []Server `json:"servers"`
	// Namesrv are the RocketMQ name servers that take clients, each a literal
	// ip:port, also those of servers that are not on the list themselves. It is
	// empty where there are none, or where the source does not know; read it
	// with Namesrvs.
	Namesrv []string `json:"namesrv,omitempty"`
}

// Empty says that there is nobody on the list.
func (l ServerList) Empty() bool { return len(l.Servers) == 0 }

// Equal says whether both lists send a client to the same places: URLs, zones
// and regions agree, in any order, and so do Namesrvs. A server that was
// restarted at its old address makes no difference.
func (l ServerList) Equal(o ServerList) bool {
	return slices.Equal(l.Namesrvs(), o.Namesrvs()) &&
		slices.EqualFunc(l.Ordered(""), o.Ordered(""), func(a, b Server) bool {
			return a.URL == b.URL && a.Zone == b.Zone && a.Region == b.Region
		})
}

// Ordered returns the servers of the given zone first, then the others, each
// part by URL. It is the same on every server and in every client, so that
// equal lists are equal bytes; who wants to spread load draws a start at random
// as Client.Next does. An empty zone prefers nobody.
func (l ServerList) Ordered(zone string) []Server {
	out := slices.Clone(l.Servers)
	slices.SortFunc(out, func(a, b Server) int {
		if own := a.Zone == zone; zone != "" && own != (b.Zone == zone) {
			if own {
				return -1
			}
			return 1
		}
		return strings.Compare(a.URL, b.URL)
	})
	return out
}

// URLs returns the URLs of Ordered(zone).
func (l ServerList) URLs(zone string) []string {
	out := make([]string, len(l.Servers))
	for i, s := range l.Ordered(zone) {
		out[i] = s.URL
	}
	return out
}

// DefaultZone returns what Eureka clients take as
// eureka.client.service-url.defaultZone: the URLs of Ordered(zone) joined by
// commas.
func (l ServerList) DefaultZone(zone string) string {
	return strings.Join(l.URLs(zone), ",")
}

// ETag returns a strong entity tag with its quotes. It is a hash of the whole
// content, whatever its order, so every server that knows the same list answers
// with the same tag, and a client may compare across servers.
func (l ServerList) ETag() string {
	sum := sha256.Sum256(l.Render(JSON, ""))
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}

// NewServerList makes a list from URLs, for tests and fixed setups. It accepts
// and refuses what Normalize does.
func NewServerList(urls ...string) (ServerList, error) {
	l := ServerList{Servers: make([]Server, 0, len(urls))}
	for _, u := range urls {
		l.Servers = append(l.Servers, Server{URL: u})
	}
	return l.Normalize()
}

// DecodeServerList reads what GET /zone.json answers. Unknown fields are
// skipped, so that older clients read newer servers; everything else is held to
// bounds and to Normalize's rules. An empty list is no error here.
func DecodeServerList(data []byte) (ServerList, error) {
	if len(data) > maxListBytes {
		return ServerList{}, fmt.Errorf("decode server list: %d bytes are more than %d", len(data), maxListBytes)
	}
	var l ServerList
	if err := json.Unmarshal(data, &l); err != nil {
		return ServerList{}, fmt.Errorf("decode server list: %w", err)
	}
	l, err := l.Normalize()
	if err != nil {
		return ServerList{}, fmt.Errorf("decode server list: %w", err)
	}
	return l, nil
}

// Normalize returns the list with a slash at the end of each URL and the later
// of two equal URLs left out. It refuses a list in which anything could not be
// rendered faithfully in every form: a URL that is not absolute http or https,
// has a query, a fragment, a comma or blank or control characters, and names
// that have such characters. One bad entry refuses the list, because a list
// that is wrong in one place should not be trusted in the others.
//
// An address of a name server that is no literal ip:port is the exception: it
// alone is left out, see NamesrvAddrs, so that what a later release may say
// about name servers costs no client its Eureka servers.
func (l ServerList) Normalize() (ServerList, error) {
	if len(l.Servers) > maxServers {
		return ServerList{}, fmt.Errorf("%d servers are more than %d", len(l.Servers), maxServers)
	}
	if len(l.Namesrv) > maxServers {
		return ServerList{}, fmt.Errorf("%d name servers are more than %d", len(l.Namesrv), maxServers)
	}
	if err := checkName("cluster", l.Cluster); err != nil {
		return ServerList{}, err
	}
	out := ServerList{Cluster: l.Cluster, Servers: make([]Server, 0, len(l.Servers)), Namesrv: NamesrvAddrs(l.Namesrv)}
	seen := make(map[string]bool, len(l.Servers))
	for _, s := range l.Servers {
		u, err := baseURL(s.URL)
		if err != nil {
			return ServerList{}, err
		}
		s.URL = u
		if seen[u] {
			continue
		}
		seen[u] = true
		for _, n := range [...][2]string{{"zone", s.Zone}, {"region", s.Region}, {"id", s.ID}, {"name server's phase", s.NamesrvPhase}} {
			if err := checkName(n[0], n[1]); err != nil {
				return ServerList{}, fmt.Errorf("server %s: %w", shown(u), err)
			}
		}
		if addr, ok := literal(s.Namesrv); ok {
			s.Namesrv = addr.String()
		} else {
			s.Namesrv, s.NamesrvPhase = "", ""
		}
		out.Servers = append(out.Servers, s)
	}
	return out, nil
}

// baseURL checks one server URL and returns it with a slash at its end.
func baseURL(raw string) (string, error) {
	if len(raw) > maxURL {
		return "", fmt.Errorf("server URL of %d bytes is longer than %d", len(raw), maxURL)
	}
	if i := strings.IndexFunc(raw, unsafeInURL); i >= 0 {
		return "", fmt.Errorf("server URL %q: character %q is not allowed", shown(raw), raw[i])
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		// Only the reason: the error itself repeats the URL as it is.
		return "", fmt.Errorf("server URL %q: %w", shown(raw), errors.Unwrap(err))
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("server URL %q: must start with http:// or https://", shown(raw))
	case u.Host == "" || u.Hostname() == "":
		return "", fmt.Errorf("server URL %q: names no host", shown(raw))
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(raw, "#"):
		return "", fmt.Errorf("server URL %q: must have neither query nor fragment", shown(raw))
	}
	if !strings.HasSuffix(raw, "/") {
		raw += "/"
	}
	return raw, nil
}

// shown is a URL as errors may say it: without user and password.
func shown(raw string) string {
	scheme, rest, found := strings.Cut(raw, "//")
	at := strings.LastIndexByte(rest, '@')
	if !found || at < 0 {
		return raw
	}
	return scheme + "//***" + rest[at:]
}

// unsafeInURL reports what would split a comma list, a line, or a shell word.
// URLs are ASCII; a host in another script is written in its xn-- form.
func unsafeInURL(r rune) bool {
	return r <= ' ' || r >= 0x7f || strings.ContainsRune("\"'`\\,;<>{}|^$", r)
}

func checkName(what, s string) error {
	if len(s) > maxName {
		return fmt.Errorf("%s of %d bytes is longer than %d", what, len(s), maxName)
	}
	if i := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }); i >= 0 {
		return fmt.Errorf("%s %q: control characters are not allowed", what, s)
	}
	return nil
}
