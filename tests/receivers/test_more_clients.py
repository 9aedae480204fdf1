"""Loggers and clients that were tried after the doors were made, with records that are easily spoiled."""

import json

import pytest

import bole
import clients
from test_syslog import records

TEXTS = ["ünï € 漢字 \U0001f469\u200d\U0001f4bb \U0010ffff", 'quoted "x" \\ {x} %s $1 <a&b>', "tab\tand\x1b[31mred", '{"message":"inner","n":1}', "null", "  around  ",
         "x" * 5000]
LINES = [f"line {i} ü" for i in range(40)] + TEXTS
SEVERAL = [*LINES, "two\nlines\r\nand a third", "Traceback:\n  File \"x\"\nValueError: ü"]
BIG = 2**62 + 1


def sent(lines):
    return f"const LINES = {json.dumps(lines)};\n" + 'const fail = (e) => { console.error(e); process.exit(1); };\nprocess.on("uncaughtException", fail);\n'


@pytest.fixture
def server():
    doors = [part for door in ("syslog", "gelf", "forward") for part in (f"--listen-{door}", "127.0.0.1:0")]
    with bole.Server(args=doors) as s:
        yield s


def address(server, door):
    return f"127.0.0.1:{server.door(door)}"


def check(server, query, lines, name="n"):
    """Each of them once, with its number."""
    found = records(server, query, len(lines))
    assert sorted(line for line, _ in found) == sorted(lines)
    assert {(lines[int(labels[name])], int(labels[name])) for _, labels in found} == {(line, n) for n, line in enumerate(lines)}
    return found


# ---- Python ----

@pytest.mark.parametrize("version", ["0", "1"])
def test_python_logging_loki(server, version):
    clients.python("python-logging-loki", f"LINES, VERSION = {SEVERAL!r}, {version!r}" + """
import logging, os, logging_loki
path = {"0": "/api/prom/push", "1": "/loki/api/v1/push"}[VERSION]
handler = logging_loki.LokiHandler(url=os.environ["URL"] + path, tags={"application": "shop"}, version=VERSION)
log = logging.Logger("orders")
log.addHandler(handler)
handler.handleError = lambda record: os._exit(1)
for n, line in enumerate(LINES):
    log.warning("%s", line, extra={"tags": {"n": str(n)}}) # Loki takes texts only
""", server.url)
    check(server, '{application="shop", severity="warning", logger="orders"}', SEVERAL)


LOGSTASH = """
import json, logging, os, time
from logstash_async.handler import AsynchronousLogstashHandler
from logstash_async.transport import HttpTransport, TcpTransport
host, port = os.environ["URL"].split("//")[-1].split(":")
transport = TRANSPORT
handler = AsynchronousLogstashHandler(host, int(port), transport=transport, database_path=None)
log = logging.Logger("orders")
log.addHandler(handler)
for n, line in enumerate(LINES):
    log.error(line, extra={"n": n, "big": BIG})
handler.close()
"""


def test_logstash_async_over_http(server):
    """It sends arrays."""
    transport = "HttpTransport(host, int(port), ssl_enable=False, ssl_verify=False, path='insert/jsonline?_msg_field=message&_time_field=@timestamp')"
    clients.python("logstash-async", f"LINES, BIG = {SEVERAL!r}, {BIG}" + LOGSTASH.replace("TRANSPORT", transport), server.url)
    found = check(server, '{host=~".+"} | detected_level="error"', SEVERAL, "extra_n")
    assert {labels["extra_big"] for _, labels in found} == {str(BIG)}


def test_logstash_async_over_tcp(server):
    transport = "TcpTransport(host, int(port), ssl_enable=False, ssl_verify=False, ssl_verify_flags=0, keyfile=None, certfile=None, ca_certs=None)"
    clients.python("logstash-async", f"LINES, BIG = {SEVERAL!r}, {BIG}" + LOGSTASH.replace("TRANSPORT", transport), address(server, "syslog"))
    said = [json.loads(line) for line, _ in records(server, '{job="syslog"}', len(SEVERAL))]
    assert sorted(r["message"] for r in said) == sorted(SEVERAL) and {r["extra"]["big"] for r in said} == {BIG}


def test_elasticsearch_logging_handler(server):
    clients.python("elasticsearch-handler", f"LINES = {SEVERAL!r}" + """
import logging, os, time
from elasticsearch_logging_handler import ElasticHandler
handler = ElasticHandler(os.environ["URL"] + "/elasticsearch", "shop", flush_period=0.1)
log = logging.Logger("orders")
log.addHandler(handler)
for line in LINES:
    log.warning(line)
time.sleep(2) # close() does not send what waits
""", server.url)
    found = records(server, '{index="shop"} | detected_level="warn"', len(SEVERAL))
    assert sorted(labels["content"] for _, labels in found) == sorted(SEVERAL)


# ---- Node ----

@pytest.mark.parametrize("form,protocol", [("5424", "tcp4"), ("5424", "udp4"), ("BSD", "tcp4"), ("BSD", "udp4")])
def test_winston_syslog(server, form, protocol):
    clients.node("winston", sent(LINES) + f"""
const winston = require("winston"), {{ Syslog }} = require("winston-syslog");
const [host, port] = process.env.URL.split(":");
const transport = new Syslog({{ host, port: Number(port), protocol: {protocol!r}, type: {form!r}, app_name: "shop", facility: "local3", eol: {json.dumps(chr(10))},
                               localhost: "web-1", format: winston.format.printf((info) => info.message) }});
transport.on("error", fail);
const log = winston.createLogger({{ levels: winston.config.syslog.levels, transports: [transport] }});
for (const line of LINES) log.warning(line);
setTimeout(() => {{ log.close(); setTimeout(() => process.exit(0), 300); }}, 1000);
""", address(server, "syslog"))
    found = records(server, '{job="syslog", service_name="shop", host="web-1"} | facility="local3" | detected_level="warn"', len(LINES))
    # A line feed ends each message, and in a datagram it is part of it.
    assert sorted(line.rstrip("\n") for line, _ in found) == sorted(LINES)


def test_winston_graylog2(server):
    clients.node("winston", sent(SEVERAL) + """
const winston = require("winston"), Graylog2 = require("winston-graylog2");
const [host, port] = process.env.URL.split(":");
const transport = new Graylog2({ name: "g", level: "debug", graylog: { servers: [{ host, port: Number(port) }], hostname: "web-1", facility: "shop" } });
const log = winston.createLogger({ transports: [transport] });
LINES.forEach((line, n) => log.log({ level: "error", message: line, metadata: { n, o: { p: n } } }));
setTimeout(() => process.exit(0), 1500);
""", address(server, "gelf"))
    check(server, '{host="web-1", service_name="shop"} | detected_level="error"', SEVERAL)


def test_winston_splunk(server):
    clients.node("winston", sent(SEVERAL) + """
const winston = require("winston"), Splunk = require("winston-splunk-httplogger");
const transport = new Splunk({ splunk: { token: "t", url: process.env.URL, sourcetype: "shop" } });
transport.on("error", fail);
const log = winston.createLogger({ transports: [transport] });
LINES.forEach((line, n) => log.log({ level: "warn", message: line, n }));
setTimeout(() => process.exit(0), 2000);
""", server.url)
    found = records(server, '{sourcetype="shop"} | detected_level="warn"', len(SEVERAL))
    assert sorted((int(labels["message_meta_n"]), labels["message_msg"]) for _, labels in found) == list(enumerate(SEVERAL))


def test_opensearch(server):
    out = clients.node("opensearch", sent(SEVERAL) + f"const BIG = {2**53 - 1};" + """
const { Client } = require("@opensearch-project/opensearch");
const client = new Client({ node: process.env.URL + "/elasticsearch", compression: "gzip" });
(async () => {
  console.log((await client.info()).body.version.distribution);
  const done = await client.helpers.bulk({ datasource: LINES.map((message, n) => ({ message, n, big: BIG, list: [1, { a: n }] })), flushBytes: 4000,
    onDocument: () => ({ create: { _index: "shop" } }), onDrop: fail });
  console.log(done.successful, done.failed);
})().catch(fail);
""", server.url)
    assert out.split("\n")[:2] == ["opensearch", f"{len(SEVERAL)} 0"]
    found = check(server, '{index="shop"}', SEVERAL)
    assert {labels["big"] for _, labels in found} == {str(2**53 - 1)}


def test_pino_syslog_and_socket(server):
    clients.node("pino-more", sent(SEVERAL) + """
const pino = require("pino");
const [address, port] = process.env.URL.split(":");
const transport = pino.transport({ pipeline: [
  { target: require.resolve("pino-syslog"), options: { modern: true, appname: "shop", facility: 19, messageOnly: false, newline: true, enablePipelining: true } },
  { target: require.resolve("pino-socket"), options: { mode: "tcp", address, port: Number(port) } }] });
transport.on("error", fail);
const log = pino({ level: "info" }, transport);
transport.on("ready", () => {
  LINES.forEach((line, n) => log.warn({ n }, line));
  log.flush();
  setTimeout(() => transport.end(), 500);
});
""", address(server, "syslog"))
    found = records(server, '{service_name="shop"} | facility="local3" | detected_level="warn"', len(SEVERAL))
    assert sorted((json.loads(line)["n"], json.loads(line)["msg"]) for line, _ in found) == list(enumerate(SEVERAL))


@pytest.mark.parametrize("mode", ["Message", "PackedForward"])
def test_fluent_logger_3(server, mode):
    clients.node("fluent-logger-3", sent(SEVERAL) + f"const MODE = {mode!r}, BIG = {2**53 - 1};" + """
const logger = require("fluent-logger");
const [host, port] = process.env.URL.split(":");
const sender = logger.createFluentSender("shop", { host, port: Number(port), eventMode: MODE, requireAckResponse: true, ackResponseTimeout: 20000, timeout: 5 });
sender.on("error", fail);
Promise.all(LINES.map((message, n) => new Promise((good, bad) => sender.emit("orders", { message, n, big: BIG }, (e) => e ? bad(e) : good()))))
  .then(() => sender.end(null, null, () => process.exit(0))).catch(fail);
""", address(server, "forward"))
    check(server, '{service_name="shop.orders"}', SEVERAL)
