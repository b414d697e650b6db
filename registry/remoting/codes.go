package remoting

// Code is what a frame is about: in a request the operation asked for, in an answer its outcome.
type Code = int32

// Request codes that a name server answers, by their numbers in apache/rocketmq RequestCode.java. The names are ours; RequestName
// has upstream's.
const (
	PutKVConfig               Code = 100
	GetKVConfig               Code = 101
	DeleteKVConfig            Code = 102
	RegisterBroker            Code = 103
	UnregisterBroker          Code = 104
	GetRouteByTopic           Code = 105
	GetClusterInfo            Code = 106
	WipeWritePerm             Code = 205
	GetAllTopics              Code = 206
	DeleteTopic               Code = 216
	RegisterTopic             Code = 217
	GetKVListByNamespace      Code = 219
	GetTopicsByCluster        Code = 224
	GetSystemTopics           Code = 304
	GetUnitTopics             Code = 311
	GetHasUnitSubTopics       Code = 312
	GetHasUnitSubUnunitTopics Code = 313
	UpdateConfig              Code = 318
	GetConfig                 Code = 319
	QueryDataVersion          Code = 322
	AddWritePerm              Code = 327
	GetMemberGroup            Code = 901
	BrokerHeartbeat           Code = 904

	// NotifyMinBrokerIDChange is the one request that a name server sends, to brokers.
	NotifyMinBrokerIDChange Code = 905
)

// Response codes that a name server sends (apache/rocketmq ResponseCode.java). Clients move to another server after none of
// them: any code but Success makes them keep what they had.
const (
	Success       Code = 0
	SystemError   Code = 1
	SystemBusy    Code = 2
	NotSupported  Code = 3
	NoPermission  Code = 16
	TopicNotExist Code = 17
	QueryNotFound Code = 22
)

var requestNames = map[Code]string{
	PutKVConfig:               "PUT_KV_CONFIG",
	GetKVConfig:               "GET_KV_CONFIG",
	DeleteKVConfig:            "DELETE_KV_CONFIG",
	RegisterBroker:            "REGISTER_BROKER",
	UnregisterBroker:          "UNREGISTER_BROKER",
	GetRouteByTopic:           "GET_ROUTEINFO_BY_TOPIC",
	GetClusterInfo:            "GET_BROKER_CLUSTER_INFO",
	WipeWritePerm:             "WIPE_WRITE_PERM_OF_BROKER",
	GetAllTopics:              "GET_ALL_TOPIC_LIST_FROM_NAMESERVER",
	DeleteTopic:               "DELETE_TOPIC_IN_NAMESRV",
	RegisterTopic:             "REGISTER_TOPIC_IN_NAMESRV",
	GetKVListByNamespace:      "GET_KVLIST_BY_NAMESPACE",
	GetTopicsByCluster:        "GET_TOPICS_BY_CLUSTER",
	GetSystemTopics:           "GET_SYSTEM_TOPIC_LIST_FROM_NS",
	GetUnitTopics:             "GET_UNIT_TOPIC_LIST",
	GetHasUnitSubTopics:       "GET_HAS_UNIT_SUB_TOPIC_LIST",
	GetHasUnitSubUnunitTopics: "GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST",
	UpdateConfig:              "UPDATE_NAMESRV_CONFIG",
	GetConfig:                 "GET_NAMESRV_CONFIG",
	QueryDataVersion:          "QUERY_DATA_VERSION",
	AddWritePerm:              "ADD_WRITE_PERM_OF_BROKER",
	GetMemberGroup:            "GET_BROKER_MEMBER_GROUP",
	BrokerHeartbeat:           "BROKER_HEARTBEAT",
	NotifyMinBrokerIDChange:   "NOTIFY_MIN_BROKER_ID_CHANGE",
}

// RequestName is upstream's name of a request code, for logs and metrics; "" for a code that no name server knows.
func RequestName(c Code) string { return requestNames[c] }

// The bits of Flag.
const (
	FlagResponse int32 = 1 // the frame answers a request of the same opaque
	FlagOneway   int32 = 2 // never answered, not even with an error
)

// Versions of a frame's sender are ordinals of apache/rocketmq MQVersion.java. These are the ones that anything depends on.
const (
	Version37  int32 = 37  // V3_0_11: a registration's body is wrapped from here on
	Version494 int32 = 401 // V4_9_4: takes standard JSON in routes
	Version500 int32 = 413 // V5_0_0: sends static topics, attributes and the acting-master flag

	// Version is what answers say of this server: V5_3_3.
	Version int32 = 479
)
