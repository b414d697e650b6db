package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/zonekeeper/zonekeeper/registry/remoting"
)

// sampleBroker is the broker of `dev --demo`, as one of RocketMQ 5 would register. It has no messages: nothing listens at its address,
// and its names say so wherever they are shown.
var sampleBroker = remoting.Registration{
	Cluster: "SampleCluster", Name: "sample-broker", Addr: "127.0.0.1:9010", HAAddr: "127.0.0.1:9011", HasTopics: true,
	Topics: []remoting.TopicConfig{
		{Name: "SAMPLE-ORDERS", ReadQueues: 4, WriteQueues: 4, Perm: 6}, {Name: "SAMPLE-INVOICES", ReadQueues: 2, WriteQueues: 2, Perm: 6},
	},
}

const (
	sampleCall  = 2 * time.Second // bounds one exchange with a name server
	sampleRetry = time.Second     // from an error to the next connection
)

// dial opens a connection, as net.Dialer does.
type dial func(ctx context.Context, network, address string) (net.Conn, error)

// demoBroker registers the sample broker with every name server until ctx ends, then says goodbye to each.
func demoBroker(ctx context.Context, clients *sync.WaitGroup, namesrv []string, log *slog.Logger) {
	b := sampleBroker
	b.Version = remoting.DataVersion{Timestamp: time.Now().UnixMilli(), Counter: 1}
	for _, address := range namesrv {
		clients.Go(func() { keepRegistered(ctx, (&net.Dialer{Timeout: sampleCall}).DialContext, address, &b, log) })
	}
}

// keepRegistered registers the broker anew whenever that has ended. It warns of the first of several failures in a row.
func keepRegistered(ctx context.Context, dial dial, address string, b *remoting.Registration, log *slog.Logger) {
	warned := false
	for {
		registered, err := registerWith(ctx, dial, address, b)
		if ctx.Err() != nil {
			return
		}
		if registered || !warned {
			log.Warn("the sample broker is not registered", "address", address, "err", err)
			warned = true
		}
		select {
		case <-time.After(sampleRetry):
		case <-ctx.Done():
			return
		}
	}
}

// registerWith keeps the broker registered with one name server, over one connection, whose end says that the broker is gone. It
// reports whether the broker was registered at all.
func registerWith(ctx context.Context, dial dial, address string, b *remoting.Registration) (registered bool, err error) {
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return false, err
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	exchange := func(opaque int32, frame []byte) error {
		if err := conn.SetDeadline(time.Now().Add(sampleCall)); err != nil {
			return err
		}
		if _, err := conn.Write(frame); err != nil {
			return err
		}
		frame, err := remoting.ReadFrame(answers, remoting.MaxFrame, nil)
		if err != nil {
			return err
		}
		answer, err := remoting.Decode(frame)
		switch {
		case err != nil:
			return err
		case answer.Opaque != opaque || answer.Code != remoting.Success:
			return fmt.Errorf("answer %d to request %d: code %d %s", answer.Opaque, opaque, answer.Code, answer.Remark)
		}
		return nil
	}
	tick := time.NewTicker(sampleRenew)
	defer tick.Stop()
	for opaque := int32(1); ; opaque++ {
		form := remoting.RegistrationForm{Version: remoting.Version, Language: remoting.Go, Opaque: opaque}
		if err := exchange(opaque, remoting.AppendRegistration(nil, b, form)); err != nil {
			return registered, err
		}
		registered = true
		select {
		case <-tick.C:
		case <-ctx.Done():
			return registered, exchange(opaque+1, remoting.Append(nil, &remoting.Command{
				Code: remoting.UnregisterBroker, Version: remoting.Version, Language: remoting.Go, Opaque: opaque + 1,
				Fields: []remoting.Field{{Name: "brokerName", Value: b.Name}, {Name: "brokerAddr", Value: b.Addr}, {Name: "clusterName", Value: b.Cluster}, {Name: "brokerId", Value: strconv.FormatInt(b.ID, 10)}},
			}))
		}
	}
}
