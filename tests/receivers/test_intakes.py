"""GELF, Datadog and Splunk over HTTP, with clients that people use."""

import gzip
import json
import time
import zlib

import pytest

import clients


def lines(server, query, count, **more):
    """The lines, once there are so many: some clients send in the background."""
    deadline = time.monotonic() + 15
    while len(found := [line for _, line in server.lines(query, **more)]) < count and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


# ---- GELF ----

@pytest.mark.parametrize("handler", ["pygelf.GelfHttpHandler(host='127.0.0.1', port=PORT, _service='shop', include_extra_fields=True, compress=True)",
                                     "graypy.GELFHTTPHandler('127.0.0.1', PORT, compress=False)"])
def test_gelf_handlers(server, handler):
    clients.python("gelf", f"""
import logging, os, pygelf
try:
    import graypy
except ImportError:
    graypy = None
PORT = {server.port}
logger = logging.getLogger("orders")
logger.setLevel(logging.DEBUG)
logger.addHandler({handler})
for i in range(20):
    logger.log(logging.WARNING if i % 2 else logging.INFO, "line %d \\u00fc", i, extra={{"number": i}})
try:
    1 / 0
except ZeroDivisionError:
    logger.exception("boom")
""", server.url)
    found = lines(server, '{host=~".+"}', 21)
    assert sorted(found[:20]) == sorted(f"line {i} ü" for i in range(20)) and found[20].startswith("boom") and "ZeroDivisionError" in found[20]
    row = server.query_range('{host=~".+"} | number="7"')["result"]
    assert row[0]["stream"]["detected_level"] == "warn" and row[0]["values"][0][1] == "line 7 ü"


# ---- Datadog ----

def test_datadog_client(server):
    clients.python("datadog", """
import os
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.model.content_encoding import ContentEncoding
from datadog_api_client.v2.model.http_log import HTTPLog
from datadog_api_client.v2.model.http_log_item import HTTPLogItem
config = Configuration(api_key={"apiKeyAuth": "k"}, server_index=1,
                       server_variables={"name": os.environ["URL"].split("://")[1], "protocol": "http"})
with ApiClient(config) as client:
    for encoding in (ContentEncoding.IDENTITY, ContentEncoding.GZIP, ContentEncoding.DEFLATE):
        LogsApi(client).submit_log(content_encoding=encoding, body=HTTPLog([HTTPLogItem(
            ddsource="nginx", ddtags="env:staging,version:5.1", hostname="h", message=f"line {i}", service="payment") for i in range(10)]))
""", server.url)
    found = lines(server, '{service_name="payment", env="staging", host="h"} | version="5.1" | ddsource="nginx"', 30)
    assert sorted(found) == sorted(f"line {i}" for i in range(10) for _ in range(3))


@pytest.mark.parametrize("path,status", [("/api/v2/logs", 202), ("/v1/input", 200), ("/v1/input/KEY", 200)])
@pytest.mark.parametrize("encoding,pack", [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_datadog_paths(server, path, status, encoding, pack):
    headers = {"Content-Type": "application/json", "DD-API-KEY": "k", **({"Content-Encoding": encoding} if encoding else {})}
    answer = server.request("POST", path, pack(b'[{"message":"m","service":"s"}]'), headers)
    assert (answer.status, answer.text) == (status, "{}")
    assert [line for _, line in server.lines('{service_name="s"}')] == ["m"]
    assert server.get("/api/v1/validate").json() == {"valid": True}


# ---- Splunk ----

@pytest.mark.parametrize("code", ["""
from splunk_handler import SplunkHandler
handler = SplunkHandler(host='127.0.0.1', port=PORT, token='t', index='main', hostname='h', source='s', sourcetype='app', protocol='http',
                        flush_interval=0.2)
""", """
from splunk_hec_handler import SplunkHecHandler
handler = SplunkHecHandler('127.0.0.1', 't', port=PORT, proto='http', index='main', hostname='h', source='s', sourcetype='app')
"""])
def test_splunk_handlers(server, code):
    clients.python("splunk", f"PORT = {server.port}" + code + """
import logging, time
logger = logging.getLogger("orders")
logger.setLevel(logging.DEBUG)
logger.addHandler(handler)
for i in range(20):
    logger.warning("line %d \\u00fc" % i)
time.sleep(1)
""", server.url)
    assert sorted(lines(server, '{host="h", index="main", sourcetype="app"} | source="s"', 20)) == sorted(f"line {i} ü" for i in range(20))


def test_splunk_node_library(server):
    clients.node("splunk", """
        const { Logger } = require('splunk-logging')
        const logger = new Logger({ token: 't', url: process.env.URL, maxBatchCount: 0 })
        logger.error = e => { console.error(e); process.exit(1) }
        for (let i = 0; i < 50; i++) logger.send({ message: { text: 'line ' + i, number: i }, severity: 'error', metadata: { sourcetype: 'node', time: 1795255200 + i / 1000 } })
        logger.flush((error, response, body) => { if (error || body.code !== 0) { console.error(error, body); process.exit(1) } })
    """, server.url)
    found = server.query_range('{sourcetype="node"} | message_number="7" | detected_level="error"', start=1)["result"]
    assert len(found) == 1 and len(server.lines('{sourcetype="node"}', start=1)) == 50


def test_splunk_acknowledgements_and_errors(server):
    channel = {"X-Splunk-Request-Channel": "a0c1e0ff-0000-4000-8000-000000000000", "Authorization": "Splunk t"}
    answer = server.request("POST", "/services/collector/event/1.0", '{"event":"a"}{"event":"b"}', channel).json()
    assert answer["text"] == "Success" and answer["code"] == 0
    ack = answer["ackId"]
    answer = server.request("POST", "/services/collector/ack", json.dumps({"acks": [ack, ack + 1, 0]}), channel)
    assert answer.json() == {"acks": {str(ack): True, str(ack + 1): False, "0": True}}
    assert server.request("POST", "/services/collector/ack", "{}").json()["code"] == 10
    for body in (b"", b"[", b"{}x", b'{"acks":[-1]}', b'{"acks":[1e3]}', b'{"acks":{}}', b"\xff" * 50):
        assert server.request("POST", "/services/collector/ack", body, channel).status == 400
    answer = server.request("POST", "/services/collector", '{"event":"c"}{"host":"x"}')
    assert (answer.status, answer.json()) == (400, {"text": "Event field is required", "code": 12, "invalid-event-number": 1})
    assert server.request("POST", "/services/collector/raw?host=r&sourcetype=st", "one\ntwo\n", channel).json()["code"] == 0
    assert [line for _, line in server.lines('{host="r", sourcetype="st"}')] == ["one", "two"]
    assert server.get("/services/collector/health").json()["code"] == 17
    assert server.request("POST", "/services/collector?debug=1", '{"event":"shown","host":"h"}').json()["records"][0]["line"] == "shown"
    assert sorted(line for _, line in server.lines('{service_name="unknown_service", host=""}')) == ["a", "b", "c"]


@pytest.mark.parametrize("path", ["/gelf", "/api/v2/logs", "/services/collector"])
def test_broken_bodies(server, path):
    bomb = gzip.compress(b"[" * (200 << 20))
    for body, headers, status in [(bomb, {"Content-Encoding": "gzip"}, 413), (b"[" * 100000, {}, 400), (b'{"a":' * 100000, {}, 400),
                                  (bomb[:-10], {"Content-Encoding": "gzip"}, 400), (b"\xff\x00", {}, 400), (b'"text"', {}, 400)]:
        answer = server.request("POST", path, body, headers)
        assert answer.status in (status, 413 if body.startswith(bomb[:20]) else status), (path, body[:20], answer.text)
    assert server.lines('{service_name=~".+"}') == []
