package rocketmq

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
)

// RocketMQ's names for the two groups of brokers. Most of mqadmin 5.5.0's commands for a cluster fail at a 4.9 broker, so
// that one has a cluster to itself.
const (
	cluster5 = "compat5"
	cluster4 = "compat4"
)

// broker is one real broker.
type broker struct {
	*process
	release release
	cluster string
	name    string // broker name
	id      int    // 0 is the master
	port    int
	haPort  int
	dir     string // its store and its home
}

func (b *broker) addr() string { return fmt.Sprintf("127.0.0.1:%d", b.port) }

func (b *broker) String() string {
	role := "master"
	if b.id > 0 {
		role = "slave"
	}
	return fmt.Sprintf("%s %s (%s)", b.name, role, b.release.version)
}

// newBroker makes a broker's folder; nothing runs yet.
func (w *world) newBroker(r release, cluster, name string, id int) *broker {
	b := &broker{release: r, cluster: cluster, name: name, id: id, port: w.freeBrokerPort(), haPort: freePort(w.t)}
	b.dir = w.place.folder(w.t, fmt.Sprintf("%s-%d", name, id))
	w.brokers = append(w.brokers, b)
	return b
}

// properties is the broker's configuration. It names no name server: which there are, the address server says.
func (b *broker) properties(addressServer string) map[string]string {
	store := filepath.Join(b.dir, "store")
	p := map[string]string{
		"brokerClusterName": b.cluster,
		"brokerName":        b.name,
		"brokerId":          fmt.Sprint(b.id),
		"brokerRole":        "ASYNC_MASTER",
		"brokerIP1":         "127.0.0.1",
		"brokerIP2":         "127.0.0.1",
		"listenPort":        fmt.Sprint(b.port),
		"haListenPort":      fmt.Sprint(b.haPort),

		"fetchNamesrvAddrByAddressServer": "true",
		"rmqAddressServerDomain":          addressServer,
		"rmqAddressServerSubGroup":        "nsaddr-broker",
		"registerNameServerPeriod":        "10000",

		"autoCreateTopicEnable": "false", // a missing route must show

		"storePathRootDir":           store,
		"storePathCommitLog":         filepath.Join(store, "commitlog"),
		"mappedFileSizeCommitLog":    fmt.Sprint(16 << 20),
		"mappedFileSizeConsumeQueue": fmt.Sprint(20 * 3000),
		"maxHashSlotNum":             "5000",
		"maxIndexNum":                "20000",
		"flushDiskType":              "ASYNC_FLUSH",
		"diskMaxUsedSpaceRatio":      "95",
		"transientStorePoolEnable":   "false",
		"warmMapedFileEnable":        "false",
		// A busy machine is not a busy broker.
		"brokerFastFailureEnable":     "false",
		"osPageCacheBusyTimeOutMills": "30000",
	}
	if b.id > 0 {
		p["brokerRole"] = "SLAVE"
	}
	if strings.HasPrefix(b.release.version, "5") {
		p["mappedFileSizeTimerLog"] = fmt.Sprint(1 << 20)
		// For mqadmin's users and access lists; nobody is asked for a password.
		p["authenticationMetadataProvider"] = "org.apache.rocketmq.auth.authentication.provider.LocalAuthenticationMetadataProvider"
		p["authorizationMetadataProvider"] = "org.apache.rocketmq.auth.authorization.provider.LocalAuthorizationMetadataProvider"
	}
	return p
}

// start starts the broker; it finds name servers through the address server unless some are named.
func (b *broker) start(w *world, namesrv ...string) {
	w.t.Helper()
	p := b.properties(w.proxy.addr())
	if len(namesrv) > 0 {
		delete(p, "fetchNamesrvAddrByAddressServer")
		p["namesrvAddr"] = strings.Join(namesrv, ";")
	}
	var text strings.Builder
	for k, v := range p {
		fmt.Fprintf(&text, "%s=%s\n", k, v)
	}
	file := filepath.Join(b.dir, "broker.conf")
	require.NoError(w.t, os.WriteFile(file, []byte(text.String()), 0o644))
	b.process = run(w.t, w.place, command{
		name: fmt.Sprintf("%s-%d", b.name, b.id),
		dir:  b.dir,
		args: b.release.java("256m",
			"-Duser.home="+b.dir,
			// CI's disks are often full, and a broker refuses messages at 90 %.
			"-Drocketmq.broker.diskSpaceWarningLevelRatio=0.99", "-Drocketmq.broker.diskSpaceCleanForciblyRatio=0.98",
			"--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED", "--add-exports=java.base/sun.nio.ch=ALL-UNNAMED", "--add-opens=java.base/java.nio=ALL-UNNAMED",
			"org.apache.rocketmq.broker.BrokerStartup", "-c", file),
	})
}
