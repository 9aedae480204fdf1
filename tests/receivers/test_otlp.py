"""OTLP over HTTP, with OpenTelemetry's own SDKs."""

import gzip
import json

import pytest

import bole
import clients
from bole import field, varint

END = 1795255300 * 10**9


def kinds(server, query):
    """(line, labels and fields) of each record, in the order of time."""
    found = []
    for stream in server.query_range(query, direction="forward", start=0)["result"]:
        found += [(int(ns), line, stream["stream"]) for ns, line in stream["values"]]
    return [(line, labels) for _, line, labels in sorted(found, key=lambda f: f[0])]


PYTHON = """
import logging, os, time
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
provider = LoggerProvider(resource=Resource.create({"service.name": "py", "host.name": "h", "deployment.environment": "test"}))
exporter = OTLPLogExporter(endpoint=os.environ["URL"] + PATH, compression=Compression.Gzip)
provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
logger = logging.getLogger("shop.orders")
logger.setLevel(logging.DEBUG)
logger.addHandler(LoggingHandler(level=logging.DEBUG, logger_provider=provider))
for i in range(300):
    logger.log(logging.WARNING if i % 2 else logging.INFO, "line %d \\u00fc", i, extra={"number": i, "nested": {"a": [1, "x"], "b": True}})
provider.shutdown()
"""


@pytest.mark.parametrize("path", ["/v1/logs", "/otlp/v1/logs"])
def test_python_sdk(server, path):
    clients.python("opentelemetry", f"PATH = {path!r}" + PYTHON, server.url)
    found = kinds(server, '{service_name="py", host="h", env="test"}')
    assert [line for line, _ in found] == [f"line {i} ü" for i in range(300)]
    labels = found[7][1]
    assert {"number": "7", "nested_a": '[1,"x"]', "nested_b": "true", "scope_name": "shop.orders", "detected_level": "warn",
            "telemetry_sdk_language": "python"}.items() <= labels.items()
    assert server.metric('bole_receive_records_total{door="otlp"}') == 300


@pytest.mark.parametrize("package", ["exporter-logs-otlp-http", "exporter-logs-otlp-proto"])
def test_node_sdk(server, package):
    clients.node("opentelemetry", """
        const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs')
        const { resourceFromAttributes } = require('@opentelemetry/resources')
        const { OTLPLogExporter } = require('@opentelemetry/PACKAGE')
        const exporter = new OTLPLogExporter({ url: process.env.URL + '/v1/logs', compression: 'gzip' })
        let processor
        try { processor = new BatchLogRecordProcessor({ exporter }) } catch (e) { processor = new BatchLogRecordProcessor(exporter) }
        const provider = new LoggerProvider({ resource: resourceFromAttributes({ 'service.name': 'node' }), processors: [processor] })
        const logger = provider.getLogger('shop', '1.2')
        for (let i = 0; i < 100; i++) {
          logger.emit({ severityNumber: 17, severityText: 'ERROR', timestamp: [1795255200, i], body: i % 2 ? 'line ' + i : { n: i, deep: { x: [1] } },
                        attributes: { number: i, half: 0.5, list: ['a', 1] } })
        }
        provider.shutdown().catch(e => { console.error(e); process.exit(1) })
    """.replace("PACKAGE", package), server.url)
    found = kinds(server, '{service_name="node"}')
    assert [line for line, _ in found[1::2]] == [f"line {i}" for i in range(1, 100, 2)]
    assert [json.loads(line) for line, _ in found[::2]] == [{"n": i, "deep": {"x": [1]}} for i in range(0, 100, 2)]
    assert {"number": "7", "half": "0.5", "list": '["a",1]', "scope_name": "shop", "scope_version": "1.2", "severity_number": "17",
            "detected_level": "error"}.items() <= found[7][1].items()


def message(records, attributes=b""):
    return field(1, field(1, attributes) + field(2, b"".join(field(2, record) for record in records)))


def record(ns, line):
    return b"\x09" + ns.to_bytes(8, "little") + field(5, field(1, line))


def test_partial_success_and_broken_bodies(server):
    proto = {"Content-Type": "application/x-protobuf"}
    answer = server.request("POST", "/v1/logs", message([record(5, b"good"), record(2**64 - 1, b"bad"), record(6, b"good too")]), proto)
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/x-protobuf"
    text = b"record 2: the time is out of range"
    assert answer.body == field(1, varint(1 << 3) + varint(1) + field(2, text))
    assert [line for _, line in server.lines('{service_name="unknown_service"}', start=0)] == ["good", "good too"]
    answer = server.request("POST", "/v1/logs", json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": str(2**63)}]}]}]}),
                            {"Content-Type": "application/json"})
    assert answer.json() == {"partialSuccess": {"rejectedLogRecords": "1", "errorMessage": "record 1: the time is out of range"}}
    whole = message([record(7, b"x" * 1000)] * 50)
    for body, headers, status in [(b"", proto, 200), (b"{}", {"Content-Type": "application/json"}, 200), (whole[:-1], proto, 400),
                                  (gzip.compress(whole)[:-8], {**proto, "Content-Encoding": "gzip"}, 400),
                                  (gzip.compress(b"\0" * (200 << 20)), {**proto, "Content-Encoding": "gzip"}, 413),
                                  (b"[" * 100000, {"Content-Type": "application/json"}, 400), (b"x", {"Content-Type": "text/plain"}, 415)]:
        assert server.request("POST", "/v1/logs", body, headers).status == status
    assert len(server.lines('{service_name="unknown_service"}', start=0)) == 2


def test_shown_instead_of_stored(server):
    answer = server.request("POST", "/v1/logs?debug=1", message([record(5, b"line")]))
    assert answer.json()["records"] == [{"time": "5", "stream": {"service_name": "unknown_service"}, "line": "line",
                                         "fields": {"detected_level": "unknown"}}]
    assert server.lines('{service_name="unknown_service"}', start=0) == []
