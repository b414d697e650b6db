// Package remoting is the wire of Apache RocketMQ's remoting protocol, as far as name servers speak it: frames, headers in both
// encodings, and the bodies of requests and answers. It holds no state and opens no socket.
//
// # A frame
//
// All numbers are big-endian. Frames follow each other in both directions of a connection, answers in any order: the opaque
// number tells which request one is for.
//
//	 0               4       5              8                8+H             4+L
//	+---------------+-------+--------------+----------------+---------------+
//	| L = what      | codec | H = header   | header         | body          |
//	| follows       | 0, 1  | length       |                | may be empty  |
//	+---------------+-------+--------------+----------------+---------------+
//
// ReadFrame reads one. Request.Parse looks at it in place and is what a server uses; Decode copies it into a Command. Append
// writes a Command, AppendAnswer the answer to a Request, in the request's codec.
//
// A header in codec 0 is JSON:
//
//	{"code":105,"extFields":{"topic":"T"},"flag":0,"language":"JAVA","opaque":7,"serializeTypeCurrentRPC":"JSON","version":479}
//
// and in codec 1, which upstream calls ROCKETMQ:
//
//	 0      2          3         5        9      13              17
//	+------+----------+---------+--------+------+---------------+--------+---------------+------------------------+
//	| code | language | version | opaque | flag | R = length of | remark | E = length of | name: 2 bytes + text   |
//	|      |          |         |        |      | remark        | R      | extFields     | value: 4 bytes + text… |
//	+------+----------+---------+--------+------+---------------+--------+---------------+------------------------+
//
// # Bodies
//
//	REGISTER_BROKER                 DecodeRegistration, AppendRegistration
//	UNREGISTER_BROKER               DecodeUnregistration (no body)
//	BROKER_HEARTBEAT                DecodeHeartbeat (no body)
//	QUERY_DATA_VERSION              DecodeVersionQuery; the answer is a DataVersion
//	GET_ROUTEINFO_BY_TOPIC          the answer is a TopicRoute; REGISTER_TOPIC_IN_NAMESRV brings one
//	GET_BROKER_CLUSTER_INFO         the answer is a ClusterInfo
//	GET_BROKER_MEMBER_GROUP         the answer is a MemberGroup
//	lists of topics                 TopicList
//	GET_KVLIST_BY_NAMESPACE         KVTable, also in the answer to a registration
//	…_NAMESRV_CONFIG                ParseProperties, AppendProperties
//	NOTIFY_MIN_BROKER_ID_CHANGE     AppendMinBrokerIDChange, DecodeMinBrokerIDChange (no body)
//
// Encoders write what Java writes, to the byte. Decoders take all that fastjson takes and more than the reference does, whatever the
// order of members, but nothing beyond the limits (MaxFrame and those after it): memory is proportional to what was sent. A
// *WireError ends the connection, a *FieldError is answered with SystemError and names field, value and remedy.
//
// # Two halves
//
// A name server needs Request with what hangs on it, AppendAnswer and AppendAnswerHead, the Decode functions of requests, and
// AppendJSON of what it answers. The other half is for those who talk to one, which are this repository's tools, its simulated brokers
// and clients, its tests, and clients in Go: ReadFrame, Command with Decode and Append, AppendRegistration, the Decode functions of
// answers (DecodeTopicRoute, which REGISTER_TOPIC_IN_NAMESRV needs as well, DecodeClusterInfo, DecodeMemberGroup, DecodeTopicList,
// DecodeKVTable), and DecodeMinBrokerIDChange, which reads what a name server sends of its own accord.
//
// # Known warts of the wire
//
//   - Maps with numbers for keys are written without quotes, {0:"10.0.0.1:10911"}, to all but those who are known to read JSON:
//     Dialect says why nobody may change that. Their order is that of a Java HashMap.
//   - Strict readers of headers exist too: a Go client whose answer has an extField that is no string waits until its time is over.
//   - A route must have brokerAddrs, even empty, or Go clients fall over. Addresses must have no commas.
//   - No extFields and empty ones are told apart in JSON ({}), not in binary.
//   - An empty text in a binary header is null to Java; in JSON it is a text.
//   - Of a broker's flag enableActingMaster "absent" and "false" mean different things.
//   - bodyCrc32 lacks the sign bit, and 0 says that there is none.
//   - 5.x brokers say compressed=false of bodies that are compressed. The first byte tells.
//   - A compressed registration has lost order and topicSysFlag. Up to 4.9 it ends before the mappings; some say 5.x and do so too.
//   - Brokers that say no version send a wrapped body and look as if it were bare. Names of members tell.
//   - A topic of which a broker says nothing has 16 queues and permission 6.
//   - fastjson writes an object that comes again as {"$ref":"$.path"}; in attributes, which nobody here reads.
//   - Up to 5.3.3 Java escapes non-ASCII and the slash in standard JSON; 5.5.0 does not, and neither do we.
//   - UPDATE_NAMESRV_CONFIG is read as Latin-1 although it is UTF-8.
//   - The remark of a good answer to GET_BROKER_MEMBER_GROUP is "not set any response code".
//
// # Where it differs from the reference on purpose
//
//   - An answer has the codec of its request. The reference answers in its own.
//   - Mandatory fields and numbers are checked, where the reference logs a warning and goes on with null.
//   - Shape and compression of a registration are seen from its bytes, not from what its labels say.
//   - A static-topic mapping without a topic or broker is refused.
package remoting
