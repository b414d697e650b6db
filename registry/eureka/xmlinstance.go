package eureka

import "strconv"

// instance writes an instance with all elements in upstream's order
// (Netflix/eureka Converters.java: InstanceInfoConverter).
func (w *xmlWriter) instance(in *Instance) {
	w.open("instance")
	w.leaf("instanceId", in.InstanceID, in.Blank.Has(FieldInstanceID))
	w.leaf("hostName", in.HostName, false)
	w.leaf("app", in.App, in.Blank.Has(FieldApp))
	w.leaf("ipAddr", in.IPAddr, in.Blank.Has(FieldIPAddr))
	if in.saysSID() {
		w.leaf("sid", in.SID, in.Blank.Has(FieldSID))
	}
	w.leaf("status", in.Status.String(), false)
	w.leaf("overriddenstatus", in.OverriddenStatus.String(), false)
	w.port("port", in.Port)
	w.port("securePort", in.SecurePort)
	w.number("countryId", int64(in.CountryID))
	w.dataCenter(in.DataCenterInfo)
	w.lease(in.LeaseInfo)
	w.ownMetadata(in.Metadata)
	w.leaf("appGroupName", in.AppGroupName, in.Blank.Has(FieldAppGroupName))
	w.leaf("homePageUrl", in.HomePageURL, in.Blank.Has(FieldHomePageURL))
	w.leaf("statusPageUrl", in.StatusPageURL, in.Blank.Has(FieldStatusPageURL))
	w.leaf("healthCheckUrl", in.HealthCheckURL, in.Blank.Has(FieldHealthCheckURL))
	w.leaf("secureHealthCheckUrl", in.SecureHealthCheckURL, in.Blank.Has(FieldSecureHealthCheckURL))
	w.leaf("vipAddress", in.VIPAddress, in.Blank.Has(FieldVIPAddress))
	w.leaf("secureVipAddress", in.SecureVIPAddress, in.Blank.Has(FieldSecureVIPAddress))
	w.leaf("isCoordinatingDiscoveryServer", strconv.FormatBool(in.IsCoordinatingDiscoveryServer), false)
	w.number("lastUpdatedTimestamp", in.LastUpdatedTimestamp)
	w.number("lastDirtyTimestamp", in.LastDirtyTimestamp)
	w.leaf("actionType", in.ActionType.String(), false)
	w.leaf("asgName", in.ASGName, in.Blank.Has(FieldASGName))
	w.end("instance")
}

func (w *xmlWriter) ownMetadata(m Metadata) {
	if len(m) == 0 || len(m) == 1 && m[0].Key == "" {
		w.indent()
		w.dst = append(w.dst, `<metadata class="java.util.Collections$EmptyMap"/>`...)
		return
	}
	w.metadata(m)
}

func (w *xmlWriter) lease(l LeaseInfo) {
	w.open("leaseInfo")
	w.number("renewalIntervalInSecs", int64(l.renewalInterval()))
	w.number("durationInSecs", int64(l.duration()))
	w.number("registrationTimestamp", l.RegistrationTimestamp)
	w.number("lastRenewalTimestamp", l.LastRenewalTimestamp)
	w.number("evictionTimestamp", l.EvictionTimestamp)
	w.number("serviceUpTimestamp", l.ServiceUpTimestamp)
	w.end("leaseInfo")
}

// compactInstance writes the elements that compact forms keep, in the order of compact JSON.
func (w *xmlWriter) compactInstance(in *Instance) {
	w.open("instance")
	w.leaf("instanceId", in.InstanceID, in.Blank.Has(FieldInstanceID))
	w.leaf("app", in.App, in.Blank.Has(FieldApp))
	w.leaf("ipAddr", in.IPAddr, in.Blank.Has(FieldIPAddr))
	w.leaf("vipAddress", in.VIPAddress, in.Blank.Has(FieldVIPAddress))
	w.leaf("secureVipAddress", in.SecureVIPAddress, in.Blank.Has(FieldSecureVIPAddress))
	w.dataCenter(in.DataCenterInfo)
	w.leaf("hostName", in.HostName, false)
	w.leaf("status", in.Status.String(), false)
	w.number("lastUpdatedTimestamp", in.LastUpdatedTimestamp)
	w.leaf("actionType", in.ActionType.String(), false)
	w.leaf("asgName", in.ASGName, in.Blank.Has(FieldASGName))
	w.port("port", in.Port)
	w.port("securePort", in.SecurePort)
	w.end("instance")
}
