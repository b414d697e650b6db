package eureka

import "strings"

// instance takes an unwrapped instance. now stands in for a missing lastDirtyTimestamp.
func (s *scanner) instance(now int64) *Instance {
	in := newInstance(now)
	if !s.open('{') {
		return nil
	}
	for first := true; ; first = false {
		key, ok := s.key(first)
		if !ok {
			break
		}
		s.member(in, key)
		s.field = ""
	}
	in.settle()
	return in
}

// newInstance is what upstream assumes of an instance that says nothing.
func newInstance(now int64) *Instance {
	return &Instance{
		Status:     Up,
		Port:       defaultPort,
		SecurePort: defaultSecurePort,
		CountryID:  1,
		LeaseInfo: LeaseInfo{
			RenewalIntervalInSecs: defaultRenewalIntervalInSecs,
			DurationInSecs:        defaultDurationInSecs,
		},
		LastDirtyTimestamp: now,
	}
}

// settle does what upstream does at the end of decoding, whatever the format.
func (in *Instance) settle() {
	in.LeaseInfo.RenewalIntervalInSecs = in.LeaseInfo.renewalInterval()
	in.LeaseInfo.DurationInSecs = in.LeaseInfo.duration()
	if in.InstanceID == "" && !in.Blank.Has(FieldInstanceID) {
		// Compat: early Spring clients put the id into the metadata
		// (spring-cloud-netflix CloudJacksonJson.java: updateIfNeeded).
		if id, _ := in.Metadata.Get("instanceId"); strings.TrimSpace(id) != "" {
			if in.HostName != "" && !strings.HasPrefix(id, in.HostName) {
				id = in.HostName + ":" + id
			}
			in.InstanceID = id
		}
	}
}

// member takes the value of one member of an instance. The order of cases is the order on the wire.
func (s *scanner) member(in *Instance, key []byte) {
	switch string(key) {
	case "instanceId":
		s.field = "instanceId"
		s.keep(in, &in.InstanceID, FieldInstanceID)
	case "hostName":
		s.field = "hostName"
		s.keep(in, &in.HostName, 0)
	case "app":
		s.field = "app"
		s.keep(in, &in.App, FieldApp)
		in.App = UpperApp(in.App)
	case "ipAddr":
		s.field = "ipAddr"
		s.keep(in, &in.IPAddr, FieldIPAddr)
	case "sid":
		s.field = "sid"
		s.keep(in, &in.SID, FieldSID)
	case "status":
		s.field = "status"
		s.status(&in.Status)
	case "overriddenStatus", "overriddenstatus":
		s.field = "overriddenStatus"
		s.status(&in.OverriddenStatus)
	case "port":
		s.field = "port"
		s.port(&in.Port)
	case "securePort":
		s.field = "securePort"
		s.port(&in.SecurePort)
	case "countryId":
		s.field = "countryId"
		s.int(&in.CountryID)
	case "dataCenterInfo":
		s.field = "dataCenterInfo"
		in.DataCenterInfo = s.dataCenterInfo()
	case "leaseInfo":
		s.field = "leaseInfo"
		s.leaseInfo(&in.LeaseInfo)
	case "metadata":
		s.field = "metadata"
		in.Metadata = s.metadata(true)
	case "appGroupName":
		s.field = "appGroupName"
		s.keep(in, &in.AppGroupName, FieldAppGroupName)
		in.AppGroupName = UpperApp(in.AppGroupName)
	case "homePageUrl":
		s.field = "homePageUrl"
		s.keep(in, &in.HomePageURL, FieldHomePageURL)
	case "statusPageUrl":
		s.field = "statusPageUrl"
		s.keep(in, &in.StatusPageURL, FieldStatusPageURL)
	case "healthCheckUrl":
		s.field = "healthCheckUrl"
		s.keep(in, &in.HealthCheckURL, FieldHealthCheckURL)
	case "secureHealthCheckUrl":
		s.field = "secureHealthCheckUrl"
		s.keep(in, &in.SecureHealthCheckURL, FieldSecureHealthCheckURL)
	case "vipAddress":
		s.field = "vipAddress"
		s.keep(in, &in.VIPAddress, FieldVIPAddress)
	case "secureVipAddress":
		s.field = "secureVipAddress"
		s.keep(in, &in.SecureVIPAddress, FieldSecureVIPAddress)
	case "isCoordinatingDiscoveryServer":
		s.field = "isCoordinatingDiscoveryServer"
		s.flag(&in.IsCoordinatingDiscoveryServer)
	case "lastUpdatedTimestamp":
		s.field = "lastUpdatedTimestamp"
		s.long(&in.LastUpdatedTimestamp)
	case "lastDirtyTimestamp":
		s.field = "lastDirtyTimestamp"
		s.long(&in.LastDirtyTimestamp)
	case "actionType":
		s.field = "actionType"
		s.actionType(&in.ActionType)
	case "asgName":
		s.field = "asgName"
		s.keep(in, &in.ASGName, FieldASGName)
	default:
		s.skip()
	}
}

// keep takes a string field; null leaves it as it is. mark is noted when the field is present though "", except for
// fields that upstream drops then (mark 0).
func (s *scanner) keep(in *Instance, to *string, mark Fields) {
	if text, ok := s.text(); ok {
		in.set(to, text, mark)
	}
}

func (in *Instance) set(to *string, text string, mark Fields) {
	switch {
	case text != "":
		*to = text
		in.Blank &^= mark
	case mark != 0:
		*to = ""
		in.Blank |= mark
	}
}

func (s *scanner) actionType(to *ActionType) {
	if text, kind := s.scalar(); kind == isString {
		*to = parseActionType(string(text))
	}
}
