// Package eureka is the wire of Netflix Eureka: the one instance model of this project and its codecs, JSON and XML,
// full and compact. It holds no state, opens no socket and imports the standard library only.
//
// # Bodies
//
//	{"instance":{…}}              registration, answer to a query for one instance   DecodeInstance, AppendInstanceDocument
//	{"application":{…}}           answer to a query for one application              DecodeApplication, AppendApplicationDocument
//	{"applications":{…}}          full list, delta, query by vip                     DecodeApplications, AppendApplications
//	{"replicationList":[…]}       what a server copies to its peer                   DecodeReplicationList, AppendReplicationList
//	{"responseList":[…]}          the answer to that                                 DecodeReplicationAnswers, AppendReplicationAnswers
//
// The first three exist in XML as well (elements instance, application, applications), and the lists in compact forms
// that carry only what a load balancer needs. Inside batches instances are not wrapped: DecodeBareInstance.
//
// # Two attitudes
//
// Encoders write what the reference writes, to the byte: clients decode with strict mappers, and a field too many
// loses a client. Lists can be put together from the encoded text of their instances (AppendApplicationsHead and the
// like), so that a change to one instance costs the encoding of one instance.
//
// Decoders take a superset of what the reference takes, whatever the order of members, and are strict about syntax
// and size: see MaxDepth, MaxText, MaxMetadataEntries, MaxVIPs. The size of the whole body is the caller's to bound; memory is
// proportional to it. They are written by hand because the standard library's do not fit: encoding/json takes invalid
// UTF-8 and costs several times as much, encoding/xml refuses characters that the reference writes.
//
// # Known warts of the wire
//
//   - Ports are {"$":8080,"@enabled":"true"}: the number a number, the flag a string. isCoordinatingDiscoveryServer and
//     two timestamps are strings, all other timestamps numbers; in compact forms lastUpdatedTimestamp is a number too.
//   - No metadata is {"@class":"java.util.Collections$EmptyMap"}, in XML an attribute class.
//   - overriddenStatus in JSON is overriddenstatus in XML and in older JSON. Both are read.
//   - versions__delta and apps__hashcode carry XStream's escape of "_". Metadata keys in XML are coded the same way.
//   - The class of every data center but Amazon's is a marker that names no Java class.
//   - JSON writes characters beyond the Basic Multilingual Plane raw in lists and as two escapes elsewhere: Form.
//   - A sid of "na" or "unknown" is not written.
//   - A string may be absent or "", and clients see the difference: Instance.Blank.
//
// # Where it differs from the reference on purpose
//
//   - XML shows the true status. The reference shows DOWN for OUT_OF_SERVICE and UNKNOWN when it answers for a single
//     instance (V1AwareInstanceInfoConverter.java).
//   - Unknown members of any shape are skipped. The reference takes the end of such a value for the end of the
//     instance and loses what follows; after an Amazon data center without metadata it loses one member.
//   - Nested metadata values are left out, where the reference files their brackets as values.
//   - A port may be a plain number, and a data center may lack its class when its name is known.
//   - A metadata entry without a key is left out of XML, where the reference writes an element without a name.
//   - Half a surrogate pair becomes U+FFFD.
package eureka
