import com.netflix.appinfo.ApplicationInfoManager;
import com.netflix.appinfo.InstanceInfo;
import com.netflix.appinfo.MyDataCenterInstanceConfig;
import com.netflix.config.ConfigurationManager;
import com.netflix.discovery.DefaultEurekaClientConfig;
import com.netflix.discovery.DiscoveryClient;
import java.util.Map;
import java.util.TreeSet;
import org.apache.commons.configuration.AbstractConfiguration;

/** An application on eureka-client 1.10.18 over Jersey 1, with its servers written down. */
public final class Client {
  private static final Map<String, String> ENV = System.getenv();

  public static void main(String[] args) throws Exception {
    String app = ENV.get("COMPAT_APP");
    String seconds = ENV.get("COMPAT_INTERVAL");
    AbstractConfiguration config = ConfigurationManager.getConfigInstance();
    config.setProperty("eureka.name", app);
    config.setProperty("eureka.vipAddress", app.toLowerCase());
    config.setProperty("eureka.port", ENV.get("COMPAT_PORT"));
    config.setProperty("eureka.hostname", "127.0.0.1");
    config.setProperty("eureka.lease.renewalInterval", seconds);
    config.setProperty("eureka.lease.duration", ENV.get("COMPAT_LEASE"));
    config.setProperty("eureka.client.refresh.interval", seconds);
    config.setProperty("eureka.appinfo.replicate.interval", seconds);
    config.setProperty("eureka.serviceUrl.default", ENV.get("COMPAT_SERVERS"));
    ApplicationInfoManager info =
        new ApplicationInfoManager(
            new MyDataCenterInstanceConfig() {
              @Override
              public String getInstanceId() {
                return "127.0.0.1:" + app.toLowerCase() + ":" + ENV.get("COMPAT_PORT");
              }

              @Override
              public String getHostName(boolean refresh) {
                return "127.0.0.1";
              }

              @Override
              public String getIpAddress() {
                return "127.0.0.1";
              }
            },
            (ApplicationInfoManager.OptionalArgs) null);
    DiscoveryClient client = new DiscoveryClient(info, new DefaultEurekaClientConfig());
    info.setInstanceStatus(InstanceInfo.InstanceStatus.UP); // registers at once

    Runtime.getRuntime().addShutdownHook(new Thread(client::shutdown));
    while (true) {
      Thread.sleep(Long.parseLong(seconds) * 1000);
      TreeSet<String> up = new TreeSet<>();
      client.getApplications().getRegisteredApplications().stream()
          .filter(a -> !a.getInstances().isEmpty()) // UP ones only, by default
          .forEach(a -> up.add(a.getName()));
      System.out.println("sees " + String.join(" ", up));
    }
  }
}
