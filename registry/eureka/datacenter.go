package eureka

// The class names that Java clients expect beside the name of a data center. The first names no existing class:
// it is a marker of upstream's (Netflix/eureka DataCenterTypeInfoResolver.java), and so is what everybody writes.
const (
	ClassDefault = "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo"
	ClassAmazon  = "com.netflix.appinfo.AmazonInfo"

	classMyOwn = "com.netflix.appinfo.MyDataCenterInfo" // accepted, never written
)

// The names of data centers: upstream knows no others and refuses them.
const (
	MyOwn   = "MyOwn"
	Netflix = "Netflix"
	Amazon  = "Amazon"
)

// DataCenterInfo says where an instance runs. Metadata is Amazon's: it is preserved untouched.
type DataCenterInfo struct {
	// Class is derived from Name when it is "". Decoding sets it to what upstream would write.
	Class    string
	Name     string
	Metadata Metadata
}

func (d *DataCenterInfo) class() string {
	switch {
	case d.Class != "":
		return d.Class
	case d.Name == Amazon:
		return ClassAmazon
	}
	return ClassDefault
}

func (d *DataCenterInfo) clone() *DataCenterInfo {
	if d == nil {
		return nil
	}
	c := *d
	c.Metadata = d.Metadata.Clone()
	return &c
}

// amazonInstanceID is the key under which Amazon's metadata hold the id that stands in for a missing instanceId.
const amazonInstanceID = "instance-id"

// compactAmazonKeys are the keys of Amazon's metadata that compact forms keep
// (Netflix/eureka MiniAmazonInfoMixIn.java).
var compactAmazonKeys = [...]string{"instance-id", "public-ipv4", "public-hostname", "local-ipv4", "availability-zone"}

func isCompactAmazonKey(key string) bool {
	for _, k := range compactAmazonKeys {
		if k == key {
			return true
		}
	}
	return false
}

// normalize makes class and name agree as upstream writes them, and says what is wrong where it refuses.
func (d *DataCenterInfo) normalize() string {
	switch d.Class {
	case ClassAmazon:
		d.Name = Amazon // upstream's AmazonInfo has no other name
	case "", ClassDefault, classMyOwn:
	default:
		return "unknown class of data center"
	}
	switch d.Name {
	case Amazon:
		d.Class = ClassAmazon
	case MyOwn, Netflix, "": // a missing name is left to validation
		d.Class = ClassDefault
		if len(d.Metadata) > 0 {
			return "metadata of a data center that has none"
		}
		d.Metadata = nil
	default:
		return "unknown name of data center"
	}
	return ""
}

// shown is the metadata to write, all of it or what compact forms keep.
func (d *DataCenterInfo) shown(compact bool) Metadata {
	if !compact {
		return d.Metadata
	}
	var kept Metadata
	for _, e := range d.Metadata {
		if isCompactAmazonKey(e.Key) {
			kept = append(kept, e)
		}
	}
	return kept
}
