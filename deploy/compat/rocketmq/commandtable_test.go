package rocketmq

// An adminCommand is one command of mqadmin 5.5.0, asked of all name servers ("-n" is added), and what its answer must
// contain, white space not counted. {master}, {slave} and {old} are brokers' addresses, {dir} a folder, {id} and
// {offset} the message that sendMessage sent last.
type adminCommand struct {
	line  string
	wants []string
}

// adminCommands is every command that talks to a name server, by the request it sends there. What is not here never asks
// one (producer, brokerConsumeStats, copyUser, dumpCompactionLog, …) or asks a controller.
var adminCommands = []adminCommand{
	// 106, and then a broker.
	{"updateTopic -c compat5 -t Tools -r 4 -w 4", []string{"create topic to {master} success.", "perm=RW-"}},
	{"updateTopicList -c compat5 -f {dir}/topics.json", []string{"submit batch of topic config to {master} success"}},
	{"clusterList", []string{"compat5 broker-a 0 {master} V5_5_0", "compat5 broker-a 1 {slave} V5_5_0", "compat4 broker-b 0 {old} V4_9_7"}},
	{"clusterList -m", []string{"compat5 broker-a", "compat4 broker-b"}},
	{"clusterList -c compat4", []string{"compat4 broker-b 0 {old} V4_9_7"}},
	{"brokerStatus -c compat5", []string{"{master} brokerVersionDesc : V5_5_0", "{slave} brokerVersionDesc : V5_5_0"}},
	{"haStatus -c compat5", []string{"#MasterAddr {master}", "#SlaveNum 1"}},
	{"getBrokerConfig -c compat5", []string{"Master: {master}", "brokerClusterName = compat5"}},
	{"updateBrokerConfig -c compat5 -k traceOn -v true", []string{"update broker config success, {master}"}},
	{"getBrokerEpoch -c compat5", []string{"this request only for controllerMode"}},
	{"getSyncStateSet -a 127.0.0.1:1 -c compat5", []string{"connect to 127.0.0.1:1 failed"}},
	{"setCommitLogReadAheadMode -c compat5 -m 1", []string{"Master: {master}", "Slave: {slave}", "set readAhead mode"}},
	{"getColdDataFlowCtrInfo -c compat5", []string{"Master: {master}", "Slave: {slave}", "cgColdReadThreshold"}},
	{"updateColdDataFlowCtrGroupConfig -c compat5 -g tools -v 1000", []string{"updateColdDataFlowCtrGroupConfig success, {master}"}},
	{"removeColdDataFlowCtrGroupConfig -c compat5 -g tools", []string{"remove broker cold read threshold success, {master}"}},
	{"updateSubGroup -c compat5 -g tools", []string{"create subscription group to {master} success."}},
	{"updateSubGroupList -c compat5 -f {dir}/groups.json", []string{"submit batch of subscription group config to {master} success"}},
	{"setConsumeMode -c compat5 -t Tools -g tools -m POP -q 4", []string{"set consume mode to {master} success."}},
	{"getConsumerConfig -g java5", []string{"compat5:broker-a", "compat4:broker-b", "groupName = java5"}},
	{"cleanExpiredCQ -c compat5", []string{"success"}},
	{"deleteExpiredCommitLog -c compat5", []string{"success"}},
	{"cleanUnusedTopic -c compat5", []string{"success"}},
	{"exportMetadata -c compat5 -t -f {dir}", []string{"export {dir}/topic.json success"}},
	{"exportMetrics -c compat5 -f {dir}", []string{"export {dir}/metrics.json success"}},
	{"exportPopRecord -c compat5", []string{"brokerAddr={master}", "brokerAddr={slave}"}},
	{"createUser -c compat5 -u alice -p secret", []string{"create user to {master} success.", "create user to {slave} success."}},
	{"listUser -c compat5", []string{"alice secret Normal enable"}},
	{"getUser -c compat5 -u alice", []string{"alice secret Normal enable"}},
	{"updateUser -c compat5 -u alice -s disable", []string{"update user to {master} success."}},
	{"createAcl -c compat5 -s User:alice -r Topic:* -a Pub -d Allow", []string{"create acl to {master} success."}},
	{"listAcl -c compat5", []string{"User:alice Custom Topic:* [Pub] null Allow"}},
	{"getAcl -c compat5 -s User:alice", []string{"User:alice Custom Topic:* [Pub] null Allow"}},
	{"updateAcl -c compat5 -s User:alice -r Topic:* -a Sub -d Allow", []string{"update acl to {master} success."}},
	{"deleteAcl -c compat5 -s User:alice", []string{"delete acl to {master} success."}},
	{"deleteUser -c compat5 -u alice", []string{"delete user to {master} success."}},

	// 105, and then a broker.
	{"topicRoute -t Steady", []string{`0:"{master}", 1:"{slave}"`, `0:"{old}"`, `"brokerName":"broker-a", "cluster":"compat5"`, `"brokerName":"broker-b", "cluster":"compat4"`,
		`"brokerName":"broker-b", "perm":6, "readQueueNums":4, "topicSysFlag":0, "writeQueueNums":4`}},
	{"topicRoute -l -t Steady", []string{"compat5 broker-a {0={master}, 1={slave}} 4 4 6", "compat4 broker-b {0={old}} 4 4 6", "Total: 2 8 8"}},
	{"topicRoute -t Nowhere", []string{"CODE: 17", "No topic route info in name server for the topic: Nowhere"}},
	{"updateTopicPerm -c compat5 -t Tools -p 4", []string{"update topic perm from 6 to 4 in {master} success."}},
	{"topicRoute -l -t Tools", []string{"compat5 broker-a {0={master}, 1={slave}} 4 4 4"}},
	{"updateTopicPerm -c compat5 -t Tools -p 6", []string{"update topic perm from 4 to 6 in {master} success."}},
	{"sendMessage -t Tools -p hello -k key -c tag -b broker-a -i 0", []string{"broker-a 0 SEND_OK"}},
	{"topicStatus -t Tools", []string{"broker-a 0 0 1", "broker-a 3 0 0"}},
	{"consumeMessage -t Tools", []string{"MSGID: {id}"}},
	{"printMsg -t Tools", []string{"MSGID: {id}"}},
	{"printMsgByQueue -t Tools -a broker-a -i 0 -p true", []string{"MSGID: {id}"}},
	{"queryMsgByKey -t Tools -k key", []string{"{id} 0 0"}},
	{"queryMsgByOffset -t Tools -b broker-a -i 0 -o 0", []string{"OffsetID: {offset}", "Keys: [key]", "Store Host: {master}"}},
	{"queryMsgByUniqueKey -t Tools -i {id}", []string{"Topic: Tools", "Keys: [key]"}},
	{"queryMsgById -t Tools -i {offset}", []string{"OffsetID: {offset}", "Keys: [key]"}},
	{"queryMsgTraceById -t Tools -i {id}", []string{"query message by key finished, but no message"}}, // nobody traces
	{"queryCq -t Tools -q 0 -i 0 -c 1", []string{"max: 1, min: 0", "physicSize="}},
	{"sendMsgStatus -b broker-a -s 16 -c 1", []string{"sendStatus=SEND_OK"}},
	{"checkMsgSendRT -t Tools -a 2 -s 16", []string{"broker-a 0 true", "broker-a 1 true", "Avg RT"}},
	{"producerConnection -g java5-producer -t Steady", []string{"java5-", "JAVA V5_5_0"}},
	{"consumerConnection -g java4", []string{"java4-", "JAVA V4_9_7", "Steady *", "CONSUME_FROM_FIRST_OFFSET"}},
	{"consumerStatus -g java5", []string{"java5-", "Same subscription in the same group of consumer", "Rebalance OK"}},
	{"statsAll -t Steady", []string{"Steady java5", "Steady java4", "Steady golang"}},
	{"allocateMQ -t Tools -i 10.0.0.1,10.0.0.2", []string{`"10.0.0.1":[{"brokerName":"broker-a"`, `"10.0.0.2":[{"brokerName":"broker-a"`}},
	{"updateTopic -c compat5 -t %RETRY%tools -r 1 -w 1", []string{"success"}}, // else the group's first consumer makes it
	{"resetOffsetByTime -g tools -t Tools -s now -f true", []string{"broker-a 0 2", "broker-a 1 1", "broker-a 3 0"}},
	{"skipAccumulatedMessage -g tools -t Tools", []string{"broker-a 0 2", "broker-a 1 1"}},
	{"cloneGroupOffset -s tools -d listed-1 -t Tools -o true", []string{"clone group offset success"}},
	{"consumerProgress -g tools -t Tools", []string{"Tools broker-a 0 2 2 0", "Consume Diff Total: 0"}},
	{"deleteSubGroup -c compat5 -g tools", []string{"from broker [{master}] in cluster [compat5] success."}},

	// 206 and 224, with 105 and 106.
	{"topicList", []string{"Steady", "Tools", "Listed-1", "Listed-2", "Only-broker-b", "rmq_sys_SYNC_BROKER_MEMBER_broker-a", "%RETRY%golang"}},
	{"topicList -c", []string{"Steady java5", "Steady java4", "Steady golang", "compat5 Only-broker-a", "compat4 Only-broker-b"}},
	{"topicClusterList -t Only-broker-b", []string{"compat4"}},
	{"consumerProgress", []string{"java5 1 V5_5_0 PUSH CLUSTERING", "java4 1 V4_9_7 PUSH CLUSTERING", "golang 1 V4_5_2 PUSH CLUSTERING"}},

	// 100, 101, 102, and 219 and the lists by program.
	{"updateKvConfig -s compat -k key -v value", []string{"create or update kv config to namespace success."}},
	{"lists compat5 compat", []string{"namespace {key=value}", "cluster [", "Only-broker-a", "system [", "compat4", "compat5", "unit []", "unitsub []", "ununitsub []"}},
	{"deleteKvConfig -s compat -k key", []string{"delete kv config from namespace success."}},
	{"lists compat5 nowhere", []string{"CODE: 22", "No config item, Namespace: nowhere"}},
	{"updateTopic -c compat5 -t Ordered -r 4 -w 4 -o true", []string{"set cluster orderConf. isOrder=true, orderConf=[broker-a:4]"}},
	{"updateOrderConf -m get -t Ordered", []string{"topic=[Ordered], orderConf=[broker-a:4]"}},
	{"updateOrderConf -m put -t Ordered -v broker-a:2", []string{"update orderConf success. topic=[Ordered], orderConf=[broker-a:2]"}},
	{"updateOrderConf -m get -t Ordered", []string{"topic=[Ordered], orderConf=[broker-a:2]"}},
	{"topicRoute -t Ordered", []string{`"orderTopicConf":"broker-a:2"`}},
	{"updateOrderConf -m delete -t Ordered", []string{"delete orderConf success. topic=[Ordered]"}},
	{"updateOrderConf -m get -t Ordered", []string{"CODE: 22", "No config item, Namespace: ORDER_TOPIC_CONFIG Key: Ordered"}},

	// 318, 319.
	{"getNamesrvConfig", []string{"============{server}============", "============{other}============", "orderMessageEnable = true", "enableAllTopicList = true", "scanNotActiveBrokerInterval = 5000"}},
	{"updateNamesrvConfig -k enableAllTopicList -v false", []string{"update name server config success!", "enableAllTopicList : false"}},
	{"topicList", []string{"CODE: 1", "disable"}},
	{"updateNamesrvConfig -k enableAllTopicList -v true", []string{"update name server config success!", "enableAllTopicList : true"}},
	{"updateNamesrvConfig -k kvConfigPath -v /somewhere", []string{"CODE: 16"}},
	{"exportConfigs -c compat5 -f {dir}", []string{"export {dir}/configs.json success"}},

	// 216, after the brokers.
	{"deleteTopic -c compat5 -t Tools", []string{"delete topic [Tools] from cluster [compat5] success.", "delete topic [Tools] from NameServer success."}},
	{"topicRoute -t Tools", []string{"CODE: 17"}},
}
