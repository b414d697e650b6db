package eureka

// ValidationError says why a decoded instance is not registered. The answer is 400 with exactly this text, which is
// upstream's (Netflix/eureka ApplicationResource.java: addInstance).
type ValidationError struct{ Reason string }

func (e *ValidationError) Error() string { return e.Reason }

// Validate checks what registration demands; pathApp is the application of the request's path. Only "" counts as
// missing: a host name of blanks passes. The error is a *ValidationError.
//
// An Amazon instance without instance-id gets its id filled in, as upstream does at this point.
func (in *Instance) Validate(pathApp string) error {
	id := in.ID()
	app := UpperApp(pathApp)
	switch {
	case id == "":
		return &ValidationError{"Missing instanceId"}
	case in.HostName == "":
		return &ValidationError{"Missing hostname"}
	case in.IPAddr == "":
		return &ValidationError{"Missing ip address"}
	case in.App == "":
		return &ValidationError{"Missing appName"}
	case in.App != app:
		return &ValidationError{"Mismatched appName, expecting " + app + " but was " + in.App}
	case in.DataCenterInfo == nil:
		return &ValidationError{"Missing dataCenterInfo"}
	case in.DataCenterInfo.Name == "":
		return &ValidationError{"Missing dataCenterInfo Name"}
	}
	if dc := in.DataCenterInfo; dc.Name == Amazon {
		if have, _ := dc.Metadata.Get(amazonInstanceID); have == "" {
			dc.Metadata = dc.Metadata.Set(amazonInstanceID, id)
		}
	}
	return nil
}
