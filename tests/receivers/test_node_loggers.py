"""Node's loggers and their transports: what they probe, how they batch, what they make of levels."""

import json

import pytest

import bole
import clients
from test_syslog import records

COUNT = 50
LINES = [f'line {i} ünï € "q" \\ {{x}}' for i in range(COUNT)]
TEXT = f"""
const COUNT = {COUNT}, text = (i) => `line ${{i}} ünï € "q" \\\\ {{x}}`;
const fail = (e) => {{ console.error(e); process.exit(1); }};
process.on("uncaughtException", fail);
"""


@pytest.fixture
def server():
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"]) as s:
        yield s


def test_pino_elasticsearch(server):
    """It asks for a refresh behind its last batch."""
    clients.node("pino", TEXT + """
const stream = require("pino-elasticsearch")({ index: "pino", node: process.env.URL + "/elasticsearch", esVersion: 8, flushInterval: 100 });
for (const event of ["unknown", "insertError", "error"]) stream.on(event, fail);
const log = require("pino")({ level: "info" }, stream);
for (let i = 0; i < COUNT; i++) log.error({ order: i, user: { id: i } }, text(i));
stream.end();
""", server.url)
    got = records(server, '{index="pino"}', COUNT)
    assert sorted(line for line, _ in got) == sorted(LINES)
    assert {fields["detected_level"] for _, fields in got} == {"error"}
    assert {(fields["order"], fields["user_id"]) for _, fields in got} == {(str(i), str(i)) for i in range(COUNT)}


def test_pino_loki(server):
    clients.node("pino", TEXT + """
const pino = require("pino");
const transport = pino.transport({ target: require.resolve("pino-loki"), options: { host: process.env.URL, batching: { interval: 1 }, labels: { job: "pino" } } });
const log = pino(transport);
transport.on("ready", () => {
  for (let i = 0; i < COUNT; i++) log.warn({ order: i }, text(i));
  log.flush(() => transport.end());
});
""", server.url)
    got = records(server, '{job="pino"}', COUNT)
    assert sorted(json.loads(line)["msg"] for line, _ in got) == sorted(LINES)
    assert {fields["detected_level"] for _, fields in got} == {"warn"}


@pytest.mark.parametrize("form", ["protobuf", "json"])
def test_winston_loki(server, form):
    clients.node("winston-loki", TEXT + f"""
const winston = require("winston"), Loki = require("winston-loki");
const transport = new Loki({{ host: process.env.URL, labels: {{ job: "winston" }}, json: {json.dumps(form == "json")}, interval: 1, replaceTimestamp: true,
                             format: winston.format.json(), onConnectionError: fail }});
const log = winston.createLogger({{ transports: [transport] }});
for (let i = 0; i < COUNT; i++) log.error({{ message: text(i), labels: {{ shop: "a" }} }});
setTimeout(() => transport.flush().then(() => log.close()), 100);
""", server.url)
    got = records(server, '{job="winston", shop="a"}', COUNT)
    assert sorted(json.loads(line)["message"] for line, _ in got) == sorted(LINES)
    assert {fields["detected_level"] for _, fields in got} == {"error"}


def test_opentelemetry_over_grpc(server):
    clients.node("opentelemetry-grpc", TEXT + """
const { LoggerProvider, BatchLogRecordProcessor } = require("@opentelemetry/sdk-logs");
const { OTLPLogExporter } = require("@opentelemetry/exporter-logs-otlp-grpc");
const exporter = new OTLPLogExporter({ url: "http://" + process.env.URL, compression: "gzip" });
const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter })] });
const log = provider.getLogger("shop.orders");
for (let i = 0; i < COUNT; i++) log.emit({ severityNumber: 17, body: text(i), attributes: { order: i, list: [1, "x"] } });
provider.shutdown().catch(fail);
""", f"127.0.0.1:{server.door('grpc')}")
    got = records(server, '{service_name=~".+"}', COUNT)
    assert sorted(line for line, _ in got) == sorted(LINES)
    assert {(f["detected_level"], f["list"], f["scope_name"]) for _, f in got} == {("error", '[1,"x"]', "shop.orders")}
