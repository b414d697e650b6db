package eureka

import "strconv"

// emptyMetadata is what upstream writes for no metadata: the class of Java's empty map, no more.
const emptyMetadata = `{"@class":"java.util.Collections$EmptyMap"}`

// appendJSON writes an unwrapped instance, members in upstream's order
// (Netflix/eureka EurekaJacksonCodec.java: InstanceInfoSerializer).
func appendJSON(dst []byte, in *Instance, form Form) []byte {
	start := len(dst)
	dst = appendMember(dst, `,"instanceId":`, in.InstanceID, in.Blank.Has(FieldInstanceID), form)
	dst = appendMember(dst, `,"hostName":`, in.HostName, false, form)
	dst = appendMember(dst, `,"app":`, in.App, in.Blank.Has(FieldApp), form)
	dst = appendMember(dst, `,"ipAddr":`, in.IPAddr, in.Blank.Has(FieldIPAddr), form)
	if in.saysSID() {
		dst = appendMember(dst, `,"sid":`, in.SID, in.Blank.Has(FieldSID), form)
	}
	dst = append(dst, `,"status":"`...)
	dst = append(dst, in.Status.String()...)
	dst = append(dst, `","overriddenStatus":"`...)
	dst = append(dst, in.OverriddenStatus.String()...)
	dst = append(dst, '"')
	dst = appendPort(dst, `,"port":`, in.Port)
	dst = appendPort(dst, `,"securePort":`, in.SecurePort)
	dst = append(dst, `,"countryId":`...)
	dst = strconv.AppendInt(dst, int64(in.CountryID), 10)
	dst = appendDataCenter(dst, in.DataCenterInfo, form, false)
	dst = appendLease(dst, in.LeaseInfo)
	dst = append(dst, `,"metadata":`...)
	dst = appendMetadata(dst, in.Metadata, form)
	dst = appendMember(dst, `,"appGroupName":`, in.AppGroupName, in.Blank.Has(FieldAppGroupName), form)
	dst = appendMember(dst, `,"homePageUrl":`, in.HomePageURL, in.Blank.Has(FieldHomePageURL), form)
	dst = appendMember(dst, `,"statusPageUrl":`, in.StatusPageURL, in.Blank.Has(FieldStatusPageURL), form)
	dst = appendMember(dst, `,"healthCheckUrl":`, in.HealthCheckURL, in.Blank.Has(FieldHealthCheckURL), form)
	dst = appendMember(dst, `,"secureHealthCheckUrl":`, in.SecureHealthCheckURL, in.Blank.Has(FieldSecureHealthCheckURL), form)
	dst = appendMember(dst, `,"vipAddress":`, in.VIPAddress, in.Blank.Has(FieldVIPAddress), form)
	dst = appendMember(dst, `,"secureVipAddress":`, in.SecureVIPAddress, in.Blank.Has(FieldSecureVIPAddress), form)
	dst = append(dst, `,"isCoordinatingDiscoveryServer":"`...)
	dst = strconv.AppendBool(dst, in.IsCoordinatingDiscoveryServer)
	dst = append(dst, `","lastUpdatedTimestamp":"`...)
	dst = strconv.AppendInt(dst, in.LastUpdatedTimestamp, 10)
	dst = append(dst, `","lastDirtyTimestamp":"`...)
	dst = strconv.AppendInt(dst, in.LastDirtyTimestamp, 10)
	dst = append(dst, '"')
	dst = appendAction(dst, in.ActionType)
	dst = appendMember(dst, `,"asgName":`, in.ASGName, in.Blank.Has(FieldASGName), form)
	dst[start] = '{' // in place of the first comma
	return append(dst, '}')
}

// appendCompactJSON writes the members that compact forms keep, in their own order; lastUpdatedTimestamp is a number
// (Netflix/eureka MiniInstanceInfoMixIn.java).
func appendCompactJSON(dst []byte, in *Instance) []byte {
	start := len(dst)
	dst = appendMember(dst, `,"instanceId":`, in.InstanceID, in.Blank.Has(FieldInstanceID), List)
	dst = appendMember(dst, `,"app":`, in.App, in.Blank.Has(FieldApp), List)
	dst = appendMember(dst, `,"ipAddr":`, in.IPAddr, in.Blank.Has(FieldIPAddr), List)
	dst = appendMember(dst, `,"vipAddress":`, in.VIPAddress, in.Blank.Has(FieldVIPAddress), List)
	dst = appendMember(dst, `,"secureVipAddress":`, in.SecureVIPAddress, in.Blank.Has(FieldSecureVIPAddress), List)
	dst = appendDataCenter(dst, in.DataCenterInfo, List, true)
	dst = appendMember(dst, `,"hostName":`, in.HostName, false, List)
	dst = append(dst, `,"status":"`...)
	dst = append(dst, in.Status.String()...)
	dst = append(dst, `","lastUpdatedTimestamp":`...)
	dst = strconv.AppendInt(dst, in.LastUpdatedTimestamp, 10)
	dst = appendAction(dst, in.ActionType)
	dst = appendMember(dst, `,"asgName":`, in.ASGName, in.Blank.Has(FieldASGName), List)
	dst = appendPort(dst, `,"port":`, in.Port)
	dst = appendPort(dst, `,"securePort":`, in.SecurePort)
	dst[start] = '{'
	return append(dst, '}')
}

// saysSID is false for the two values that mean that nobody chose one.
func (in *Instance) saysSID() bool { return in.SID != "na" && in.SID != "unknown" }

// appendMember writes a string member unless it is absent. key comes with its comma, quotes and colon.
func appendMember(dst []byte, key, value string, blank bool, form Form) []byte {
	if value == "" && !blank {
		return dst
	}
	dst = append(dst, key...)
	return appendString(dst, value, form)
}

func appendPort(dst []byte, key string, p Port) []byte {
	dst = append(dst, key...)
	dst = append(dst, `{"$":`...)
	dst = strconv.AppendInt(dst, int64(p.Number), 10)
	dst = append(dst, `,"@enabled":"`...)
	dst = strconv.AppendBool(dst, p.Enabled)
	return append(dst, `"}`...)
}

func appendAction(dst []byte, a ActionType) []byte {
	if a == NoAction {
		return dst
	}
	dst = append(dst, `,"actionType":"`...)
	dst = append(dst, a.String()...)
	return append(dst, '"')
}

func appendLease(dst []byte, l LeaseInfo) []byte {
	dst = append(dst, `,"leaseInfo":{"renewalIntervalInSecs":`...)
	dst = strconv.AppendInt(dst, int64(l.renewalInterval()), 10)
	dst = append(dst, `,"durationInSecs":`...)
	dst = strconv.AppendInt(dst, int64(l.duration()), 10)
	dst = append(dst, `,"registrationTimestamp":`...)
	dst = strconv.AppendInt(dst, l.RegistrationTimestamp, 10)
	dst = append(dst, `,"lastRenewalTimestamp":`...)
	dst = strconv.AppendInt(dst, l.LastRenewalTimestamp, 10)
	dst = append(dst, `,"evictionTimestamp":`...)
	dst = strconv.AppendInt(dst, l.EvictionTimestamp, 10)
	dst = append(dst, `,"serviceUpTimestamp":`...)
	dst = strconv.AppendInt(dst, l.ServiceUpTimestamp, 10)
	return append(dst, '}')
}

func appendMetadata(dst []byte, m Metadata, form Form) []byte {
	if len(m) == 0 {
		return append(dst, emptyMetadata...)
	}
	return appendMap(dst, m, form)
}

func appendMap(dst []byte, m Metadata, form Form) []byte {
	start := len(dst)
	for i := range m {
		dst = append(dst, ',')
		dst = appendString(dst, m[i].Key, form)
		dst = append(dst, ':')
		dst = appendString(dst, m[i].Value, form)
	}
	if len(m) == 0 {
		dst = append(dst, ',')
	}
	dst[start] = '{'
	return append(dst, '}')
}

// appendDataCenter writes class, name and Amazon's metadata; compact forms keep five keys of the latter.
func appendDataCenter(dst []byte, d *DataCenterInfo, form Form, compact bool) []byte {
	if d == nil {
		return dst
	}
	dst = append(dst, `,"dataCenterInfo":{"@class":`...)
	dst = appendString(dst, d.class(), form)
	dst = appendMember(dst, `,"name":`, d.Name, false, form)
	if d.Name == Amazon {
		dst = append(dst, `,"metadata":`...)
		dst = appendMap(dst, d.shown(compact), form)
	}
	return append(dst, '}')
}
