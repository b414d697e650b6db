package eureka

import "strings"

// Instance is one running copy of an application, as Eureka's wire knows it (Netflix/eureka InstanceInfo.java).
// There is no second model: the registry keeps the encoded text of exactly this.
//
// The zero value of a string means that the field is absent and is not written. A client may also send "" on
// purpose (Go and Python clients do for everything unset) and upstream echoes it; Blank keeps these apart.
type Instance struct {
	InstanceID string // may be absent: see ID
	HostName   string
	App        string // upper case, see UpperApp
	IPAddr     string
	SID        string // written unless absent, "na" or "unknown"

	Status           Status
	OverriddenStatus Status
	Port             Port
	SecurePort       Port
	CountryID        int
	DataCenterInfo   *DataCenterInfo // nil = absent
	LeaseInfo        LeaseInfo
	Metadata         Metadata

	AppGroupName         string // upper case
	HomePageURL          string
	StatusPageURL        string
	HealthCheckURL       string
	SecureHealthCheckURL string
	VIPAddress           string
	SecureVIPAddress     string
	ASGName              string

	IsCoordinatingDiscoveryServer bool
	LastUpdatedTimestamp          int64 // milliseconds since 1970, the server's clock
	LastDirtyTimestamp            int64 // milliseconds since 1970, the client's clock
	ActionType                    ActionType

	// Blank holds the string fields that are present though "". A field that is not "" needs no mark.
	Blank Fields
}

// Fields is a set of string fields of an Instance.
type Fields uint16

// The string fields that may be absent or blank.
const (
	FieldInstanceID Fields = 1 << iota
	FieldApp
	FieldIPAddr
	FieldSID
	FieldAppGroupName
	FieldHomePageURL
	FieldStatusPageURL
	FieldHealthCheckURL
	FieldSecureHealthCheckURL
	FieldVIPAddress
	FieldSecureVIPAddress
	FieldASGName
)

// Has says whether all fields of f are in the set.
func (s Fields) Has(f Fields) bool { return s&f == f }

// ID is the id under which the registry keeps the instance: instanceId, else the id of an Amazon instance, else the
// host name (Netflix/eureka InstanceInfo.java: getId). "" if there is none of them.
func (in *Instance) ID() string {
	if in.InstanceID != "" {
		return in.InstanceID
	}
	if in.DataCenterInfo != nil && in.DataCenterInfo.Name == Amazon {
		if id, ok := in.DataCenterInfo.Metadata.Get(amazonInstanceID); ok && id != "" {
			return id
		}
	}
	return in.HostName
}

// Clone returns a copy that shares nothing with in that can change.
func (in *Instance) Clone() *Instance {
	c := *in
	c.DataCenterInfo = in.DataCenterInfo.clone()
	c.Metadata = in.Metadata.Clone()
	return &c
}

// UpperApp turns an application's name, from a path or a body, into the form under which it is kept: upper case of
// every script, the same on every machine. The German sharp s becomes two letters as in Java, which a client that asks for
// the application by name relies on.
// Compat: upstream uses the JVM's locale, so that a Turkish server turned "api" into "APİ".
func UpperApp(name string) string {
	for i := range len(name) {
		if c := name[i]; 'a' <= c && c <= 'z' || c >= 0x80 {
			return strings.ReplaceAll(strings.ToUpper(name), "ß", "SS")
		}
	}
	return name
}
