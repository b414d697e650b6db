import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.consumer.listener.ConsumeConcurrentlyStatus;
import org.apache.rocketmq.client.consumer.listener.MessageListenerConcurrently;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.client.producer.SendStatus;
import org.apache.rocketmq.common.consumer.ConsumeFromWhere;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;

/**
 * A producer that sends numbered messages at a steady pace, and a consumer of the same topic. It compiles against the 4.9
 * and the 5.x client. The name servers come from the address server that the JVM's properties name.
 *
 * <p>It says "sent BODY" or "failed BODY WHY" for each message, and "got BODY BROKER" for each one that arrives. A line
 * "send TOPIC BODY" on its input is one message more; "pause" ends the numbered ones.
 */
public final class Traffic {
  private static final Map<String, String> ENV = System.getenv();
  private static volatile boolean producing = true;

  public static void main(String[] args) throws Exception {
    String topic = ENV.get("COMPAT_TOPIC");
    String name = ENV.get("COMPAT_NAME");
    long period = Long.parseLong(ENV.get("COMPAT_PERIOD"));

    DefaultMQPushConsumer consumer = new DefaultMQPushConsumer(ENV.get("COMPAT_GROUP"));
    consumer.setInstanceName(name + "-consumer"); // or it would share the producer's connections
    consumer.setConsumeFromWhere(ConsumeFromWhere.CONSUME_FROM_FIRST_OFFSET);
    consumer.setConsumeThreadMin(2);
    consumer.setConsumeThreadMax(2);
    consumer.subscribe(topic, "*");
    consumer.registerMessageListener(
        (MessageListenerConcurrently)
            (messages, context) -> {
              for (MessageExt m : messages) {
                say("got " + text(m) + " " + context.getMessageQueue().getBrokerName());
              }
              return ConsumeConcurrentlyStatus.CONSUME_SUCCESS;
            });
    consumer.start();

    DefaultMQProducer producer = new DefaultMQProducer(ENV.get("COMPAT_GROUP") + "-producer");
    producer.setInstanceName(name + "-producer");
    producer.setSendMsgTimeout(10000); // a busy machine is no failure; all attempts together
    producer.start();
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  producer.shutdown();
                  consumer.shutdown();
                }));

    Thread commands = new Thread(() -> listen(producer));
    commands.setDaemon(true);
    commands.start();
    for (int i = 1; ; i++) {
      if (producing) {
        send(producer, topic, name + "-" + i);
      }
      Thread.sleep(period);
    }
  }

  private static void listen(DefaultMQProducer producer) {
    try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in))) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        String[] words = line.split(" ");
        if (words[0].equals("pause")) {
          producing = false;
        } else {
          send(producer, words[1], words[2]);
        }
      }
    } catch (Exception e) {
      say("broken " + e);
    }
  }

  private static void send(DefaultMQProducer producer, String topic, String body) {
    try {
      Message m = new Message(topic, body.getBytes(StandardCharsets.UTF_8));
      m.setKeys(body);
      SendResult result = producer.send(m);
      // Others are warnings about a slave or the disk; the message is stored.
      boolean stored = result.getSendStatus() == SendStatus.SEND_OK;
      say((stored ? "sent " : "failed ") + body + " " + result.getMessageQueue().getBrokerName());
    } catch (Exception e) {
      say("failed " + body + " " + e.toString().replace('\n', ' '));
    }
  }

  private static String text(MessageExt m) {
    return new String(m.getBody(), StandardCharsets.UTF_8);
  }

  private static synchronized void say(String line) {
    System.out.println(line);
  }
}
