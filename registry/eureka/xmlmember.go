package eureka

// instance takes the children of an instance whose start tag was read.
func (s *xmlScanner) instance(now int64) *Instance {
	in := newInstance(now)
	for {
		name, ok := s.child()
		if !ok {
			break
		}
		s.member(in, name)
		s.field = ""
	}
	in.settle()
	return in
}

// member takes one child of an instance.
func (s *xmlScanner) member(in *Instance, name []byte) {
	switch string(name) {
	case "instanceId":
		s.keep(in, &in.InstanceID, FieldInstanceID)
	case "hostName":
		s.keep(in, &in.HostName, 0)
	case "app":
		s.keep(in, &in.App, FieldApp)
		in.App = UpperApp(in.App)
	case "ipAddr":
		s.keep(in, &in.IPAddr, FieldIPAddr)
	case "sid":
		s.keep(in, &in.SID, FieldSID)
	case "status":
		s.status(&in.Status)
	case "overriddenStatus", "overriddenstatus":
		s.status(&in.OverriddenStatus)
	case "port":
		s.field = "port"
		s.port(&in.Port)
	case "securePort":
		s.field = "securePort"
		s.port(&in.SecurePort)
	case "countryId":
		s.int(&in.CountryID)
	case "dataCenterInfo":
		s.field = "dataCenterInfo"
		in.DataCenterInfo = s.dataCenterInfo()
	case "leaseInfo":
		s.field = "leaseInfo"
		s.leaseInfo(&in.LeaseInfo)
	case "metadata":
		s.field = "metadata"
		in.Metadata = s.metadata()
	case "appGroupName":
		s.keep(in, &in.AppGroupName, FieldAppGroupName)
		in.AppGroupName = UpperApp(in.AppGroupName)
	case "homePageUrl":
		s.keep(in, &in.HomePageURL, FieldHomePageURL)
	case "statusPageUrl":
		s.keep(in, &in.StatusPageURL, FieldStatusPageURL)
	case "healthCheckUrl":
		s.keep(in, &in.HealthCheckURL, FieldHealthCheckURL)
	case "secureHealthCheckUrl":
		s.keep(in, &in.SecureHealthCheckURL, FieldSecureHealthCheckURL)
	case "vipAddress":
		s.keep(in, &in.VIPAddress, FieldVIPAddress)
	case "secureVipAddress":
		s.keep(in, &in.SecureVIPAddress, FieldSecureVIPAddress)
	case "isCoordinatingDiscoveryServer":
		in.IsCoordinatingDiscoveryServer = s.string() == "true"
	case "lastUpdatedTimestamp":
		s.long(&in.LastUpdatedTimestamp)
	case "lastDirtyTimestamp":
		s.long(&in.LastDirtyTimestamp)
	case "actionType":
		in.ActionType = parseActionType(s.string())
	case "asgName":
		s.keep(in, &in.ASGName, FieldASGName)
	default:
		s.skip()
	}
}

func (s *xmlScanner) keep(in *Instance, to *string, mark Fields) {
	text, _ := s.text()
	in.set(to, string(text), mark)
}
