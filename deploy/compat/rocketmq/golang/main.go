// Program golang is the Go counterpart of Traffic.java, on rocketmq-client-go v2: a producer that sends numbered messages
// at a steady pace, and a consumer of the same topic. It says and understands the same lines.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
	"github.com/apache/rocketmq-client-go/v2/rlog"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var (
		topic  = os.Getenv("COMPAT_TOPIC")
		name   = os.Getenv("COMPAT_NAME")
		group  = os.Getenv("COMPAT_GROUP")
		domain = os.Getenv("COMPAT_NSADDR")
	)
	period, err := strconv.Atoi(os.Getenv("COMPAT_PERIOD"))
	if err != nil {
		return fmt.Errorf("COMPAT_PERIOD: %w", err)
	}
	rlog.SetLogLevel("warn")

	c, err := rocketmq.NewPushConsumer(
		consumer.WithGroupName(group),
		consumer.WithInstance(name+"-consumer"), // or it would share the producer's connections
		consumer.WithNameServerDomain(domain),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	if err != nil {
		return fmt.Errorf("new consumer: %w", err)
	}
	err = c.Subscribe(topic, consumer.MessageSelector{}, func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		for _, m := range messages {
			fmt.Printf("got %s %s\n", m.Body, m.Queue.BrokerName)
		}
		return consumer.ConsumeSuccess, nil
	})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start consumer: %w", err)
	}
	defer c.Shutdown()

	p, err := rocketmq.NewProducer(
		producer.WithGroupName(group+"-producer"),
		producer.WithInstanceName(name+"-producer"),
		producer.WithNameServerDomain(domain),
		producer.WithRetry(2),                       // as the Java client does
		producer.WithSendMsgTimeout(10*time.Second), // a busy machine is no failure
	)
	if err != nil {
		return fmt.Errorf("new producer: %w", err)
	}
	if err := p.Start(); err != nil {
		return fmt.Errorf("start producer: %w", err)
	}
	defer p.Shutdown()

	var paused atomic.Bool
	go listen(p, &paused)
	for i := 1; ctx.Err() == nil; i++ {
		if !paused.Load() {
			send(p, topic, fmt.Sprintf("%s-%d", name, i))
		}
		select {
		case <-time.After(time.Duration(period) * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return nil
}

func listen(p rocketmq.Producer, paused *atomic.Bool) {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		if words[0] == "pause" {
			paused.Store(true)
		} else {
			send(p, words[1], words[2])
		}
	}
}

func send(p rocketmq.Producer, topic, body string) {
	m := primitive.NewMessage(topic, []byte(body))
	m.WithKeys([]string{body})
	result, err := p.SendSync(context.Background(), m)
	switch {
	case err != nil:
		fmt.Printf("failed %s %s\n", body, strings.ReplaceAll(err.Error(), "\n", " "))
	case result.Status != primitive.SendOK:
		fmt.Printf("failed %s status %d\n", body, result.Status)
	default:
		fmt.Printf("sent %s %s\n", body, result.MessageQueue.BrokerName)
	}
}
