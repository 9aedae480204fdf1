"""Java's appenders and client libraries deliver through their doors, and every line is read back."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

import bole
import odd

SCRIPT = pathlib.Path(__file__).with_name("java.sh")
LINES = odd.LINES


@pytest.fixture(scope="module")
def java():
    if not shutil.which("java") or not shutil.which("mvn"):
        pytest.skip("needs the commands java and mvn")
    jars = subprocess.run([SCRIPT, "install"], check=True, capture_output=True, text=True).stdout.strip()

    def run(code, folder, **env):
        (folder / "lines").write_bytes("\0".join(LINES).encode())
        (folder / "records").write_text(json.dumps(odd.records(LINES)))
        (folder / "Main.java").write_text(
            code.replace("LINES", 'new String(java.nio.file.Files.readAllBytes(java.nio.file.Path.of(System.getenv("FOLDER"), "lines")), "UTF-8").split("\\0")')
            .replace("RECORDS", '(java.util.List<java.util.Map<String, Object>>) new com.fasterxml.jackson.databind.ObjectMapper().readValue('
                                'new java.io.File(System.getenv("FOLDER"), "records"), java.util.List.class)'))
        done = subprocess.run(["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dfile.encoding=UTF-8", "-cp", f"{jars}/*", "Main.java"],
                              cwd=folder, env={**os.environ, "FOLDER": str(folder), **{k: str(v) for k, v in env.items()}},
                              capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr
    return run


LOGBACK = """
import ch.qos.logback.classic.*;
import ch.qos.logback.classic.joran.JoranConfigurator;
public class Main {
    public static void main(String[] args) throws Exception {
        LoggerContext context = (LoggerContext) org.slf4j.LoggerFactory.getILoggerFactory();
        context.reset();
        JoranConfigurator configurator = new JoranConfigurator();
        configurator.setContext(context);
        configurator.doConfigure(System.getenv("FOLDER") + "/logback.xml");
        Logger log = context.getLogger("shop.Orders");
        for (String line : LINES)
            log.warn("{}", line);
        Thread.sleep(500);
        context.stop();
    }
}
"""

LOKI4J = """
<configuration><appender name="OUT" class="com.github.loki4j.logback.Loki4jAppender">
  <http>{sender}<url>{url}/loki/api/v1/push</url></http>
  <format>{writer}<label><pattern>app=shop,level=%level</pattern></label><message><pattern>%msg</pattern></message></format>
  <batchTimeoutMs>200</batchTimeoutMs>
</appender><root level="DEBUG"><appender-ref ref="OUT"/></root></configuration>
"""


def test_loki4j(java, server, tmp_path):
    (tmp_path / "logback.xml").write_text(LOKI4J.format(url=server.url, sender="", writer=""))
    java(LOGBACK, tmp_path)
    assert [line for _, line in server.lines('{app="shop", level="WARN"}')] == LINES


GELF = """
<configuration><appender name="OUT" class="de.siegmar.logbackgelf.Gelf{kind}Appender">
  <graylogHost>127.0.0.1</graylogHost><graylogPort>{port}</graylogPort>
  <encoder class="de.siegmar.logbackgelf.GelfEncoder"><originHost>h1</originHost><staticField>app_name:shop</staticField></encoder>
</appender><root level="DEBUG"><appender-ref ref="OUT"/></root></configuration>
"""


@pytest.mark.parametrize("kind", ["Tcp", "Udp"])
def test_logback_gelf(java, tmp_path, kind):
    with bole.Server(args=["--listen-gelf", "127.0.0.1:0"]) as server:
        (tmp_path / "logback.xml").write_text(GELF.format(kind=kind, port=server.door("gelf")))
        java(LOGBACK, tmp_path)
        # Stamps have milliseconds, and datagrams no order.
        want = [line.replace("\r\n", "\n") for line in LINES] # by the appender
        assert sorted(line for _, line in server.lines('{service_name=~".+"} | host="h1" | app_name="shop" | level="4"')) == sorted(want)


OTLP = """
import io.opentelemetry.api.logs.*;
import io.opentelemetry.sdk.logs.*;
import io.opentelemetry.sdk.logs.export.*;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.api.common.*;
import io.opentelemetry.exporter.otlp.logs.OtlpGrpcLogRecordExporter;
import io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter;
public class Main {
    public static void main(String[] args) throws Exception {
        LogRecordExporter exporter = System.getenv("GRPC") != null
            ? OtlpGrpcLogRecordExporter.builder().setEndpoint(System.getenv("GRPC")).setCompression("gzip").build()
            : OtlpHttpLogRecordExporter.builder().setEndpoint(System.getenv("HTTP") + "/v1/logs").setCompression("gzip").build();
        SdkLoggerProvider provider = SdkLoggerProvider.builder()
            .setResource(Resource.create(Attributes.of(AttributeKey.stringKey("service.name"), "shop")))
            .addLogRecordProcessor(BatchLogRecordProcessor.builder(exporter).build()).build();
        Logger log = provider.get("orders");
        for (String line : LINES)
            log.logRecordBuilder().setSeverity(Severity.WARN).setBody(line).setAttribute(AttributeKey.longKey("order"), 7L).emit();
        if (!provider.shutdown().join(30, java.util.concurrent.TimeUnit.SECONDS).isSuccess())
            System.exit(1);
    }
}
"""


@pytest.mark.parametrize("way", ["http", "grpc"])
def test_opentelemetry(java, tmp_path, way):
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"] if way == "grpc" else []) as server:
        java(OTLP, tmp_path, **({"GRPC": f"http://127.0.0.1:{server.door('grpc')}"} if way == "grpc" else {"HTTP": server.url}))
        assert [line for _, line in server.lines('{service_name="shop"} | order="7" | scope_name="orders"')] == LINES


ELASTIC = """
import co.elastic.clients.elasticsearch.ElasticsearchClient;
import co.elastic.clients.elasticsearch.core.*;
import java.util.Map;
public class Main {
    public static void main(String[] args) throws Exception {
        ElasticsearchClient client = ElasticsearchClient.of(b -> b.host(System.getenv("HTTP")));
        System.out.println(client.info().version().number());
        BulkRequest.Builder bulk = new BulkRequest.Builder();
        for (String line : LINES)
            bulk.operations(op -> op.create(c -> c.index("shop").document(Map.of("@timestamp", java.time.Instant.now().toString(), "message", line))));
        BulkResponse done = client.bulk(bulk.build());
        if (done.errors() || done.items().size() != LINES.length)
            System.exit(1);
        client.close();
    }
}
"""


def test_elasticsearch(java, server, tmp_path):
    java(ELASTIC, tmp_path, HTTP=server.url)
    assert [line for _, line in server.lines('{index="shop"}')] == LINES


FLUENT = """
import org.fluentd.logger.FluentLogger;
import java.util.Map;
public class Main {
    public static void main(String[] args) throws Exception {
        FluentLogger log = FluentLogger.getLogger("shop", "127.0.0.1", Integer.parseInt(System.getenv("PORT")));
        for (String line : LINES)
            if (!log.log("orders", Map.of("log", line)))
                System.exit(1);
        log.flush();
        log.close();
    }
}
"""


def test_fluent_logger(java, tmp_path):
    with bole.Server(args=["--listen-forward", "127.0.0.1:0"]) as server:
        java(FLUENT, tmp_path, PORT=server.door("forward"))
        assert sorted(line for _, line in server.lines('{service_name="shop.orders"} | tag="shop.orders"')) == sorted(LINES)


# ---- with fields of all types ----

KEY_VALUES = LOGBACK.replace("""
        for (String line : LINES)
            log.warn("{}", line);
""", """
        SETUP
        for (java.util.Map<String, Object> r : RECORDS) {
            org.slf4j.spi.LoggingEventBuilder event = log.atWarn().setMessage(r.get("line").toString());
            for (java.util.Map.Entry<String, Object> field : r.entrySet())
                if (!field.getKey().equals("line"))
                    event = event.addKeyValue(field.getKey(), field.getValue());
            event.log();
        }
        log.error("boom", new IllegalStateException("broken \\u00fc\\nin two lines"));
        TEARDOWN
""")


def key_values(setup="", teardown=""):
    return KEY_VALUES.replace("SETUP", setup).replace("TEARDOWN", teardown)


LOGSTASH = """
<configuration><appender name="OUT" class="net.logstash.logback.appender.LogstashTcpSocketAppender">
  <destination>127.0.0.1:{port}</destination><encoder class="net.logstash.logback.encoder.LogstashEncoder"/>
</appender><root level="DEBUG"><appender-ref ref="OUT"/></root></configuration>
"""


def test_logstash_encoder_over_tcp(java, tmp_path):
    """Its lines of JSON are lines for the door of syslog."""
    with bole.Server(args=["--listen-syslog", "127.0.0.1:0"]) as server:
        (tmp_path / "logback.xml").write_text(LOGSTASH.format(port=server.door("syslog")))
        java(key_values(), tmp_path)
        said = [json.loads(line) for line, _ in odd.stored(server, '{job="syslog"}', len(LINES) + 1)]
        assert sorted(record["message"] for record in said) == sorted([*LINES, "boom"])
        assert sorted((r["n"], r["big"], r["nested"]["deep"]["id"]) for r in said if "n" in r) == [(n, odd.BIG - n, n) for n in range(len(LINES))]
        line, = (line for _, line in server.lines('{job="syslog"} | json | message="boom" | detected_level="error"'))
        assert "broken ü\nin two lines" in json.loads(line)["stack_trace"]


OTEL_LOGBACK = """
<configuration><appender name="OUT" class="io.opentelemetry.instrumentation.logback.appender.v1_0.OpenTelemetryAppender">
  <captureKeyValuePairAttributes>true</captureKeyValuePairAttributes>
</appender><root level="DEBUG"><appender-ref ref="OUT"/></root></configuration>
"""


def test_opentelemetry_logback(java, server, tmp_path):
    (tmp_path / "logback.xml").write_text(OTEL_LOGBACK)
    java(key_values("""
        io.opentelemetry.sdk.logs.SdkLoggerProvider provider = io.opentelemetry.sdk.logs.SdkLoggerProvider.builder()
            .addLogRecordProcessor(io.opentelemetry.sdk.logs.export.BatchLogRecordProcessor.builder(
                io.opentelemetry.exporter.otlp.http.logs.OtlpHttpLogRecordExporter.builder().setEndpoint(System.getenv("HTTP") + "/v1/logs").build()).build()).build();
        io.opentelemetry.instrumentation.logback.appender.v1_0.OpenTelemetryAppender.install(
            io.opentelemetry.sdk.OpenTelemetrySdk.builder().setLoggerProvider(provider).build());
""", "provider.shutdown().join(30, java.util.concurrent.TimeUnit.SECONDS);"), tmp_path, HTTP=server.url)
    odd.check(server, '{service_name=~".+"} | scope_name="shop.Orders" | detected_level="warn"', LINES,
              lambda n: {name: value for name, value in odd.fields(n).items() if "nested" not in name})
    (_, labels), = odd.stored(server, '{service_name=~".+"} | detected_level="error"', 1)
    assert "broken ü\nin two lines" in labels["exception_stacktrace"] and labels["exception_type"] == "java.lang.IllegalStateException"


LOG4J = """
import org.apache.logging.log4j.*;
import org.apache.logging.log4j.core.config.Configurator;
public class Main {
    public static void main(String[] args) throws Exception {
        Configurator.initialize(null, System.getenv("FOLDER") + "/log4j2.xml");
        Logger log = LogManager.getLogger("shop.Orders");
        for (String line : LINES)
            log.warn("{}", line);
        log.error("boom", new IllegalStateException("broken \\u00fc\\nin two lines"));
        LogManager.shutdown();
    }
}
"""
LOG4J_XML = """
<Configuration status="warn"><Appenders>{appender}</Appenders>
<Loggers><Root level="debug"><AppenderRef ref="OUT"/></Root></Loggers></Configuration>
"""
GELF_LAYOUT = '<GelfLayout host="h1" includeStacktrace="true" {more}><KeyValuePair key="service" value="shop"/></GelfLayout>'
LOG4J_APPENDERS = {
    "gelf tcp": ("gelf", '<Socket name="OUT" host="127.0.0.1" port="{port}">' +
                 GELF_LAYOUT.format(more='compressionType="OFF" includeNullDelimiter="true"') + "</Socket>"),
    "gelf udp": ("gelf", '<Socket name="OUT" host="127.0.0.1" port="{port}" protocol="UDP">' + GELF_LAYOUT.format(more='compressionType="GZIP" compressionThreshold="100"') +
                 "</Socket>"),
    "gelf template": ("gelf", '<Socket name="OUT" host="127.0.0.1" port="{port}"><JsonTemplateLayout eventTemplateUri="classpath:GelfLayout.json" '
                      'maxStringLength="100000" nullEventDelimiterEnabled="true"><EventTemplateAdditionalField key="_service" value="shop"/></JsonTemplateLayout></Socket>'),
    "http ecs": ("", '<Http name="OUT" url="{url}/insert/jsonline?_msg_field=message&amp;_time_field=@timestamp" method="POST"><JsonTemplateLayout '
                 'eventTemplateUri="classpath:EcsLayout.json" maxStringLength="100000"><EventTemplateAdditionalField key="service.name" value="shop"/>'
                 '</JsonTemplateLayout></Http>'),
    "syslog": ("syslog", '<Syslog name="OUT" format="RFC5424" host="127.0.0.1" port="{port}" protocol="TCP" appName="shop" facility="LOCAL3" newLine="true" newLineEscape="|"/>'),
}


@pytest.mark.parametrize("name", LOG4J_APPENDERS)
def test_log4j(java, tmp_path, name):
    door, appender = LOG4J_APPENDERS[name]
    with bole.Server(args=[f"--listen-{door}", "127.0.0.1:0"] if door else []) as server:
        (tmp_path / "log4j2.xml").write_text(LOG4J_XML.format(appender=appender.format(url=server.url, port=server.door(door) if door else 0)))
        java(LOG4J, tmp_path)
        found = [line for line, _ in odd.stored(server, '{service_name="shop"}', len(LINES) + 1)]
        boom = [line for line in found if line.startswith("boom")]
        want = [line.replace("\r\n", "|").replace("\n", "|") for line in LINES] if door == "syslog" else LINES
        assert sorted(line for line in found if line not in boom) == sorted(want) and len(boom) == 1
        (line, labels), = odd.stored(server, '{service_name="shop"} |~ "^boom" | detected_level="error"', 1)
        assert door == "syslog" or "broken ü" in line + labels.get("error_stack_trace", "")


INGESTER = """
import co.elastic.clients.elasticsearch.ElasticsearchClient;
import co.elastic.clients.elasticsearch._helpers.bulk.*;
import co.elastic.clients.elasticsearch.core.*;
public class Main {
    public static void main(String[] args) throws Exception {
        ElasticsearchClient client = ElasticsearchClient.of(b -> b.host(System.getenv("HTTP")));
        java.util.concurrent.atomic.AtomicInteger failed = new java.util.concurrent.atomic.AtomicInteger(), done = new java.util.concurrent.atomic.AtomicInteger();
        BulkListener<Void> listener = new BulkListener<>() {
            public void beforeBulk(long id, BulkRequest request, java.util.List<Void> contexts) {}
            public void afterBulk(long id, BulkRequest request, java.util.List<Void> contexts, BulkResponse response) {
                response.items().forEach(i -> (i.error() == null ? done : failed).incrementAndGet());
            }
            public void afterBulk(long id, BulkRequest request, java.util.List<Void> contexts, Throwable failure) {
                failure.printStackTrace(); failed.incrementAndGet();
            }
        };
        BulkIngester<Void> ingester = BulkIngester.of(b -> b.client(client).maxOperations(50).listener(listener));
        for (java.util.Map<String, Object> r : RECORDS) {
            java.util.Map<String, Object> document = new java.util.HashMap<>(r);
            document.put("message", document.remove("line"));
            ingester.add(op -> op.create(c -> c.index("shop").document(document)));
        }
        ingester.close();
        if (failed.get() != 0 || done.get() != RECORDS.size())
            System.exit(1);
        client.close();
    }
}
""".replace("RECORDS.size()", "(RECORDS).size()")


def test_bulk_ingester(java, server, tmp_path):
    java(INGESTER, tmp_path, HTTP=server.url)
    odd.check(server, '{index="shop"}', LINES)


OPENSEARCH = """
import org.opensearch.client.opensearch.OpenSearchClient;
import org.opensearch.client.opensearch.core.*;
import org.opensearch.client.transport.httpclient5.ApacheHttpClient5TransportBuilder;
public class Main {
    public static void main(String[] args) throws Exception {
        var transport = ApacheHttpClient5TransportBuilder.builder(org.apache.hc.core5.http.HttpHost.create(System.getenv("HTTP"))).build();
        OpenSearchClient client = new OpenSearchClient(transport);
        System.out.println(client.info().version().number());
        BulkRequest.Builder bulk = new BulkRequest.Builder();
        for (java.util.Map<String, Object> r : RECORDS) {
            java.util.Map<String, Object> document = new java.util.HashMap<>(r);
            document.put("message", document.remove("line"));
            bulk.operations(op -> op.index(c -> c.index("shop").document(document)));
        }
        if (client.bulk(bulk.build()).errors())
            System.exit(1);
        transport.close();
    }
}
"""


def test_opensearch(java, server, tmp_path):
    java(OPENSEARCH, tmp_path, HTTP=server.url)
    odd.check(server, '{index="shop"}', LINES)


FLUENCY = """
import org.komamitsu.fluency.Fluency;
import org.komamitsu.fluency.fluentd.FluencyBuilderForFluentd;
public class Main {
    public static void main(String[] args) throws Exception {
        FluencyBuilderForFluentd builder = new FluencyBuilderForFluentd();
        builder.setAckResponseMode(true);
        try (Fluency fluency = builder.build("127.0.0.1", Integer.parseInt(System.getenv("PORT")))) {
            for (java.util.Map<String, Object> r : RECORDS) {
                java.util.Map<String, Object> event = new java.util.HashMap<>(r);
                event.put("message", event.remove("line"));
                fluency.emit("shop.orders", event);
            }
            fluency.flush();
            if (!fluency.waitUntilAllBufferFlushed(30))
                System.exit(1);
        }
    }
}
"""


def test_fluency(java, tmp_path):
    with bole.Server(args=["--listen-forward", "127.0.0.1:0"]) as server:
        java(FLUENCY, tmp_path, PORT=server.door("forward"))
        odd.check(server, '{service_name="shop.orders"}', LINES)


GELFCLIENT = """
import org.graylog2.gelfclient.*;
import org.graylog2.gelfclient.transport.GelfTransport;
public class Main {
    public static void main(String[] args) throws Exception {
        GelfConfiguration config = new GelfConfiguration("127.0.0.1", Integer.parseInt(System.getenv("PORT"))).transport(GelfTransports.valueOf(System.getenv("KIND")));
        GelfTransport transport = GelfTransports.create(config);
        for (java.util.Map<String, Object> r : RECORDS) {
            GelfMessage message = new GelfMessage(r.get("line").toString(), "h1");
            message.setLevel(GelfMessageLevel.WARNING);
            message.addAdditionalField("service", "shop");
            for (String name : new String[] {"n", "big", "small", "ratio"})
                message.addAdditionalField(name, r.get(name));
            transport.send(message);
        }
        transport.flushAndStopSynchronously(100, java.util.concurrent.TimeUnit.MILLISECONDS, 100);
    }
}
"""


@pytest.mark.parametrize("kind", ["TCP", "UDP"])
def test_gelfclient(java, tmp_path, kind):
    with bole.Server(args=["--listen-gelf", "127.0.0.1:0"]) as server:
        java(GELFCLIENT, tmp_path, PORT=server.door("gelf"), KIND=kind)
        odd.check(server, '{service_name="shop", host="h1"} | detected_level="warn"', LINES,
                  lambda n: {name: value for name, value in odd.fields(n).items() if name in ("n", "big", "small")})


SYSLOG = """
import com.cloudbees.syslog.*;
import com.cloudbees.syslog.sender.*;
public class Main {
    public static void main(String[] args) throws Exception {
        TcpSyslogMessageSender sender = new TcpSyslogMessageSender();
        sender.setSyslogServerHostname("127.0.0.1");
        sender.setSyslogServerPort(Integer.parseInt(System.getenv("PORT")));
        sender.setMessageFormat(MessageFormat.valueOf(System.getenv("FORMAT")));
        sender.setDefaultAppName("shop");
        sender.setDefaultFacility(Facility.LOCAL3);
        sender.setDefaultSeverity(Severity.WARNING);
        for (String line : LINES)
            sender.sendMessage(line);
        sender.close();
    }
}
"""


@pytest.mark.parametrize("form", ["RFC_3164", "RFC_5424", "RFC_5425"])
def test_syslog_client(java, tmp_path, form):
    """RFC 5425 counts what it sends; the others end with a line, and what has several is several."""
    with bole.Server(args=["--listen-syslog", "127.0.0.1:0"]) as server:
        java(SYSLOG, tmp_path, PORT=server.door("syslog"), FORMAT=form)
        whole = LINES if form == "RFC_5425" else [line for line in LINES if "\n" not in line]
        found = odd.stored(server, '{service_name="shop"} | facility="local3" | detected_level="warn"', len(LINES))
        said = [line for line, _ in found if line in whole]
        assert sorted(said) == sorted(whole) and len(found) == len(LINES)
