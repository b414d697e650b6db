package compat;

import com.netflix.discovery.EurekaClient;
import java.util.Map;
import java.util.TreeSet;
import org.springframework.boot.CommandLineRunner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/** A Spring Boot application, configured the way deploy/samples/application.yml recommends. */
@SpringBootApplication
public class Client {
  private static final Map<String, String> ENV = System.getenv();

  public static void main(String[] args) {
    SpringApplication app = new SpringApplication(Client.class);
    app.setDefaultProperties(
        Map.ofEntries(
            Map.entry("spring.application.name", ENV.get("COMPAT_APP")),
            Map.entry("server.port", ENV.get("COMPAT_PORT")),
            Map.entry("server.address", "127.0.0.1"),
            Map.entry("eureka.instance.hostname", "127.0.0.1"),
            Map.entry("eureka.instance.ip-address", "127.0.0.1"),
            Map.entry("eureka.instance.instance-id", "127.0.0.1:" + ENV.get("COMPAT_APP").toLowerCase() + ":" + ENV.get("COMPAT_PORT")),
            Map.entry("eureka.instance.non-secure-port", ENV.get("COMPAT_PORT")),
            Map.entry("eureka.instance.lease-renewal-interval-in-seconds", ENV.get("COMPAT_INTERVAL")),
            Map.entry("eureka.instance.lease-expiration-duration-in-seconds", ENV.get("COMPAT_LEASE")),
            Map.entry("eureka.client.registry-fetch-interval-seconds", ENV.get("COMPAT_INTERVAL")),
            Map.entry("eureka.client.service-url.defaultZone", ENV.get("COMPAT_SERVERS")),
            Map.entry("eureka.client.transport.bootstrap-resolver-strategy", "composite"),
            Map.entry("eureka.client.transport.write-cluster-vip", "zonekeeper"),
            Map.entry("eureka.client.eureka-server-u-r-l-context", "eureka"),
            Map.entry("eureka.client.transport.async-resolver-refresh-interval-ms", "5000"),
            Map.entry("eureka.client.transport.sessioned-client-reconnect-interval-seconds", "60"),
            Map.entry("eureka.client.transport.applications-resolver-data-staleness-threshold-seconds", "90")));
    app.run(args); // SIGTERM closes the context, which cancels the lease
  }

  @Bean
  CommandLineRunner see(EurekaClient client) {
    return args -> {
      Thread eyes =
          new Thread(
              () -> {
                while (true) {
                  TreeSet<String> up = new TreeSet<>();
                  client.getApplications().getRegisteredApplications().stream()
                      .filter(a -> !a.getInstances().isEmpty()) // UP ones only, by default
                      .forEach(a -> up.add(a.getName()));
                  System.out.println("sees " + String.join(" ", up));
                  try {
                    Thread.sleep(Long.parseLong(ENV.get("COMPAT_INTERVAL")) * 1000);
                  } catch (InterruptedException e) {
                    return;
                  }
                }
              });
      eyes.setDaemon(true);
      eyes.start();
    };
  }
}
