package eureka

// Port is one of the two ports of an instance. On the wire it is {"$":8080,"@enabled":"true"}: the number a
// number, the flag a string. Any number is accepted, as upstream does: 0, -1 and 65536 were recorded.
type Port struct {
	Number  int
	Enabled bool
}

// What upstream gives an instance that names no ports (Netflix/eureka InstanceInfo.java: DEFAULT_PORT).
var (
	defaultPort       = Port{Number: 7001, Enabled: true}
	defaultSecurePort = Port{Number: 7002, Enabled: false}
)
