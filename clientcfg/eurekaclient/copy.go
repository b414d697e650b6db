package eurekaclient

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/zonekeeper/zonekeeper/registry/eureka"
)

// registryCopy is what the client knows of all applications. Slices and
// instances in it are never changed once they are in, only replaced.
type registryCopy struct {
	mu      sync.Mutex
	apps    map[string][]*eureka.Instance // nil before the first fetch
	watches map[*watch]bool

	fetched chan struct{} // closed by the first fetch
	outcome outcome
}

// Instances returns the instances of an application, of every status, in the
// order of their ids; nil if there are none or nothing was fetched yet. Neither
// the slice nor the instances may be changed.
func (c *Client) Instances(app string) []*eureka.Instance {
	c.copy.mu.Lock()
	defer c.copy.mu.Unlock()
	return c.copy.apps[eureka.UpperApp(app)]
}

// Applications returns the names of all applications, sorted.
func (c *Client) Applications() []string {
	c.copy.mu.Lock()
	defer c.copy.mu.Unlock()
	return slices.Sorted(maps.Keys(c.copy.apps))
}

// VIP returns the instances that answer to a vip, UP ones only, as Eureka's
// clients resolve it: whatever the case.
func (c *Client) VIP(vip string) []*eureka.Instance {
	c.copy.mu.Lock()
	defer c.copy.mu.Unlock()
	var out []*eureka.Instance
	for _, app := range slices.Sorted(maps.Keys(c.copy.apps)) {
		for _, in := range c.copy.apps[app] {
			for one := range strings.SplitSeq(in.VIPAddress, ",") {
				if in.Status == eureka.Up && strings.EqualFold(strings.TrimSpace(one), vip) {
					out = append(out, in)
					break
				}
			}
		}
	}
	return out
}

// Up returns those of the instances that take traffic.
func Up(instances []*eureka.Instance) []*eureka.Instance {
	return slices.Collect(func(yield func(*eureka.Instance) bool) {
		for _, in := range instances {
			if in.Status == eureka.Up && !yield(in) {
				return
			}
		}
	})
}

// replace takes a full list.
func (rc *registryCopy) replace(all *eureka.Applications) {
	apps := make(map[string][]*eureka.Instance, len(all.Applications))
	for _, a := range all.Applications {
		byID := make(map[string]*eureka.Instance, len(a.Instances))
		for _, in := range a.Instances {
			byID[in.ID()] = in
		}
		if len(byID) > 0 {
			apps[a.Name] = sortedInstances(byID)
		}
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.publish(apps)
}

// apply takes a delta. It reports whether the copy then has the hash code that
// the server has; if not, something was missed and the copy stays as it was.
func (rc *registryCopy) apply(delta *eureka.Applications) bool {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	apps := maps.Clone(rc.apps)
	for _, a := range delta.Applications {
		byID := make(map[string]*eureka.Instance, len(apps[a.Name])+len(a.Instances))
		for _, in := range apps[a.Name] {
			byID[in.ID()] = in
		}
		for _, in := range a.Instances {
			if in.ActionType == eureka.Deleted {
				delete(byID, in.ID())
			} else {
				byID[in.ID()] = in
			}
		}
		if len(byID) == 0 {
			delete(apps, a.Name)
		} else {
			apps[a.Name] = sortedInstances(byID)
		}
	}
	var counts [eureka.NumStatuses]int
	for _, instances := range apps {
		for _, in := range instances {
			counts[in.Status]++
		}
	}
	if eureka.HashCode(counts) != delta.AppsHashCode {
		return false
	}
	rc.publish(apps)
	return true
}

func sortedInstances(byID map[string]*eureka.Instance) []*eureka.Instance {
	return slices.SortedFunc(maps.Values(byID), func(a, b *eureka.Instance) int { return strings.Compare(a.ID(), b.ID()) })
}

// publish makes apps the copy and tells the watches what changed. The caller
// holds the lock.
func (rc *registryCopy) publish(apps map[string][]*eureka.Instance) {
	first := rc.apps == nil
	before := rc.apps
	rc.apps = apps
	if first {
		close(rc.fetched)
	}
	for w := range rc.watches {
		if first || !slices.EqualFunc(before[w.app], apps[w.app], sameToCallers) {
			w.offer(apps[w.app])
		}
	}
}

// sameToCallers says whether a caller of an instance could tell two states of
// it apart. Lease times and what a server notes for itself do not count.
func sameToCallers(a, b *eureka.Instance) bool {
	return a == b || a.ID() == b.ID() && a.Status == b.Status &&
		a.HostName == b.HostName && a.IPAddr == b.IPAddr && a.Port == b.Port && a.SecurePort == b.SecurePort &&
		a.VIPAddress == b.VIPAddress && a.SecureVIPAddress == b.SecureVIPAddress &&
		a.HomePageURL == b.HomePageURL && a.HealthCheckURL == b.HealthCheckURL && a.StatusPageURL == b.StatusPageURL &&
		sameMetadata(a.Metadata, b.Metadata)
}

// sameMetadata compares without order, which differs between servers.
func sameMetadata(a, b eureka.Metadata) bool {
	if len(a) != len(b) {
		return false
	}
	for _, e := range a {
		if v, ok := b.Get(e.Key); !ok || v != e.Value {
			return false
		}
	}
	return true
}
