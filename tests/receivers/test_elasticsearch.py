"""Elasticsearch's door, with the clients that people use."""

import gzip
import json
import pathlib
import subprocess
import time

import pytest

import bole
import clients

END = 1795255300 * 10**9  # the records below are of 2026-11-21T10:00:00Z
PRODUCT = ("x-elastic-product", "Elasticsearch")


def stored(server, query, **more):
    return server.lines(query, end=END, **more)


def bulk(server, rows, path="/elasticsearch/_bulk", headers=None):
    body = "".join(json.dumps(row) + "\n" for row in rows)
    return server.request("POST", path, body, {"Content-Type": "application/x-ndjson", **(headers or {})})


PYTHON = """
import importlib, json, os
es_module = importlib.import_module(MODULE)
helpers = importlib.import_module(MODULE + ".helpers")
client = (getattr(es_module, "Elasticsearch", None) or es_module.OpenSearch)(os.environ["URL"])
assert client.ping()
assert client.info()["version"]["number"]
assert client.cluster.health()["status"] == "green"
docs = ({"_op_type": "create", "_index": "py", "@timestamp": f"2026-11-21T10:00:00.{i:03}Z", "message": f"line {i} \\u00fc",
         "host": {"name": "h"}} for i in range(500))
assert helpers.bulk(client, docs, chunk_size=120) == (500, [])
results = list(helpers.streaming_bulk(client, [
    {"_index": "py", "@timestamp": "2026-11-21T10:00:01Z", "message": "last"},
    {"_op_type": "delete", "_index": "py", "_id": "1"},
    {"_index": "py", "@timestamp": "no time", "message": "bad"}], raise_on_error=False))
print(json.dumps([[ok, *[[action, r["status"], r.get("error", {}).get("type")] for action, r in item.items()]] for ok, item in results]))
"""


@pytest.mark.parametrize("prefix", ["/elasticsearch", ""])
@pytest.mark.parametrize("name,module", [("elasticsearch9", "elasticsearch"), ("elasticsearch8", "elasticsearch8"),
                                         ("elasticsearch7", "elasticsearch7"), ("opensearch", "opensearchpy")])
def test_python_clients(server, name, module, prefix):
    out = clients.python(name, f"MODULE = {module!r}" + PYTHON, server.url + prefix)
    assert json.loads(out) == [[True, ["index", 201, None]], [False, ["delete", 400, "illegal_argument_exception"]],
                               [False, ["index", 400, "mapper_parsing_exception"]]]
    first = 1795255200 * 10**9
    assert stored(server, '{index="py", host="h"}') == [(first + i * 10**6, f"line {i} ü") for i in range(500)]
    assert stored(server, '{index="py", host=""}') == [(first + 10**9, "last")]
    assert server.metric('bole_receive_records_total{door="elasticsearch"}') == 501


def test_node_client(server):
    out = clients.node("elasticsearch", """
        const { Client } = require('@elastic/elasticsearch')
        const client = new Client({ node: process.env.URL + '/elasticsearch', compression: true })
        async function main () {
          const docs = Array.from({ length: 300 }, (_, i) => ({ '@timestamp': 1795255200000 + i, message: 'line ' + i }))
          const done = await client.helpers.bulk({ datasource: docs, flushBytes: 5000, onDocument: () => ({ create: { _index: 'node' } }) })
          const info = await client.info()
          console.log(JSON.stringify([done.successful, done.failed, info.tagline]))
        }
        main().catch(e => { console.error(e); process.exit(1) })
    """, server.url)
    assert json.loads(out) == [300, 0, "You Know, for Search"]
    assert stored(server, '{index="node"}') == [(1795255200 * 10**9 + i * 10**6, f"line {i}") for i in range(300)]


def test_winston_transport(server):
    clients.node("winston-elasticsearch", """
        const winston = require('winston')
        const { ElasticsearchTransport } = require('winston-elasticsearch')
        const transport = new ElasticsearchTransport({ level: 'info', index: 'winston', flushInterval: 100, source: 'test',
          clientOpts: { node: process.env.URL + '/elasticsearch' } })
        const logger = winston.createLogger({ transports: [transport] })
        for (let i = 0; i < 50; i++) logger.log({ level: i % 2 ? 'warn' : 'info', message: 'line ' + i, number: i })
        transport.on('error', e => { console.error(e); process.exit(1) })
        setTimeout(() => transport.flush().then(() => process.exit(0)), 1500)
    """, server.url)
    found = server.query_range('{index="winston"} | fields_number="7"')["result"]
    assert [v[1] for s in found for v in s["values"]] == ["line 7"]
    assert found[0]["stream"]["detected_level"] == "warn"
    assert len(server.lines('{index="winston"}')) == 50


def rsyslog(server, tmp_path, path, action):
    program = clients.program("rsyslogd")
    config = tmp_path / "rsyslog.conf"
    config.write_text(f'''
global(workDirectory="{tmp_path}")
module(load="imfile" mode="polling" pollingInterval="1")
module(load="omelasticsearch")
template(name="doc" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="service" name="syslogtag" format="jsonf") }}
input(type="imfile" File="{tmp_path}/in.log" Tag="app")
action(type="omelasticsearch" server="{server.url}{path}" template="doc" searchIndex="rsyslog"
       errorFile="{tmp_path}/errors" {action})
''')
    log = (tmp_path / "rsyslogd.log").open("wb")
    process = subprocess.Popen([program, "-n", "-f", str(config), "-i", str(tmp_path / "pid")], stdout=log, stderr=log)
    try:
        (tmp_path / "in.log").write_text("".join(f"line {i} ü\n" for i in range(200)))
        deadline = time.monotonic() + 20
        while len(server.lines('{index="rsyslog"}')) < 200 and time.monotonic() < deadline:
            time.sleep(0.2)
    finally:
        process.terminate()
        process.wait(20)
    errors = tmp_path / "errors"
    assert sorted(line for _, line in server.lines('{index="rsyslog", service_name="app"}')) == sorted(f"line {i} ü" for i in range(200)), (
        (errors.read_text() if errors.exists() else "") + (tmp_path / "rsyslogd.log").read_text())


@pytest.mark.parametrize("path,action", [("", 'bulkmode="on" searchType="_doc"'), ("/elasticsearch", 'bulkmode="on" searchType=""'),
                                         ("", 'bulkmode="off" searchType="_doc"'), ("/elasticsearch", 'bulkmode="off" searchType="events"')])
def test_rsyslog(server, tmp_path, path, action):
    if not list(pathlib.Path("/usr/lib").glob("*/rsyslog/omelasticsearch.so")):
        pytest.skip("needs rsyslog-elasticsearch")
    rsyslog(server, tmp_path, path, action)


# ---- what clients ask first ----

@pytest.mark.parametrize("prefix", ["/elasticsearch", ""])
@pytest.mark.parametrize("method,path,status,has", [
    ("GET", "/_license?human=false", 200, '"status":"active"'), ("GET", "/_xpack", 200, '"ilm":{"available":false'),
    ("GET", "/_cluster/health", 200, '"status":"green"'), ("GET", "/_nodes/http", 200, '"_nodes"'),
    ("GET", "/_nodes/ingest", 200, '"ingest":'), ("HEAD", "/_index_template/filebeat-7.17.28", 404, ""),
    ("PUT", "/_index_template/filebeat-7.17.28", 200, '{"acknowledged":true}'), ("PUT", "/_template/logstash", 200, '{"acknowledged":true}'),
    ("GET", "/_ilm/policy/filebeat", 404, '"status":404'), ("PUT", "/_ilm/policy/filebeat", 200, '{"acknowledged":true}'),
    ("PUT", "/_ingest/pipeline/x", 200, '{"acknowledged":true}'), ("GET", "/_cat/indices?format=json", 200, "[]"),
])
def test_probes(server, prefix, method, path, status, has):
    answer = server.request(method, prefix + path, "{}" if method == "PUT" else None)
    assert (answer.status, answer.headers[PRODUCT[0]]) == (status, PRODUCT[1])
    assert has in answer.text


@pytest.mark.parametrize("method,path,status", [
    ("GET", "/elasticsearch", 200), ("HEAD", "/elasticsearch/", 200), ("GET", "/elasticsearch/_search", 400), ("POST", "/elasticsearch/i/_search", 400),
    ("POST", "/elasticsearch/i/_refresh", 200), ("POST", "/_refresh", 200), ("POST", "/elasticsearch/i/_count", 400),
    ("GET", "/elasticsearch/i/_search", 400), ("HEAD", "/elasticsearch/i", 404), ("PUT", "/elasticsearch/i", 200), ("DELETE", "/elasticsearch/i", 404)])
def test_paths_below_elasticsearch(server, method, path, status):
    answer = server.request(method, path, '{"message":"m"}' if method in ("PUT", "POST") else None)
    assert (answer.status, answer.headers[PRODUCT[0]]) == (status, PRODUCT[1]), answer.text


@pytest.mark.parametrize("n", ["7", "8", "9", "42"])
def test_any_compatible_with_is_echoed(server, n):
    asked = f"application/vnd.elasticsearch+json; compatible-with={n}"
    sent = f"application/vnd.elasticsearch+x-ndjson; compatible-with={n}"
    answer = bulk(server, [{"create": {}}, {"message": "m"}], "/elasticsearch/i/_bulk", {"Accept": asked, "Content-Type": sent})
    assert answer.status == 200 and answer.headers["Content-Type"] == f"application/vnd.elasticsearch+json;compatible-with={n}"
    assert bulk(server, [{"create": {}}, {"message": "m"}]).headers["Content-Type"] == "application/json"


def test_the_root_is_for_browsers_and_for_clients(server):
    assert server.get("/", headers={"Accept": "text/html,*/*"}).headers["Content-Type"].startswith("text/html")
    assert server.get("/").headers["Content-Type"].startswith("text/html")
    for headers in ({"Accept": "application/json"}, {"User-Agent": "Elastic-Filebeat/8.19.0 (linux)"}):
        assert server.get("/", headers=headers).json()["version"]["number"] == "8.19.0"
    of = {agent: server.get("/elasticsearch", headers={"User-Agent": agent}).json()["version"].get("distribution")
          for agent in ("opensearch-java/3.2.0 (Java/17.0.15)", "elastic-transport-python/9.0")}
    assert list(of.values()) == ["opensearch", None]


def test_broken_bodies(server):
    path, good = "/elasticsearch/i/_bulk", b'{"create":{}}\n{"message":"m"}\n'
    cases = [(gzip.compress(good)[:-6], {"Content-Encoding": "gzip"}, 400), (gzip.compress(b"\n" * (200 << 20)), {"Content-Encoding": "gzip"}, 413),
             (b"", {}, 400), (b"\xff\x00", {}, 400), (b'{"create":' + b"[" * 100000, {}, 400)]
    for body, headers, status in cases:
        assert server.request("POST", path, body, headers).status == status
    assert server.lines('{index="i"}') == []
    assert server.request("POST", path, gzip.compress(good), {"Content-Encoding": "gzip"}).json()["errors"] is False
    assert len(server.lines('{index="i"}')) == 1


def test_shown_instead_of_stored(server):
    answer = bulk(server, [{"create": {}}, {"message": "m", "host": {"name": "h"}}], "/elasticsearch/i/_bulk?debug=1")
    assert answer.json()["records"][0]["stream"] == {"host": "h", "index": "i", "service_name": "unknown_service"}
    assert server.lines('{index="i"}') == []
