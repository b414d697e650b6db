package namesrv_test

import (
	"strings"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// differences is where we do not answer as the recorded server did, or where the recording leaves the answer to us. Each row is
// printed into docs/compatibility.md, each step of it is held to the answer given here.
var differences = []difference{
	{
		"a request without a field that it needs",
		"the field is null: it answers success and did nothing, looks for something called `null`, or answers the text of an exception",
		"code 1 with the name of the field: who sends it learns why nothing happened",
		[]expected{
			{"register-null-name", []int{12, 14, 16, 34}, failure("brokerName is missing: the request needs it as an extField")},
			{"register-null-name", []int{26}, failure("brokerName is missing: the request needs it as an extField")},
			{"register-null-name", []int{18, 20}, failure("topic is missing: the request needs it as an extField")},
			{"register-null-name", []int{22, 38, 40}, failure("namespace is missing: the request needs it as an extField")},
			{"register-null-name", []int{24}, failure("cluster is missing: the request needs it as an extField")},
			{"register-null-name", []int{32}, failure("clusterName is missing: the request needs it as an extField")},
		},
	},
	{
		"a route query without a topic, a version query without a body, a key put without names",
		"code 17 for the topic `null`; a version of zeros; code 1 `namespace or key is null`",
		"the same: the codes are what clients act on, and the answers are true",
		[]expected{
			{"register-null-name", []int{10, 28, 36}, answer{asRecorded: true}},
		},
	},
	{
		"a data version that is none",
		"code 1 with the text of an exception",
		"code 1 with the name of the field and its value",
		[]expected{
			{"register-null-name", []int{30}, failure(`dataVersion.counter "{\"value\":3},\"timestamp\":1}" is not a plain value`)},
		},
	},
	{
		"a registration without a broker name",
		"success; the cluster keeps a broker called `null` for good, and code 304 then names no brokers at all",
		"code 1 that names the field, and nothing is registered",
		[]expected{
			{"register-null-name", []int{2}, failure("brokerName is missing: the request needs it as an extField")},
			{"register-null-name", []int{4}, success(`{"brokerAddrTable":{},"clusterAddrTable":{}}`)},
			{"register-null-name", []int{8}, success(`{"topicList":[]}`)},
		},
	},
	{
		"a refused registration (of one topic, before the whole)",
		"a broker group without an address stays behind",
		"nothing stays behind",
		[]expected{
			{"register-odd", []int{4}, success(`{"brokerAddrTable":{},"clusterAddrTable":{}}`)},
			{"binary-header", []int{13}, success(`{"brokerAddrTable":{},"clusterAddrTable":{}}`)},
		},
	},
	{
		"a registration of the present form from a sender that names no version",
		"success with no topic registered",
		"the form is recognised, and the topics are registered",
		[]expected{
			{"register-4x", []int{16}, answer{asRecorded: true}},
			{"register-4x", []int{18}, success(`{"brokerDatas":[{"brokerAddrs":{"0":"10.0.2.1:10911"},"brokerName":"broker-old2","cluster":"DefaultCluster",` +
				`"enableActingMaster":false}],"filterServerTable":{},"queueDatas":[{"brokerName":"broker-old2","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}`)},
		},
	},
	{
		"a compressed registration that is labelled as plain, as every 5.x broker with `compressedRegister=true` sends it; a plain one that is labelled as compressed; a compressed one of 4.9 from a 5.x sender",
		"code 1: such a broker can never register",
		"accepted: a body is recognised by its first byte, and may end where 4.9 ended it",
		[]expected{
			{"register-compressed", []int{12, 18, 20}, success("")},
			{"broker-compressed", []int{2}, success("")},
			{"broker-compressed", []int{4}, success(`{"brokerAddrTable":{` + masterInfo("broker-a", "DefaultCluster", "127.0.0.1:21011") + `},"clusterAddrTable":{"DefaultCluster":["broker-a"]}}`)},
			{"register-compressed", []int{22}, answer{
				body: `{"topicList":["StaticT","Only4","TopicA","AttrT","%RETRY%g","T1","T2"]}`, unordered: []string{"body.topicList"},
			}},
			{"register-compressed", []int{24}, answer{
				body: `{"brokerAddrTable":{` + strings.Join([]string{
					masterInfo("broker-a", "DefaultCluster", "10.0.0.1:10911"), masterInfo("broker-b", "DefaultCluster", "10.0.1.1:10911"),
					masterInfo("broker-c", "DefaultCluster", "10.0.2.1:10911"), masterInfo("broker-d", "DefaultCluster", "10.0.3.1:10911"),
					masterInfo("broker-e", "DefaultCluster", "10.0.4.1:10911"), masterInfo("broker-f", "DefaultCluster", "10.0.5.1:10911"),
				}, ",") + `},"clusterAddrTable":{"DefaultCluster":["broker-a","broker-b","broker-c","broker-d","broker-e","broker-f"]}}`,
			}},
		},
	},
	{
		"brokers of one name in two clusters",
		"they are one group that belongs to the cluster that came first, and overwrite each other",
		"two groups, each in its cluster; code 106, which has room for one of a name, shows the first",
		[]expected{
			{"register-odd", []int{56}, answer{edit: replace(`{0:"10.0.9.1:10911"}`, `{0:"10.0.8.1:10911"}`)}},
			{"register-odd", []int{58}, answer{edit: replace(`"cluster":"DefaultCluster"`, `"cluster":"OtherCluster"`)}},
		},
	},
	{
		"several brokers over one connection (BrokerContainer)",
		"when it closes, one of them is gone, the others linger for up to 120 s",
		"all of them are gone at once",
		[]expected{
			{"connection-close", []int{29}, success(`{"brokerAddrTable":{},"clusterAddrTable":{}}`)},
		},
	},
	{
		"static-topic mappings of a broker that is gone",
		"stay in the route for good, and Java clients then use nothing else",
		"go with the broker",
		[]expected{
			{"static-topic", []int{11}, answer{edit: cut(`,"topicQueueMappingByBroker":`)}},
		},
	},
	{
		"routes filtered by zone",
		"bare numeric keys for everybody",
		"the keys that the client asked for, quoted for those who read standard JSON",
		[]expected{
			{"zone", []int{12, 20}, answer{edit: quoteKeys}},
		},
	},
	{
		"a topic registered (code 217) at a broker that is not known, or that is registered at another of our servers only",
		"success, and nothing is kept for that broker, nor for those named after an unknown one",
		"the same, with a remark that names the brokers, and a line in the log: whoever sees that nothing happened learns why",
		[]expected{
			{"topics", []int{22, 26}, answer{remark: "without effect at nope" + notHere}},
			{"topics", []int{30}, answer{remark: "without effect at broker-b, nope" + notHere}},
		},
	},
	{
		"`addWritePerm` (code 327)",
		"sets every permission to 6",
		"gives back the permissions that the broker registered",
		[]expected{
			{"session", []int{126, 134}, answer{edit: replace(`"perm":6`, `"perm":7`)}},
			{"permissions", []int{32}, answer{sameAs: 44}},
			{"permissions", []int{34}, answer{sameAs: 46}},
			{"permissions", []int{36}, answer{sameAs: 48}},
		},
	},
	{
		"`wipeWritePerm` (code 205)",
		"is undone on each server by the broker's next change of any topic, and by a restart",
		"holds on all servers until `addWritePerm`, whatever the broker registers and whoever restarts",
		[]expected{
			{"permissions", []int{42}, answer{sameAs: 20}},
			{"permissions", []int{44}, answer{sameAs: 22}},
			{"permissions", []int{48}, answer{sameAs: 26}},
		},
	},
	{
		"`deleteTopic` (code 216)",
		"holds until the broker's next registration, which brings the topic back",
		"holds on all servers as long as the broker's data version says that nothing changed there; a topic that the broker still has after a change of its own is its newer word",
		[]expected{
			{"topics", []int{58}, answer{code: remoting.TopicNotExist, remark: "No topic route info in name server for the topic: T1\n" +
				"See https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details."}},
		},
	},
}

const notHere = ": not registered at this name server, or named after one that is not"

func success(body string) answer { return answer{body: body} }

func failure(remark string) answer { return answer{code: remoting.SystemError, remark: remark} }

// masterInfo is a broker's entry in the answer to code 106.
func masterInfo(name, cluster, addr string) string {
	return `"` + name + `":{"brokerAddrs":{0:"` + addr + `"},"brokerName":"` + name + `","cluster":"` + cluster + `","enableActingMaster":false}`
}

func replace(old, with string) func(string) string {
	return func(body string) string { return strings.ReplaceAll(body, old, with) }
}

// cut drops the last member of an object, from its comma on.
func cut(from string) func(string) string {
	return func(body string) string { return body[:strings.Index(body, from)] + "}" }
}

func quoteKeys(body string) string {
	return strings.NewReplacer(`{0:`, `{"0":`, `{1:`, `{"1":`).Replace(body)
}
