package namesrv

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

const (
	noticeWorkers = 8
	noticeBudget  = 300 * time.Millisecond // for connecting and writing (RouteInfoManager.java: notifyMinBrokerIdChanged)
)

// notifier tells brokers that the lowest id of their group changed. It is an accelerator: brokers also ask for their group every
// second, so what cannot be told in time is dropped and counted.
//
// The table collects what is to be told under its lock; it is sent here, without one. Each notice is a one-way request over a
// connection of its own, as there is no need to keep sockets to brokers for something that happens when one of them dies.
type notifier struct {
	s      *Server
	queue  noticeQueue
	opaque atomic.Int32
}

func newNotifier(s *Server) *notifier {
	n := &notifier{s: s}
	n.queue.init()
	return n
}

// run tells until the server leaves.
func (n *notifier) run() {
	ctx, cancel := context.WithCancel(context.Background())
	var workers sync.WaitGroup
	for range noticeWorkers {
		workers.Go(func() { n.work(ctx) })
	}
	defer workers.Wait()
	defer n.queue.close()
	defer cancel()
	for {
		select {
		case <-n.s.ended:
			return
		case <-n.s.table.NoticesReady():
			for _, change := range n.s.table.Notices() {
				text := remoting.MinBrokerIDChange{
					MinID: change.MinID, MinAddr: change.MinAddr, OfflineAddr: change.OfflineAddr, HAAddr: change.HAAddr,
				}
				for _, to := range change.To {
					if lost := n.queue.put(notice{to, text}); lost != "" {
						n.s.metrics.told.WithLabelValues(lost).Inc()
					}
				}
			}
		}
	}
}

func (n *notifier) work(ctx context.Context) {
	for {
		one, ok := n.queue.take()
		if !ok {
			return
		}
		result := "sent"
		if err := n.tell(ctx, one); err != nil {
			result = "failed"
			n.s.cfg.Log.Debug("broker not told of the lowest id in its group", "broker", one.to, "err", err)
		}
		n.s.metrics.told.WithLabelValues(result).Inc()
		n.queue.done(one.to)
	}
}

func (n *notifier) tell(ctx context.Context, one notice) error {
	ctx, cancel := context.WithTimeout(ctx, noticeBudget)
	defer cancel()
	nc, err := n.s.cfg.Dial(ctx, "tcp", one.to)
	if err != nil {
		return err
	}
	defer nc.Close()
	if until, ok := ctx.Deadline(); ok {
		if err := nc.SetWriteDeadline(until); err != nil {
			return err
		}
	}
	if _, err := nc.Write(remoting.AppendMinBrokerIDChange(nil, n.opaque.Add(1), one.change)); err != nil {
		return err
	}
	return halfClose(nc)
}

// halfClose says that nothing follows, so that the close cannot overtake what was written.
func halfClose(nc net.Conn) error {
	if half, ok := nc.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
