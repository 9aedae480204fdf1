"""Java's appenders and client libraries deliver through their doors, and every line is read back."""

import os
import pathlib
import shutil
import subprocess

import pytest

import bole

SCRIPT = pathlib.Path(__file__).with_name("java.sh")
LINES = [f"line {i} ü € \"quoted\"\ttab" for i in range(300)] + ["x" * 5000, "two\nlines"]


@pytest.fixture(scope="module")
def java():
    if not shutil.which("java") or not shutil.which("mvn"):
        pytest.skip("needs the commands java and mvn")
    jars = subprocess.run([SCRIPT, "install"], check=True, capture_output=True, text=True).stdout.strip()

    def run(code, folder, **env):
        (folder / "lines").write_bytes("\0".join(LINES).encode())
        (folder / "Main.java").write_text(code.replace("LINES", 'new String(java.nio.file.Files.readAllBytes(java.nio.file.Path.of('
                                                                'System.getenv("FOLDER"), "lines")), "UTF-8").split("\\0")'))
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
        assert sorted(line for _, line in server.lines('{service_name=~".+"} | host="h1" | app_name="shop" | level="4"')) == sorted(LINES)


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
