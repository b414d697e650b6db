package rocketmq

import (
	"strings"

	"github.com/stretchr/testify/require"
)

// orders is a topic whose messages keep their order by queue; orderConf says which queues producers take, which is fewer
// than there are.
const (
	orders    = "Orders"
	orderConf = "broker-a:2;broker-b:1"
)

// orderTopic configures an order topic at two name servers and starts a third, which was not there to be told.
func (w *world) orderTopic() {
	w.t.Helper()
	w.createTopic(orders, "-o", "true")
	w.admin.must("update orderConf success", "updateOrderConf", "-m", "put", "-t", orders, "-v", orderConf)
	third := w.startServer()
	w.listed("nsaddr", w.addrs(), patience)
	w.until(gone, "every route has the order configuration", w.orderConfEverywhere)
	w.saw("order topic: orderTopicConf %q is in the route at all %d name servers, also at number %d, which started later", orderConf, len(w.servers), third.number)

	home := w.place.folder(w.t, "orders")
	lines := make(chan string, 10)
	p := run(w.t, w.place, command{
		name: "orders", dir: home,
		args: w.javaClient(w.software.five, "96m", home, "Orders"),
		env:  []string{"COMPAT_TOPIC=" + orders},
		line: func(line string) { lines <- line },
	})
	require.NoError(w.t, p.wait(patience))
	close(lines)
	var said []string
	for line := range lines {
		said = append(said, line)
	}
	require.Equal(w.t, []string{"queues {broker-a=2, broker-b=1}", "orders 8 complete true wrong []"}, said)
	w.saw("order topic: a Java producer and an orderly consumer: %s", strings.Join(said, "; "))
}

func (w *world) orderConfEverywhere() bool {
	return w.everywhere(orders, func(r route, known bool) bool { return known && r.order == orderConf })
}
