"""Bole's own service bole.v1 over gRPC, with the client that grpcio-tools generates from its proto file."""

import json
import os
import subprocess
import threading
import time

import pytest

import bole
import clients

START = 1795255200 * 10**9


@pytest.fixture
def server():
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"]) as s:
        yield s


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """logs_pb2.py and logs_pb2_grpc.py."""
    folder = clients.FETCHED / "python/grpc"
    if not (folder / ".fetched").exists():
        pytest.skip("grpc is not there (scripts/clients)")
    out = tmp_path_factory.mktemp("generated")
    subprocess.run(["/usr/bin/python3", "-m", "grpc_tools.protoc", f"-I{bole.ROOT / 'proto'}", f"--python_out={out}", f"--grpc_python_out={out}",
                    bole.ROOT / "proto/bole/v1/logs.proto"], check=True, env={**os.environ, "PYTHONPATH": str(folder)})
    return out


CALLS = """
import grpc, json, os, queue, sys, threading, time
sys.path.insert(0, os.environ["GENERATED"])
from bole.v1 import logs_pb2 as pb, logs_pb2_grpc
START = 1795255200 * 10**9
channel = grpc.insecure_channel(os.environ["URL"], options=[("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)])
logs = logs_pb2_grpc.LogsStub(channel)
def request(id, lines, labels={"app": "shop"}, **fields):
    records = [pb.Record(time_unix_nano=START + id * 1000 + i, line=line, fields=fields) for i, line in enumerate(lines)]
    return pb.PushRequest(id=id, streams=[pb.Stream(labels=labels, records=records)])
"""


def run(server, generated, code, **env):
    return json.loads(clients.python("grpc", CALLS + code, f"127.0.0.1:{server.door('grpc')}", GENERATED=str(generated), **env))


def test_pushed_records_are_answered_and_there(server, generated):
    got = run(server, generated, """
requests = [request(i, [b"line %d" % i, b"second"], trace_id="t%d" % i) for i in range(1, 501)]
print(json.dumps([[a.id, a.accepted, a.rejected, a.code] for a in logs.Push(iter(requests))]))
""")
    assert sorted(got) == [[i, 2, 0, 0] for i in range(1, 501)]
    assert [line for _, line in server.lines('{app="shop"} != "second"')] == [f"line {i}" for i in range(1, 501)]
    assert len(server.lines('{app="shop"} | trace_id="t77"')) == 2
    assert server.metric('bole_receive_records_total{door="bole_grpc"}') == 1000


def test_an_answer_comes_while_the_call_goes_on(server, generated):
    """Each message waits for the answer to the one before: no answer is held back until the end."""
    assert run(server, generated, """
out, answered = [], queue.Queue()
def requests():
    for i in range(1, 21):
        yield request(i, [b"x"])
        out.append(answered.get(timeout=10))
for a in logs.Push(requests()):
    answered.put(a.id)
print(json.dumps(out))
""") == list(range(1, 21))


def test_bad_messages_harm_nobody(server, generated):
    got = run(server, generated, """
raw = channel.stream_stream("/bole.v1.Logs/Push", request_serializer=lambda b: b, response_deserializer=pb.PushResponse.FromString)
def answers(call):
    out = []
    try:
        for a in call:
            out.append([a.id, a.accepted, a.rejected, a.code, a.message, a.retry_after_ms])
    except grpc.RpcError as e:
        out.append(e.code().name)
    return sorted(out, key=str)
good = request(1, [b"good"]).SerializeToString()
out = [answers(raw(iter([good, b"\\x08\\x05\\x12\\xff", b"\\xff" * 9, request(6, [b"a" * 800000, b"kept"]).SerializeToString(),
                         request(7, [b"x"], labels={}).SerializeToString()])))]
out.append(answers(raw(iter([good, b"\\0" * (33 << 20), good]))))
out.append(answers(raw(iter([good]), metadata=[("x-scope-orgid", "not/valid")])))
zipped = grpc.insecure_channel(os.environ["URL"], compression=grpc.Compression.Gzip, options=[("grpc.max_send_message_length", -1)])
raw = zipped.stream_stream("/bole.v1.Logs/Push", request_serializer=lambda b: b, response_deserializer=pb.PushResponse.FromString)
out.append(answers(raw(iter([good, b"\\0" * (130 << 20)]))))
print(json.dumps(out))
""")
    by_id = {answer[0]: answer for answer in got[0]}
    assert by_id[1][1:4] == [1, 0, 0]
    assert by_id[5][3] == by_id[0][3] == 3 and "at byte" in by_id[5][4] and by_id[5][5] == 0
    assert by_id[6][1:4] == [1, 1, 0] and "max entry size" in by_id[6][4]
    assert by_id[7][1:4] == [0, 1, 0] and "at least one label" in by_id[7][4]
    assert "RESOURCE_EXHAUSTED" in got[1] and got[2] == ["INVALID_ARGUMENT"]
    assert "RESOURCE_EXHAUSTED" in got[3] and [1, 1, 0, 0, "", 0] in got[3]
    assert "kept" in [line for _, line in server.lines('{app="shop"}')]


def test_a_client_that_takes_no_answers_is_not_read_any_further(server, generated):
    """It sends small messages for ever and reads nothing: the server stops reading, and holds little."""
    port = server.door("grpc")
    code = CALLS + """
import socket, struct
def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload
def literal(name, value):
    return b"\\0" + bytes([len(name)]) + name + bytes([len(value)]) + value
host, port = os.environ["URL"].split(":")
s = socket.create_connection((host, int(port)))
head = b"".join(literal(*h) for h in [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/bole.v1.Logs/Push"), (b":authority", b"x"),
                                      (b"te", b"trailers"), (b"content-type", b"application/grpc")])
# A window of nothing for what comes back.
s.sendall(b"PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n" + frame(4, 0, 0, struct.pack(">HI", 4, 0)) + frame(1, 4, 1, head))
message = pb.PushRequest(id=7).SerializeToString() or b""
data = b"".join(b"\\0" + struct.pack(">I", len(message)) + message for _ in range(1000))
window, stream_window, sent, buffer, end = 65535, 65535, 0, b"", time.time() + 4
s.setblocking(False)
out = b""
while time.time() < end:
    try:
        buffer += s.recv(65536)
    except BlockingIOError:
        time.sleep(0.001)
    while len(buffer) >= 9 and len(buffer) >= 9 + int.from_bytes(buffer[:3], "big"):
        size, kind, flags, stream = int.from_bytes(buffer[:3], "big"), buffer[3], buffer[4], int.from_bytes(buffer[5:9], "big")
        payload, buffer = buffer[9:9 + size], buffer[9 + size:]
        if kind == 8:
            if stream: stream_window += int.from_bytes(payload, "big")
            else: window += int.from_bytes(payload, "big")
        if kind == 4 and not flags: out += frame(4, 1, 0)
        if kind == 6 and not flags: out += frame(6, 1, 0, payload)
    if not out and min(window, stream_window) >= len(data):
        out = frame(0, 0, 1, data)
        window -= len(data); stream_window -= len(data); sent += len(data)
    if out:
        try:
            out = out[s.send(out):]
        except BlockingIOError:
            pass
print(json.dumps(sent))
"""
    got = json.loads(clients.python("grpc", code, f"127.0.0.1:{port}", GENERATED=str(generated)))
    assert got < 4 << 20
    assert server.rss_mb() < 100
    assert run(server, generated, "print(json.dumps([a.accepted for a in logs.Push(iter([request(1, [b'x'])]))]))") == [1]


def test_what_was_answered_survives_a_kill(server, generated):
    port = server.door("grpc")
    code = CALLS + """
done = []
def send(k):
    def requests():
        for i in range(1000000):
            yield request(k * 1000000 + i, [b"%d-%d" % (k, i)])
    try:
        for a in logs.Push(requests()):
            assert a.accepted == 1
            done.append("%d-%d" % divmod(a.id, 1000000))
    except grpc.RpcError:
        pass
threads = [threading.Thread(target=send, args=(k,)) for k in range(4)]
[t.start() for t in threads]
[t.join() for t in threads]
print(json.dumps(done))
os._exit(0)
"""
    sender = subprocess.Popen(["/usr/bin/python3", "-W", "ignore", "-c", code.replace("os._exit(0)", "sys.stdout.flush(); os._exit(0)")],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              env={**os.environ, "URL": f"127.0.0.1:{port}", "PYTHONPATH": str(clients.FETCHED / "python/grpc"), "GENERATED": str(generated)})
    end = time.monotonic() + 30
    while server.metric("bole_ingest_rows_total") < 2000:
        assert time.monotonic() < end
        time.sleep(0.05)
    server.kill()
    acknowledged = json.loads(sender.communicate(timeout=60)[0])
    server.start()
    there = {line for _, line in server.lines('{app="shop"}', limit="1000000")}
    assert len(acknowledged) > 1000 and set(acknowledged) <= there


def test_a_server_that_stops_ends_open_calls(server, generated):
    """What was sent is answered, and the call ends as one that can be made again."""
    port = server.door("grpc")
    code = CALLS + """
answered = threading.Event()
def requests():
    yield request(1, [b"before"])
    answered.wait(20)
    print("ready", flush=True)
    time.sleep(20)
out = []
try:
    for a in logs.Push(requests()):
        out.append(a.accepted)
        answered.set()
except grpc.RpcError as e:
    out.append(e.code().name)
print(json.dumps(out), flush=True)
os._exit(0)
"""
    sender = subprocess.Popen(["/usr/bin/python3", "-W", "ignore", "-c", code], stdout=subprocess.PIPE, text=True,
                              env={**os.environ, "URL": f"127.0.0.1:{port}", "PYTHONPATH": str(clients.FETCHED / "python/grpc"), "GENERATED": str(generated)})
    assert sender.stdout.readline() == "ready\n"
    begin = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - begin < 8
    assert json.loads(sender.communicate(timeout=20)[0]) == [1, "UNAVAILABLE"]


def test_reflection(server):
    got = json.loads(clients.python("grpc", """
import grpc, json, os
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
channel = grpc.insecure_channel(os.environ["URL"])
database = ProtoReflectionDescriptorDatabase(channel)
out = [sorted(database.get_services())]
pool = DescriptorPool(database)
service = pool.FindServiceByName("bole.v1.Logs")
out.append([m.name for m in service.methods])
out.append([f.name for f in pool.FindMessageTypeByName("bole.v1.Record").fields])
for name in ["bole.v1.Nothing", "bole", "", "x" * 10000]:
    try:
        out.append(str(database.FindFileContainingSymbol(name)))
    except KeyError:
        out.append("unknown")
print(json.dumps(out))
""", f"127.0.0.1:{server.door('grpc')}"))
    assert got == [["bole.v1.Logs", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection",
                    "opentelemetry.proto.collector.logs.v1.LogsService"], ["Push", "Query", "Tail"],
                   ["time_unix_nano", "line", "fields", "labels", "id"], "unknown", "unknown", "unknown", "unknown"]
