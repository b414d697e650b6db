package remoting

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"strconv"

	"github.com/klauspost/compress/zlib"
)

// RegistrationForm says which broker a registration is to look like it came from.
type RegistrationForm struct {
	Codec    Codec
	Version  int32 // below Version500 without static topics and attributes, below Version37 (or 0) with a bare table
	Language Language
	Opaque   int32
	Oneway   bool
	// Compressed writes the body compressed and labels it so. What the compressed form has no room for is lost: Order and SysFlag.
	Compressed bool
}

// AppendRegistration appends the frame of a REGISTER_BROKER request as a Java broker of that version writes it.
func AppendRegistration(dst []byte, r *Registration, o RegistrationForm) []byte {
	var body []byte
	if o.Compressed {
		body = r.appendCompressed(nil, o.Version)
	} else {
		body = r.appendPlain(nil, o.Version)
	}
	c := Command{Code: RegisterBroker, Version: o.Version, Language: o.Language, Opaque: o.Opaque, Codec: o.Codec, Body: body}
	if o.Oneway {
		c.Flag = FlagOneway
	}
	c.Fields = []Field{
		{"bodyCrc32", itoa(int64(crc32.ChecksumIEEE(body) & 0x7FFFFFFF))},
		{"brokerAddr", r.Addr},
		{"brokerId", itoa(r.ID)},
		{"brokerName", r.Name},
		{"clusterName", r.Cluster},
		{"compressed", strconv.FormatBool(o.Compressed)},
		{"haServerAddr", r.HAAddr},
	}
	if r.ActingMaster != ActingMasterAbsent {
		c.Fields = append(c.Fields, Field{"enableActingMaster", strconv.FormatBool(r.ActingMaster == ActingMasterTrue)})
	}
	if r.Timeout > 0 {
		c.Fields = append(c.Fields, Field{"heartbeatTimeoutMillis", itoa(r.Timeout.Milliseconds())})
	}
	if r.Zone != "" {
		c.Fields = append(c.Fields, Field{"__ZONE_NAME", r.Zone})
	}
	return Append(dst, &c)
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func (r *Registration) appendPlain(dst []byte, version int32) []byte {
	if version < Version37 {
		return r.appendWrapper(dst, version)
	}
	dst = append(dst, '{')
	if r.HasFilterServers {
		dst = append(appendStrings(append(dst, `"filterServerList":`...), r.FilterServers), ',')
	}
	dst = r.appendWrapper(append(dst, `"topicConfigSerializeWrapper":`...), version)
	return append(dst, '}')
}

func (r *Registration) appendWrapper(dst []byte, version int32) []byte {
	dst = r.Version.AppendJSON(append(dst, `{"dataVersion":`...))
	if r.HasTopics {
		dst = append(dst, `,"topicConfigTable":{`...)
		for i := range r.Topics {
			if i > 0 {
				dst = append(dst, ',')
			}
			t := &r.Topics[i]
			dst = t.appendJSON(append(appendString(dst, t.Name), ':'), version >= Version500)
		}
		dst = append(dst, '}')
	}
	if version >= Version500 {
		dst = append(dst, `,"topicQueueMappingDetailMap":{},"topicQueueMappingInfoMap":{`...)
		for i := range r.Mappings {
			if i > 0 {
				dst = append(dst, ',')
			}
			m := &r.Mappings[i]
			dst = m.AppendJSON(append(appendString(dst, m.Topic), ':'), Bare)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func (r *Registration) appendCompressed(dst []byte, version int32) []byte {
	var inflated []byte
	part := func(text []byte) {
		inflated = binary.BigEndian.AppendUint32(inflated, uint32(len(text)))
		inflated = append(inflated, text...)
	}
	part(r.Version.AppendJSON(nil))
	inflated = binary.BigEndian.AppendUint32(inflated, uint32(len(r.Topics)))
	var text []byte
	for i := range r.Topics {
		t := &r.Topics[i]
		text = append(text[:0], t.Name...)
		for _, n := range [...]int32{t.ReadQueues, t.WriteQueues, t.Perm} {
			text = strconv.AppendInt(append(text, ' '), int64(n), 10)
		}
		text = append(text, " SINGLE_TAG"...)
		if version >= Version500 {
			text = append(text, " {}"...)
		}
		part(text)
	}
	part(appendStrings(nil, r.FilterServers))
	if version >= Version500 {
		inflated = binary.BigEndian.AppendUint32(inflated, uint32(len(r.Mappings)))
		for i := range r.Mappings {
			part(r.Mappings[i].AppendJSON(nil, Bare))
		}
	}
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	// A bytes.Buffer takes everything.
	_, _ = z.Write(inflated)
	_ = z.Close()
	return append(dst, out.Bytes()...)
}

func appendStrings(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, text := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, text)
	}
	return append(dst, ']')
}
