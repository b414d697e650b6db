package httpapi_test

import (
	"net/http"
	"regexp"
	"strings"
)

// Ways in which our bodies follow from the recorded ones.

func text(s string) *string { return &s }

func replaced(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

// without takes out what a pattern matches, with a comma before or behind it.
func without(pattern string) func(string) string {
	re := regexp.MustCompile(`,(?:` + pattern + `)|(?:` + pattern + `),?`)
	return func(body string) string { return re.ReplaceAllString(body, "") }
}

func inTurn(edits ...func(string) string) func(string) string {
	return func(body string) string {
		for _, edit := range edits {
			body = edit(body)
		}
		return body
	}
}

// instanceNamed matches one instance of a JSON list.
func instanceNamed(id string) string {
	return `\{"instanceId":"` + regexp.QuoteMeta(id) + `"[^\[]*?"actionType":"[A-Z]+"(?:,"asgName":"[^"]*")?\}`
}

var (
	badRequest = answer{status: http.StatusBadRequest}
	notFound   = answer{status: http.StatusNotFound}
	accepted   = answer{status: http.StatusNoContent, contentType: "-", body: text("")}
	ok         = answer{status: http.StatusOK, contentType: "-", body: text("")}
)

// odd is how a scenario's first instance reads under another number and id.
func odd(number, id string) answer {
	return answer{status: http.StatusOK, contentType: "application/json", sameAs: "get a:b:1", edit: replaced("ids-1.", "ids-"+number+".", "10.0.0.1", "10.0.0."+number, `"a:b:1"`, `"`+id+`"`)}
}

const noApplications = `{"applications":{"versions__delta":"-1","apps__hashcode":"","application":[]}}`

// differences is every deliberate deviation. docs/compatibility.md is printed from it.
var differences = []difference{
	{
		"paths", "`//` and paths without the context are 404",
		"doubled slashes collapse; `/v2/apps` is served like `/eureka/apps`, for clients that have the war file's path without its context",
		[]expected{{"01-empty", []string{"apps without the eureka prefix", "double slash", "double trailing slash"}, answer{status: http.StatusOK, sameAs: "apps, json"}}},
	},
	{
		"status of single instances in XML", "OUT_OF_SERVICE and UNKNOWN show as DOWN",
		"the true status, as in JSON and in lists",
		[]expected{
			{"03-register-xml", []string{"fifth instance, xml"}, answer{edit: replaced("<status>DOWN<", "<status>UNKNOWN<")}},
			{"07-many", []string{"out of service, live xml"}, answer{edit: replaced("<status>DOWN<", "<status>OUT_OF_SERVICE<")}},
			{"11-override", []string{"stored, live xml"}, answer{edit: replaced("<status>DOWN<", "<status>OUT_OF_SERVICE<")}},
			{"11-override", []string{"UNKNOWN, xml"}, answer{edit: replaced("<status>DOWN<", "<status>UNKNOWN<")}},
		},
	},
	{
		"order of instances in a list", "a hash table's",
		"constant, by id",
		[]expected{
			{"04-register-shapes", []string{"compact, absent fields"}, answer{unordered: []string{"instance"}}},
		},
	},
	{
		"gzipped request bodies", "400: Spring's server has no decoder",
		"accepted, up to the same size unpacked; Netflix's own server takes them too, and old peers send them",
		[]expected{
			{"06-gzip", []string{"gzipped request body"}, accepted},
			{"06-gzip", []string{"gzipped batch body"}, answer{status: http.StatusOK, contentType: "application/json", body: text(`{"responseList":[]}`)}},
		},
	},
	{
		"a timestamp or status that is none", "500; overrides are half applied, and neither lists nor deltas show it",
		"400 and nothing applied; clients treat both as any failure",
		[]expected{
			{"09-heartbeat", []string{"timestamp not a number", "timestamp empty"}, badRequest},
			{"11-override", []string{"no value", "invalid value", "lower-case value", "delete, invalid value", "delete, invalid value, with an override", "timestamp not a number", "delete, timestamp not a number"}, badRequest},
			{"11-override", []string{"status and override are changed"}, answer{edit: replaced(`"status":"DOWN","overriddenStatus":"DOWN"`, `"status":"UP","overriddenStatus":"UNKNOWN"`)}},
		},
	},
	{
		"override that a peer's heartbeat brings, and what heartbeats change", "lists and deltas stay as they were",
		"lists and deltas show it at once",
		[]expected{
			{"10-heartbeat-replica", []string{"but the delta does not show it"}, answer{edit: replaced(`"overriddenStatus":"UNKNOWN"`, `"overriddenStatus":"OUT_OF_SERVICE"`)}},
			{"10-heartbeat-replica", []string{"nor does the full list"}, answer{edit: replaced(`"overriddenStatus":"UNKNOWN"`, `"overriddenStatus":"OUT_OF_SERVICE"`)}},
			{"10-heartbeat-replica", []string{"the cached list still shows the old status"}, answer{edit: replaced(`"UP_1_"`, `"OUT_OF_SERVICE_1_"`, `"status":"UP","overriddenStatus":"UNKNOWN"`, `"status":"OUT_OF_SERVICE","overriddenStatus":"OUT_OF_SERVICE"`)}},
		},
	},
	{
		"override equal to the status shown", "200, and nothing is stored",
		"stored: an operator who says UP means it when the client says something else",
		[]expected{{"11-override", []string{"no override stored"}, answer{edit: replaced(`"overriddenStatus":"UNKNOWN"`, `"overriddenStatus":"UP"`, `"ADDED"`, `"MODIFIED"`)}}},
	},
	{
		"one id in two applications", "an override holds for both, and a cancel in a third takes it away",
		"an override belongs to application and id",
		[]expected{
			{"12-override-rules", []string{"it is keyed by id alone", "by id: first match"}, answer{edit: replaced(`"status":"OUT_OF_SERVICE","overriddenStatus":"OUT_OF_SERVICE"`, `"status":"UP","overriddenStatus":"UNKNOWN"`), volatile: []string{`"serviceUpTimestamp":(\d+)`}}},
			{"12-override-rules", []string{"status"}, answer{edit: replaced(`"overriddenStatus":"UNKNOWN"`, `"overriddenStatus":"OUT_OF_SERVICE"`)}},
		},
	},
	{
		"empty metadata key in XML", "`<>`, which no parser takes",
		"left out",
		[]expected{{"15-metadata-odd", []string{"xml", "list xml"}, answer{edit: without(`\n *<>empty key</>`)}}},
	},
	{
		"what upstream's parser stumbles over: nested metadata, unknown fields that are objects, a port that is a number, a data center without `@class` or metadata",
		"garbage, lost fields or 400",
		"accepted; what means nothing is skipped",
		[]expected{
			{"15-metadata-odd", []string{"nested value, stored as"}, answer{edit: replaced(`{"a":"{","b":"c"}`, `{"@class":"java.util.Collections$EmptyMap"}`)}},
			{"15-metadata-odd", []string{"array value, stored as"}, answer{edit: replaced(`{"a":"[","b":"]","z":"1"}`, `{"z":"1"}`)}},
			{"15-metadata-odd", []string{"nested value, then more"}, accepted},
			{"15-metadata-odd", []string{"nested value, then more, stored as"}, answer{status: http.StatusOK, contentType: "application/json", sameAs: "nested value, stored as", edit: replaced(`{"a":"{","b":"c"}`, `{"z":"1"}`, "orders-5.", "orders-7.", "10.0.0.5", "10.0.0.7")}},
			{"16-fields", []string{"its instance-id is filled in"}, answer{edit: replaced(`"isCoordinating`, `"vipAddress":"cloud","isCoordinating`)}},
			{"17-invalid", []string{"data center without class"}, accepted},
			{"17-invalid", []string{"what got in"}, answer{unordered: []string{"instance"}, edit: replaced(`"hostName":"  "`, `"hostName":"orders-1.example.com"`)}},
			{"18-undecodable", []string{"port a number", "unknown object field first", "unknown object field before the ports"}, accepted},
			{"18-undecodable", []string{"what the unknown fields left"}, answer{edit: withUnknownFields}},
		},
	},
	{
		"a lease of more than 24 days", "overflows, and the instance is gone at once",
		"lasts as long as it says",
		[]expected{{"16-fields", []string{"lease 4"}, answer{status: http.StatusOK, contentType: "application/json", sameAs: "lease 3",
			edit: replaced("leases-4.", "leases-5.", "10.0.0.4", "10.0.0.5", `"renewalIntervalInSecs":30,"durationInSecs":90`, `"renewalIntervalInSecs":1,"durationInSecs":3000000`)}}},
	},
	{
		"batch: an instance wrapped in `instance`", "derails the parser: two answers for one item",
		"one answer, 500, for the item",
		[]expected{{"22-batch-bad", []string{"wrapped instance"}, answer{body: text(`{"responseList":[{"statusCode":500}]}`)}}},
	},
	{
		"batch without `Accept: application/json`", "XML of Java class names",
		"JSON: no peer reads anything else",
		[]expected{{"22-batch-bad", []string{"no Accept", "accepting xml", "accepting anything"}, answer{sameAs: "gzip accepted"}}},
	},
	{
		"`%2F`, `%5C`, `%00` and raw bytes beyond ASCII in ids", "400 by Tomcat: such an instance can be registered and never addressed",
		"they address the id",
		[]expected{
			{"23-ids", []string{"get a%2Fb", "by id a%2Fb"}, odd("2", "a/b")},
			{"23-ids", []string{"get a%5Cb", "by id a%5Cb"}, odd("12", `a\\b`)},
			{"23-ids", []string{"heartbeat a%2Fb", "cancel a%2Fb", "heartbeat a%5Cb", "cancel a%5Cb"}, ok},
			{"23-ids", []string{"raw unicode", "encoded backslash", "encoded NUL"}, notFound},
		},
	},
	{
		"vips: comma lists, compact answers, a vip that an instance left", "stale for up to 180 seconds",
		"fresh",
		[]expected{
			{"24-vips", []string{"stale: a comma VIP is not invalidated"}, answer{edit: replaced(`"UP_1_"`, `"OUT_OF_SERVICE_1_"`, `"status":"UP","overriddenStatus":"UNKNOWN"`, `"status":"OUT_OF_SERVICE","overriddenStatus":"OUT_OF_SERVICE"`, `"ADDED"`, `"MODIFIED"`)}},
			{"24-vips", []string{"stale after cancel"}, answer{body: text(noApplications)}},
			{"24-vips", []string{"vip orders after cancel"}, answer{edit: inTurn(without(instanceNamed("orders-1.example.com:orders:8080")), replaced("DOWN_1_UP_2_", "DOWN_1_UP_1_"))}},
			{"24-vips", []string{"old vip"}, answer{edit: inTurn(without(instanceNamed("orders-1.example.com:orders:8080")), without(`\{"name":"BILLING","instance":\[[^\[]*\]\}`), replaced("DOWN_1_UP_2_", "DOWN_1_"))}},
			{"24-vips", []string{"compact vip after cancel: stale"}, answer{body: text(`{"applications":{"application":[],"versions__delta":"-1","apps__hashcode":""}}`)}},
		},
	},
	{
		"end of a renewed lease", "two durations after the last heartbeat (a renewal counts the duration twice)",
		"one duration; `--eureka-lease-factor=2` does as upstream",
		[]expected{{"26-expiry", []string{"still there after 1 x duration"}, notFound}},
	},
	{
		"self-preservation of one small application", "one missing instance keeps everything",
		"it expires: the loss of one small application is no fault of ours; `--eureka-self-preservation=upstream` does as upstream",
		[]expected{
			{"27-expired-not-evicted", []string{"point lookup after expiry", "renewed after expiry"}, notFound},
			{"27-expired-not-evicted", []string{"list after expiry"}, answer{body: text(`{"applications":{"versions__delta":"1","apps__hashcode":"","application":[]}}`)}},
		},
	},
	{
		"`GET status` as JSON", "500",
		"200",
		[]expected{{"28-status", []string{"status, json"}, answer{status: http.StatusOK, contentType: "application/json", anyBody: true}}},
	},
	{
		"Spring's pages and actuator at `/`, `/lastn`, `/eureka/css`, `/actuator`", "HTML and style sheets",
		"404; see `/readyz` and `/api/v1/status`",
		[]expected{{"28-status", []string{"dashboard", "lastn", "css", "actuator health"}, notFound}},
	},
}

// withUnknownFields is the list of scenario 18 with the two instances that upstream refused for an object it did not know.
func withUnknownFields(body string) string {
	twelve := regexp.MustCompile(instanceNamed("orders-12.example.com:orders:8080")).FindString(body)
	thirteen := strings.ReplaceAll(strings.ReplaceAll(twelve, "orders-12.", "orders-13."), "10.0.0.12", "10.0.0.13")
	fourteen := replaced("orders-12.example.com:orders:8080", "n14", "orders-12.", "orders-14.", "10.0.0.12", "10.0.0.14",
		`{"$":8080,"@enabled":"true"}`, `{"$":7001,"@enabled":"true"}`, `{"$":443,"@enabled":"false"}`, `{"$":7002,"@enabled":"false"}`,
		`"vipAddress":"orders",`, "")(twelve)
	return strings.Replace(body, twelve, twelve+","+thirteen+","+fourteen, 1)
}
