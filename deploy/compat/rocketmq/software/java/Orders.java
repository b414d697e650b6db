import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeOrderlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerOrderly;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Sends the steps of several orders, each order to one queue, and consumes them orderly. Prints the queues that the
 * producer found, which an order topic's configuration decides, and whether every order came whole and in sequence.
 */
public final class Orders {
  private static final int ORDERS = 8;
  private static final int STEPS = 10;

  public static void main(String[] args) throws Exception {
    String topic = System.getenv("COMPAT_TOPIC");
    Map<String, List<Integer>> seen = new ConcurrentSkipListMap<>();
    CountDownLatch left = new CountDownLatch(ORDERS * STEPS);

    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer("orders");
    consumer.setInstanceName("orders-consumer");
    // A heartbeat that is under way when the queues are assigned keeps the next one from being sent, and until then brokers
    // refuse pulls as "subscription is not latest": for 30 s at the default interval.
    consumer.setHeartbeatBrokerInterval(1000);
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerOrderly)
            (messages, context) -> {
              for (MessageExt m : messages) {
                int step = Integer.parseInt(new String(m.getBody(), StandardCharsets.UTF_8));
                List<Integer> steps = seen.computeIfAbsent(m.getKeys(), k -> new ArrayList<>());
                if (steps.contains(step)) {
                  continue; // delivered again after a rebalance, which consumers must expect
                }
                steps.add(step);
                left.countDown();
              }
              return ConsumeOrderlyStatus.SUCCESS;
            });
    consumer.start();

    DefaultMQProducer producer = new DefaultMQProducer("orders-producer");
    producer.setInstanceName("orders-producer");
    producer.start();
    Map<String, Integer> queues = new TreeMap<>();
    for (MessageQueue q : producer.fetchPublishMessageQueues(topic)) {
      queues.merge(q.getBrokerName(), 1, Integer::sum);
    }
    System.out.println("queues " + queues);
    for (int step = 0; step < STEPS; step++) {
      for (int order = 0; order < ORDERS; order++) {
        Message m = new Message(topic, Integer.toString(step).getBytes(StandardCharsets.UTF_8));
        m.setKeys("order-" + order);
        producer.send(m, (all, message, key) -> all.get((int) key % all.size()), order);
      }
    }
    boolean complete = left.await(30, TimeUnit.SECONDS);
    TreeSet<String> wrong = new TreeSet<>();
    seen.forEach(
        (order, steps) -> {
          List<Integer> sorted = new ArrayList<>(steps);
          sorted.sort(null);
          if (!sorted.equals(steps) || steps.size() != STEPS) {
            wrong.add(order + steps);
          }
        });
    System.out.println("orders " + seen.size() + " complete " + complete + " wrong " + wrong);
    producer.shutdown();
    consumer.shutdown();
    System.exit(complete && wrong.isEmpty() && seen.size() == ORDERS ? 0 : 1);
  }
}
