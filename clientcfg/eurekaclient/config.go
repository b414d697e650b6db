package eurekaclient

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zonekeeper/zonekeeper/clientcfg"
	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// Config tells a Client what to register, if anything, and how to behave.
type Config struct {
	// Servers knows whom to call. Required; its owner runs it.
	Servers *clientcfg.Client
	// Instance is what to register: App, and IPAddr or HostName at least.
	// Everything else has defaults: the instance id is host:app:port, the vip
	// is the application's name, the status is UP, the data center MyOwn, the
	// lease 90 seconds renewed every 30. nil registers nothing. New copies it.
	Instance *eureka.Instance
	// NoFetch leaves the copy of the registry away, for programs that only
	// want to be found.
	NoFetch bool
	// FetchInterval is the time between two fetches, spread by ±10 %. Defaults
	// to 30 seconds. A delta without changes costs a server next to nothing.
	FetchInterval time.Duration
	// Session is how long the client stays with one server, spread by ±50 %,
	// so that load evens out after servers joined. Defaults to 5 minutes.
	Session time.Duration
	// Timeout bounds one attempt at one server, including the body. Defaults
	// to 5 seconds.
	Timeout time.Duration
	// Goodbye bounds the cancel at the end of Run. Defaults to 5 seconds.
	Goodbye time.Duration
	// MaxBody bounds an answer. Defaults to 256 MiB, about 300,000 instances.
	MaxBody int64
	// HTTP does the requests. Defaults to one that follows no redirects.
	HTTP *http.Client
	// Now tells the time of dirty timestamps. Defaults to time.Now.
	Now func() time.Time
	// Rand draws sessions and pauses. The Client locks around it; nobody else
	// may use it. Defaults to a randomly seeded one.
	Rand *rand.Rand
	// Log hears of lost and regained leases and copies. Defaults to silence.
	Log *slog.Logger
}

func (cfg *Config) complete() error {
	if cfg.Servers == nil {
		return errors.New("eurekaclient: Config.Servers is required")
	}
	cfg.FetchInterval = cmp.Or(max(cfg.FetchInterval, 0), 30*time.Second)
	cfg.Session = cmp.Or(max(cfg.Session, 0), 5*time.Minute)
	cfg.Timeout = cmp.Or(max(cfg.Timeout, 0), 5*time.Second)
	cfg.Goodbye = cmp.Or(max(cfg.Goodbye, 0), 5*time.Second)
	cfg.MaxBody = cmp.Or(max(cfg.MaxBody, 0), 256<<20)
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Instance == nil {
		return nil
	}
	cfg.Instance = withDefaults(cfg.Instance)
	if err := cfg.Instance.Validate(cfg.Instance.App); err != nil {
		return fmt.Errorf("eurekaclient: Config.Instance: %w", err)
	}
	return nil
}

// withDefaults returns a copy with everything filled in that servers demand
// (Netflix/eureka ApplicationResource.java: addInstance) or clients expect.
func withDefaults(given *eureka.Instance) *eureka.Instance {
	in := given.Clone()
	in.App = eureka.UpperApp(in.App)
	in.HostName = cmp.Or(in.HostName, in.IPAddr)
	if in.IPAddr == "" && net.ParseIP(in.HostName) != nil {
		in.IPAddr = in.HostName
	}
	name := strings.ToLower(in.App)
	in.InstanceID = cmp.Or(in.InstanceID, in.HostName+":"+name+":"+strconv.Itoa(in.Port.Number))
	in.VIPAddress = cmp.Or(in.VIPAddress, name)
	in.SecureVIPAddress = cmp.Or(in.SecureVIPAddress, name)
	in.Status = cmp.Or(in.Status, eureka.Up)
	in.CountryID = cmp.Or(in.CountryID, 1)
	if in.DataCenterInfo == nil {
		in.DataCenterInfo = &eureka.DataCenterInfo{Name: eureka.MyOwn}
	}
	return in
}
