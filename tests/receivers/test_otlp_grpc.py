"""OTLP over gRPC, with OpenTelemetry's own SDK and with grpcio."""

import json
import os
import re
import subprocess
import time

import pytest

import bole
import clients
from test_otlp import END, PYTHON, kinds, message, record  # noqa: F401


@pytest.fixture
def server():
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"]) as s:
        yield s


def grpc(server, code, **env):
    """Code that calls `export(bytes)` and so on; what it prints as JSON is returned."""
    return json.loads(clients.python("grpc", CALLS + code, f"127.0.0.1:{server.door('grpc')}", **env))


CALLS = """
import grpc, gzip, json, os, sys, time, threading
URL = os.environ["URL"]
UNLIMITED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
def channel(**more):
    return grpc.insecure_channel(URL, options=UNLIMITED, **more)
raw = lambda b: b
def unary(channel, path="/opentelemetry.proto.collector.logs.v1.LogsService/Export"):
    return channel.unary_unary(path, request_serializer=raw, response_deserializer=raw)
def outcome(call):
    try:
        return ["OK", call().hex()]
    except grpc.RpcError as e:
        return [e.code().name, e.details()]
"""


def test_python_sdk(server):
    code = PYTHON.replace("proto.http import Compression", "proto.grpc._log_exporter import *").replace(
        "proto.http._log_exporter", "proto.grpc._log_exporter").replace(
        'endpoint=os.environ["URL"] + PATH, compression=Compression.Gzip',
        'endpoint=os.environ["URL"], insecure=True, compression=__import__("grpc").Compression.Gzip')
    clients.python("opentelemetry-grpc", code, f"127.0.0.1:{server.door('grpc')}")
    found = kinds(server, '{service_name="py", host="h", env="test"}')
    assert [line for line, _ in found] == [f"line {i} ü" for i in range(300)]
    assert {"number": "7", "nested_a": '[1,"x"]', "nested_b": "true", "scope_name": "shop.orders", "detected_level": "warn",
            "telemetry_sdk_language": "python"}.items() <= found[7][1].items()
    assert server.metric('bole_receive_records_total{door="otlp_grpc"}') == 300
    source, = server.get("/api/v1/sources").json()["sources"]
    assert (source["client"], source["records"]) == ("127.0.0.1", 300) and "grpc-python" in source["agent"], source


def test_partial_success_tenants_and_broken_messages(server):
    bodies = {"partial": message([record(5, b"good"), record(2**64 - 1, b"bad"), record(6, b"good too")]), "empty": b"",
              "cut": message([record(7, b"x" * 1000)] * 50)[:-1], "garbage": b"\xff" * 100, "large": message([record(8, b"y" * 100000)] * 40)}
    got = grpc(server, f"bodies = {bodies!r}\n" + """
c = channel()
out = {name: outcome(lambda: unary(c)(body)) for name, body in bodies.items()}
out["zipped"] = outcome(lambda: unary(channel(compression=grpc.Compression.Gzip))(bodies["partial"]))
out["deflated"] = outcome(lambda: unary(channel(compression=grpc.Compression.Deflate))(bodies["partial"]))
for name, metadata in {"tenant": [("x-scope-orgid", "other")], "bad tenant": [("x-scope-orgid", "a/b")],
                       "two tenants": [("x-scope-orgid", "a"), ("x-scope-orgid", "b")]}.items():
    out[name] = outcome(lambda: unary(c)(bodies["partial"], metadata=metadata))
out["path"] = outcome(lambda: unary(c, "/no.such.Service/Method")(b""))
out["bomb"] = outcome(lambda: unary(channel(compression=grpc.Compression.Gzip))(b"\\0" * (130 << 20)))
out["oversized"] = outcome(lambda: unary(c)(b"\\0" * (33 << 20)))
print(json.dumps(out))
""")
    partial = bole.field(1, bole.varint(1 << 3) + bole.varint(1) + bole.field(2, b"record 2: the time is out of range")).hex()
    assert got["partial"] == got["zipped"] == got["deflated"] == got["tenant"] == ["OK", partial]
    assert got["empty"] == ["OK", ""] and got["large"] == ["OK", ""]
    for name in ["cut", "garbage", "bad tenant", "two tenants"]:
        assert got[name][0] == "INVALID_ARGUMENT", got[name]
    assert "protobuf" in got["cut"][1]
    assert got["path"][0] == "UNIMPLEMENTED"
    assert got["bomb"][0] == got["oversized"][0] == "RESOURCE_EXHAUSTED"
    everything = '{service_name="unknown_service"}'
    assert sorted(line for _, line in server.lines(everything + ' !~ "yyy"')) == ["good"] * 3 + ["good too"] * 3
    assert sorted(line for _, line in server.lines(everything, headers={"X-Scope-OrgID": "other"})) == ["good", "good too"]
    assert len(server.lines(everything + ' |= "yyy"')) == 40


def test_cancelled_calls_leave_nothing_behind(server):
    """Clients that go away in the middle; the door goes on, and its memory does not grow."""
    body = message([record(9, b"z" * 1000)] * 1000)
    got = grpc(server, f"body = {body!r}\n" + """
c = channel()
for i in range(200):
    f = unary(c).future(body)
    f.cancel()
for i in range(20):
    d = channel()
    f = unary(d).future(body)
    d.close()
print(json.dumps(outcome(lambda: unary(c)(body, timeout=20))))
""")
    assert got[0] == "OK"
    assert server.rss_mb() < 300
    assert server.stop() == 0


def test_health(server):
    assert grpc(server, """
from grpc_health.v1 import health_pb2, health_pb2_grpc
stub = health_pb2_grpc.HealthStub(channel())
names = ["", "opentelemetry.proto.collector.logs.v1.LogsService", "grpc.health.v1.Health"]
out = [stub.Check(health_pb2.HealthCheckRequest(service=name)).status for name in names]
try:
    stub.Check(health_pb2.HealthCheckRequest(service="nothing"))
except grpc.RpcError as e:
    out.append(e.code().name)
watch = stub.Watch(health_pb2.HealthCheckRequest())
out.append(next(watch).status)
watch.cancel()
print(json.dumps(out))
""") == [1, 1, 1, "NOT_FOUND", 1]


def test_an_acknowledged_call_survives_a_kill(server):
    """Eight clients send numbered lines; the server is killed; whatever was answered is there."""
    code = CALLS + """
def varint(v):
    out = bytearray()
    while v >= 0x80:
        out.append(v & 0x7F | 0x80); v >>= 7
    out.append(v)
    return bytes(out)
def field(n, data): return varint(n << 3 | 2) + varint(len(data)) + data
def body(text, ns): return field(1, field(2, field(2, b"\\x09" + ns.to_bytes(8, "little") + field(5, field(1, text)))))
done = []
def send(k):
    c = channel()
    for i in range(100000):
        text = b"%d-%d" % (k, i)
        try:
            unary(c)(body(text, 1795255300 * 10**9 + i * 1000), timeout=5)
        except grpc.RpcError:
            return
        done.append(text.decode())
threads = [threading.Thread(target=send, args=(k,)) for k in range(8)]
[t.start() for t in threads]
[t.join() for t in threads]
print(json.dumps(done))
"""
    folder = clients.FETCHED / "python/grpc"
    if not (folder / ".fetched").exists():
        pytest.skip("grpc is not there (scripts/clients)")
    port = server.door("grpc")
    sender = subprocess.Popen(["/usr/bin/python3", "-W", "ignore", "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={**os.environ, "URL": f"127.0.0.1:{port}", "PYTHONPATH": str(folder)})
    end = time.monotonic() + 30
    while server.metric("bole_ingest_rows_total") < 300:
        assert time.monotonic() < end
        time.sleep(0.05)
    server.kill()
    acknowledged = json.loads(sender.communicate(timeout=60)[0])
    server.start()
    there = {line for _, line in server.lines('{service_name="unknown_service"}')}
    assert len(acknowledged) > 200 and set(acknowledged) <= there


def test_tls(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "key", "-out", tmp_path / "cert", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    tls = ["--door-tls-cert", str(tmp_path / "cert"), "--door-tls-key", str(tmp_path / "key")]
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0", *tls]) as server:
        code = f"cert = open({str(tmp_path / 'cert')!r}, 'rb').read()\nbody = {message([record(5, b'secret')])!r}\n" + """
c = grpc.secure_channel(URL, grpc.ssl_channel_credentials(cert))
print(json.dumps([outcome(lambda: unary(c)(body, timeout=10)), outcome(lambda: unary(channel())(body, timeout=10))]))
"""
        got = grpc(server, code)
        assert got[0] == ["OK", ""] and got[1][0] == "UNAVAILABLE"
        assert [line for _, line in server.lines('{service_name="unknown_service"}')] == ["secret"]


def test_settings(tmp_path):
    with bole.Server(env={"BOLE_DOORS_GRPC": "127.0.0.1:0"}) as server:
        assert server.door("grpc")
        taken = subprocess.run([bole.BINARY, "serve", "--data", tmp_path, "--listen", "127.0.0.1:0", "--listen-grpc", f"127.0.0.1:{server.door('grpc')}"],
                               capture_output=True, text=True, timeout=20)
        assert taken.returncode == 1 and "cannot listen" in taken.stderr
    far = subprocess.run([bole.BINARY, "serve", "--data", tmp_path, "--listen", "127.0.0.1:0", "--listen-grpc", "0.0.0.0:0"],
                         capture_output=True, text=True, timeout=20)
    assert far.returncode == 1 and re.search("reachable from other machines", far.stderr)
