import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.rocketmq.client.impl.MQClientAPIImpl;
import org.apache.rocketmq.common.MixAll;
import org.apache.rocketmq.remoting.protocol.body.TopicList;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * mqadmin, one command after the other in one JVM: a start of its own for each would take minutes. A line of the input is
 * one command's arguments, separated by tabs; a line that holds only "\u001e" ends its answer.
 *
 * <p>"lists" is not mqadmin's: it asks what only programs ask, through the same library.
 */
public final class Admin {
  public static void main(String[] args) throws Exception {
    System.setErr(System.out); // stack traces belong to the answer
    Thread waker = new Thread(Admin::wake);
    waker.setDaemon(true);
    waker.start();
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      // "-n" of an earlier command stays in the JVM otherwise.
      System.clearProperty(MixAll.NAMESRV_ADDR_PROPERTY);
      String[] words = line.split("\t");
      if (words[0].equals("lists")) {
        lists(words[1], words[2]);
      } else {
        Commands.forget();
        MQAdminStartup.main(words);
      }
      System.out.println("\n\u001e");
      System.out.flush();
    }
    System.exit(0);
  }

  /** A client's end waits up to 3 s for a thread that sleeps; mqadmin, which makes a client for each command, with it. */
  private static void wake() {
    while (true) {
      try {
        Thread.sleep(50);
      } catch (InterruptedException e) {
        return;
      }
      for (Thread t : Thread.getAllStackTraces().keySet()) {
        if (t.getName().equals("NettyEventExecutor")) {
          t.interrupt();
        }
      }
    }
  }

  /** Requests 219, 224, 304, 311, 312 and 313. */
  private static void lists(String cluster, String namespace) {
    DefaultMQAdminExt admin = new DefaultMQAdminExt();
    try {
      admin.setInstanceName("lists");
      admin.start();
      System.out.println("namespace " + new TreeMap<>(admin.getKVListByNamespace(namespace).getTable()));
      System.out.println("cluster " + sorted(admin.fetchTopicsByCLuster(cluster)));
      MQClientAPIImpl api = admin.getDefaultMQAdminExtImpl().getMqClientInstance().getMQClientAPIImpl();
      System.out.println("system " + sorted(api.getSystemTopicList(5000)));
      System.out.println("unit " + sorted(api.getUnitTopicList(true, 5000)));
      System.out.println("unitsub " + sorted(api.getHasUnitSubTopicList(true, 5000)));
      System.out.println("ununitsub " + sorted(api.getHasUnitSubUnUnitTopicList(true, 5000)));
    } catch (Exception e) {
      e.printStackTrace(System.out);
    } finally {
      admin.shutdown();
    }
  }

  /** Some commands are good for one use; what is forgotten is made anew. */
  private static final class Commands extends MQAdminStartup {
    static void forget() {
      SUB_COMMANDS.clear();
    }
  }

  private static TreeSet<String> sorted(TopicList list) {
    return new TreeSet<>(list.getTopicList());
  }
}
