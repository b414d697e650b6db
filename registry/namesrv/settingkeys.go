package namesrv

import (
	"fmt"
	"strconv"
	"strings"
)

// A settingKey is one key of the reference's properties: where its value is kept and what becomes of it here.
type settingKey struct {
	name  string
	field func(*Settings) any // a *bool, *int or *string
	live  bool                // code 318 may change it
	// ignored says why another value than the default has no effect here, refused why it keeps the server from starting.
	ignored, refused string
	tls              bool // a property of the virtual machine there: read from the file, but none of the keys that 319 shows
}

const (
	ownPools   = "there are no pools of threads here: each connection answers for itself"
	ownBuffers = "a connection is not read from while its answer is unwritten, so there is no mark to set"
	ownListen  = "--namesrv-listen says where to listen, and code 319 shows that"
	noFiles    = "nothing is kept in files: what operators set is shared by all servers through the database"
	ofNetty    = "it chooses between implementations of Netty"
)

// settingKeys is every key, in the order in which 319 shows them.
var settingKeys = []settingKey{
	{name: "bindAddress", field: func(s *Settings) any { return &s.BindAddress }, ignored: ownListen},
	{name: "clientRequestThreadPoolNums", field: func(s *Settings) any { return &s.ClientRequestThreadPoolNums }, ignored: ownPools},
	{name: "clientRequestThreadPoolQueueCapacity", field: func(s *Settings) any { return &s.ClientRequestThreadPoolQueueCapacity }, ignored: ownPools},
	{name: "clusterTest", field: func(s *Settings) any { return &s.ClusterTest },
		refused: "in the reference it sends every request to the route query, so that no broker can register: leave it out"},
	{name: "configBlackList", field: func(s *Settings) any { return &s.ConfigBlackList }},
	{name: "configStorePath", field: func(s *Settings) any { return &s.ConfigStorePath }, ignored: noFiles},
	{name: "defaultThreadPoolNums", field: func(s *Settings) any { return &s.DefaultThreadPoolNums }, ignored: ownPools},
	{name: "defaultThreadPoolQueueCapacity", field: func(s *Settings) any { return &s.DefaultThreadPoolQueueCapacity }, ignored: ownPools},
	{name: "deleteTopicWithBrokerRegistration", live: true, field: func(s *Settings) any { return &s.DeleteTopicWithBrokerRegistration }},
	{name: "enableAllTopicList", live: true, field: func(s *Settings) any { return &s.EnableAllTopicList }},
	{name: "enableControllerInNamesrv", field: func(s *Settings) any { return &s.EnableControllerInNamesrv },
		refused: "there is no controller here: run the controllers of RocketMQ beside the name servers"},
	{name: "enableShutdownGracefully", field: func(s *Settings) any { return &s.EnableShutdownGracefully }},
	{name: "enableTopicList", live: true, field: func(s *Settings) any { return &s.EnableTopicList }},
	{name: "kvConfigPath", field: func(s *Settings) any { return &s.KVConfigPath }, ignored: noFiles},
	{name: "listenPort", field: func(s *Settings) any { return &s.ListenPort }, ignored: ownListen},
	{name: "needWaitForService", live: true, field: func(s *Settings) any { return &s.NeedWaitForService }},
	{name: "notifyMinBrokerIdChanged", live: true, field: func(s *Settings) any { return &s.NotifyMinBrokerIDChanged }},
	{name: "orderMessageEnable", live: true, field: func(s *Settings) any { return &s.OrderMessageEnable }},
	{name: "productEnvName", field: func(s *Settings) any { return &s.ProductEnvName },
		ignored: "it only names the environment of a cluster test"},
	{name: "returnOrderTopicConfigToBroker", live: true, field: func(s *Settings) any { return &s.ReturnOrderTopicConfigToBroker }},
	{name: "rocketmqHome", field: func(s *Settings) any { return &s.RocketMQHome }, ignored: "there is nothing of RocketMQ to be found"},
	{name: "scanNotActiveBrokerInterval", field: func(s *Settings) any { return &s.ScanNotActiveBrokerInterval }},
	{name: "serverAsyncSemaphoreValue", field: func(s *Settings) any { return &s.ServerAsyncSemaphoreValue }, ignored: ownPools},
	{name: "serverCallbackExecutorThreads", field: func(s *Settings) any { return &s.ServerCallbackExecutorThreads }, ignored: ownPools},
	{name: "serverChannelMaxIdleTimeSeconds", field: func(s *Settings) any { return &s.ServerChannelMaxIdleTimeSeconds }},
	{name: "serverNettyWorkerGroupEnable", field: func(s *Settings) any { return &s.ServerNettyWorkerGroupEnable }, ignored: ofNetty},
	{name: "serverOnewaySemaphoreValue", field: func(s *Settings) any { return &s.ServerOnewaySemaphoreValue }, ignored: ownPools},
	{name: "serverPooledByteBufAllocatorEnable", field: func(s *Settings) any { return &s.ServerPooledByteBufAllocatorEnable }, ignored: ofNetty},
	{name: "serverSelectorThreads", field: func(s *Settings) any { return &s.ServerSelectorThreads }, ignored: ownPools},
	{name: "serverSocketBacklog", field: func(s *Settings) any { return &s.ServerSocketBacklog },
		ignored: "the system's limit counts (net.core.somaxconn)"},
	{name: "serverSocketRcvBufSize", field: func(s *Settings) any { return &s.ServerSocketRcvBufSize }},
	{name: "serverSocketSndBufSize", field: func(s *Settings) any { return &s.ServerSocketSndBufSize }},
	{name: "serverWorkerThreads", field: func(s *Settings) any { return &s.ServerWorkerThreads }, ignored: ownPools},
	{name: "shutdownWaitTimeSeconds", field: func(s *Settings) any { return &s.ShutdownWaitTimeSeconds }},
	{name: "supportActingMaster", live: true, field: func(s *Settings) any { return &s.SupportActingMaster }},
	{name: "unRegisterBrokerQueueCapacity", field: func(s *Settings) any { return &s.UnRegisterBrokerQueueCapacity },
		ignored: "a broker that unregisters is gone at once, there is no queue"},
	{name: "useEpollNativeSelector", field: func(s *Settings) any { return &s.UseEpollNativeSelector }, ignored: ofNetty},
	{name: "waitSecondsForService", live: true, field: func(s *Settings) any { return &s.WaitSecondsForService }},
	{name: "writeBufferHighWaterMark", field: func(s *Settings) any { return &s.WriteBufferHighWaterMark }, ignored: ownBuffers},
	{name: "writeBufferLowWaterMark", field: func(s *Settings) any { return &s.WriteBufferLowWaterMark }, ignored: ownBuffers},

	{name: "tls.server.mode", tls: true, field: func(s *Settings) any { return &s.TLSServerMode }},
	{name: "tls.test.mode.enable", tls: true, field: func(s *Settings) any { return &s.TLSTestModeEnable }},
	{name: "tls.server.certPath", tls: true, field: func(s *Settings) any { return &s.TLSServerCertPath }},
	{name: "tls.server.keyPath", tls: true, field: func(s *Settings) any { return &s.TLSServerKeyPath }},
	{name: "tls.server.trustCertPath", tls: true, field: func(s *Settings) any { return &s.TLSServerTrustCertPath }},
	{name: "tls.server.need.client.auth", tls: true, field: func(s *Settings) any { return &s.TLSServerNeedClientAuth }},
	{name: "tls.server.authClient", tls: true, field: func(s *Settings) any { return &s.TLSServerAuthClient }},
}

// foreignKeys are properties of the virtual machine that people put into the same file, with what becomes of them. Those marked as
// refused would make the server less safe than its operator believes.
var foreignKeys = map[string]struct {
	refused bool
	reason  string
}{
	"tls.server.keyPassword":                                  {true, "encrypted keys are not read: write the key without a password, readable by the server only"},
	"tls.config.file":                                         {true, "the properties of that file belong into this one"},
	"tls.enable":                                              {false, "it is for clients; tls.server.mode is the server's"},
	"tls.client.keyPath":                                      {false, "brokers are told of a new lowest id without TLS"},
	"tls.client.keyPassword":                                  {false, "brokers are told of a new lowest id without TLS"},
	"tls.client.certPath":                                     {false, "brokers are told of a new lowest id without TLS"},
	"tls.client.authServer":                                   {false, "brokers are told of a new lowest id without TLS"},
	"tls.client.trustCertPath":                                {false, "brokers are told of a new lowest id without TLS"},
	"rocketmq.serialize.type":                                 {false, "an answer is written in the form of its request"},
	"com.rocketmq.remoting.frameMaxLength":                    {false, "a frame has at most 16 MiB, since clients refuse longer ones"},
	"com.rocketmq.remoting.socket.sndbuf.size":                {false, "serverSocketSndBufSize is honoured"},
	"com.rocketmq.remoting.socket.rcvbuf.size":                {false, "serverSocketRcvBufSize is honoured"},
	"com.rocketmq.remoting.socket.backlog":                    {false, "the system's limit counts (net.core.somaxconn)"},
	"com.rocketmq.remoting.nettyPooledByteBufAllocatorEnable": {false, ofNetty},
}

// referenceDefaults is what settings are compared with.
var referenceDefaults = DefaultSettings()

func settingKeyOf(name string) (settingKey, bool) {
	for _, k := range settingKeys {
		if k.name == name {
			return k, true
		}
	}
	return settingKey{}, false
}

// text is the value as 319 shows it.
func (k settingKey) text(s *Settings) string {
	switch v := k.field(s).(type) {
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		return strconv.Itoa(*v)
	default:
		return *v.(*string)
	}
}

// set reads a value as the properties have it. A value that is none leaves the settings as they were.
func (k settingKey) set(s *Settings, value string) error {
	value = strings.TrimSpace(value)
	switch v := k.field(s).(type) {
	case *bool:
		if !strings.EqualFold(value, "true") && !strings.EqualFold(value, "false") {
			return fmt.Errorf("%s %q: it is true or false", k.name, value)
		}
		*v = strings.EqualFold(value, "true")
	case *int:
		n, err := strconv.ParseInt(value, 10, 32)
		if err != nil || n < 0 {
			return fmt.Errorf("%s %q: it is a whole number from 0 to 2147483647", k.name, value)
		}
		*v = int(n)
	default:
		*v.(*string) = value
	}
	return nil
}
