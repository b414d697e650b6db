package namesrv

import (
	"fmt"
	"time"
)

// Settings are the reference's own: the keys of its NamesrvConfig, NettyServerConfig and TlsSystemConfig, under their names. Those
// that mean nothing here are kept too, as code 319 shows all of them; settingkeys.go says which and why. A Settings is a value.
type Settings struct {
	// What the server does. All but the intervals can be changed while it runs, by code 318.

	OrderMessageEnable                bool // route answers carry the order configuration of the topic
	ReturnOrderTopicConfigToBroker    bool // registration answers carry all of it
	SupportActingMaster               bool // the lowest slave is shown as master to readers
	EnableAllTopicList                bool // code 206 is answered
	EnableTopicList                   bool // codes 224 and 311 to 313 are answered
	NotifyMinBrokerIDChanged          bool // brokers are told when the lowest id of their group changes
	NeedWaitForService                bool // route queries are refused for WaitSecondsForService after the start
	WaitSecondsForService             int
	DeleteTopicWithBrokerRegistration bool // topics that a registration no longer names are removed
	ScanNotActiveBrokerInterval       int  // milliseconds between two looks for expired brokers
	ServerChannelMaxIdleTimeSeconds   int  // a connection silent for so long is closed; 0: never
	ServerSocketSndBufSize            int  // bytes; 0 leaves it to the system
	ServerSocketRcvBufSize            int
	EnableShutdownGracefully          bool // at the end, new clients are told to go away for ShutdownWaitTimeSeconds
	ShutdownWaitTimeSeconds           int
	ConfigBlackList                   string // keys that code 318 refuses, separated by semicolons, beside its own

	// TLS.

	TLSServerMode           string // disabled, permissive or enforcing
	TLSTestModeEnable       bool   // a fresh certificate signed by itself, where no file is named
	TLSServerCertPath       string
	TLSServerKeyPath        string
	TLSServerTrustCertPath  string
	TLSServerNeedClientAuth string // none, optional or require
	TLSServerAuthClient     bool   // a client's certificate is verified

	// Shown by code 319, with no effect here.

	RocketMQHome, KVConfigPath, ConfigStorePath, ProductEnvName string
	ClusterTest, EnableControllerInNamesrv                      bool
	ClientRequestThreadPoolNums                                 int
	ClientRequestThreadPoolQueueCapacity                        int
	DefaultThreadPoolNums                                       int
	DefaultThreadPoolQueueCapacity                              int
	UnRegisterBrokerQueueCapacity                               int
	BindAddress                                                 string
	ListenPort                                                  int
	ServerWorkerThreads                                         int
	ServerCallbackExecutorThreads                               int
	ServerSelectorThreads                                       int
	ServerOnewaySemaphoreValue                                  int
	ServerAsyncSemaphoreValue                                   int
	ServerSocketBacklog                                         int
	WriteBufferHighWaterMark, WriteBufferLowWaterMark           int
	ServerNettyWorkerGroupEnable                                bool
	ServerPooledByteBufAllocatorEnable                          bool
	UseEpollNativeSelector                                      bool
}

// DefaultSettings are the reference's.
func DefaultSettings() Settings {
	return Settings{
		ReturnOrderTopicConfigToBroker:  true,
		EnableAllTopicList:              true,
		EnableTopicList:                 true,
		WaitSecondsForService:           45,
		ScanNotActiveBrokerInterval:     5000,
		ServerChannelMaxIdleTimeSeconds: 120,
		ShutdownWaitTimeSeconds:         30,
		ConfigBlackList:                 "configBlackList;configStorePath;kvConfigPath",

		TLSServerMode:           tlsPermissive,
		TLSTestModeEnable:       true,
		TLSServerNeedClientAuth: clientAuthNone,

		ProductEnvName:                       "center",
		ClientRequestThreadPoolNums:          8,
		ClientRequestThreadPoolQueueCapacity: 50000,
		DefaultThreadPoolNums:                16,
		DefaultThreadPoolQueueCapacity:       10000,
		UnRegisterBrokerQueueCapacity:        3000,
		BindAddress:                          "0.0.0.0",
		ListenPort:                           9876,
		ServerWorkerThreads:                  8,
		ServerSelectorThreads:                3,
		ServerOnewaySemaphoreValue:           256,
		ServerAsyncSemaphoreValue:            64,
		ServerSocketBacklog:                  1024,
		ServerNettyWorkerGroupEnable:         true,
		ServerPooledByteBufAllocatorEnable:   true,
	}
}

// mistakes is everything that cannot be served. Each begins with the key that is to be mended.
func (s *Settings) mistakes() []error {
	var wrong []error
	say := func(bad bool, format string, args ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, args...))
		}
	}
	say(s.ScanNotActiveBrokerInterval == 0, "scanNotActiveBrokerInterval %q: at least 1 millisecond is needed", "0")
	for _, k := range settingKeys {
		if n, ok := k.field(s).(*int); ok {
			say(*n < 0, "%s %q: it is a whole number from 0 to 2147483647", k.name, k.text(s))
		}
		say(k.refused != "" && k.text(s) != k.text(&referenceDefaults), "%s %q: %s", k.name, k.text(s), k.refused)
	}
	say(!knownTLSMode(s.TLSServerMode), "tls.server.mode %q: it is disabled, permissive or enforcing", s.TLSServerMode)
	_, known := clientAuthWords[s.TLSServerNeedClientAuth]
	say(!known, "tls.server.need.client.auth %q: it is none, optional or require", s.TLSServerNeedClientAuth)
	say(s.TLSServerCertPath != "" && s.TLSServerKeyPath == "", "tls.server.certPath %q: it needs tls.server.keyPath beside it", s.TLSServerCertPath)
	say(s.TLSServerCertPath == "" && s.TLSServerKeyPath != "", "tls.server.keyPath %q: it needs tls.server.certPath beside it", s.TLSServerKeyPath)
	return wrong
}

func (s *Settings) idle() time.Duration {
	return time.Duration(s.ServerChannelMaxIdleTimeSeconds) * time.Second
}

func (s *Settings) scanInterval() time.Duration {
	return time.Duration(s.ScanNotActiveBrokerInterval) * time.Millisecond
}
