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


ROWS = """
def rows(**asked):
    out = []
    for answer in logs.Query(pb.QueryRequest(**asked)):
        out += answer.rows
        last = answer
    assert last.stats.rows_returned == len(out)
    return out
WIDE = dict(start_unix_nano=START - 10**9, end_unix_nano=START + 10**12)
"""


def test_rows_of_a_query(server, generated):
    server.push([({"app": "shop", "env": "p"}, [(START + i, f"line {i}", {"n": str(i)}) for i in range(12000)])])
    server.push([({"app": "shop"}, [(START + 20000, "other")])], headers={"X-Scope-OrgID": "red"})
    got = run(server, generated, ROWS + """
text = lambda found: [r.line.decode() for r in found]
everything = rows(query='{app="shop"}', limit=20000, forward=True, **WIDE)
first = everything[0]
out = {"all": text(everything), "first": [first.time_unix_nano, dict(first.labels), dict(first.fields), first.id],
       "newest": text(rows(query='{app="shop"}', **WIDE)), "filter": text(rows(query='{app="shop"} | n = 77', **WIDE)),
       "after": text(rows(query='{app="shop"}', limit=3, forward=True, after=everything[5].id, **WIDE)),
       "before": text(rows(query='{app="shop"}', limit=3, after=everything[5].id, **WIDE)), "words": text(rows(query="other OR 'line 7'", **WIDE)),
       "none": text(rows(query='{app="nothing"}', **WIDE)), "default": text(rows(query='{app="shop"}'))}
two = [a for a in logs.Query(pb.QueryRequest(query='{app="shop"} |= "other"', **WIDE), metadata=[("x-scope-orgid", "red|default")])]
out["tenants"] = [dict(r.labels) for a in two for r in a.rows]
series = [s for a in logs.Query(pb.QueryRequest(query='sum by (app) (count_over_time({app="shop"}[10s]))', instant=True, end_unix_nano=START + 10**9)) for s in a.series]
out["instant"] = [[dict(s.labels), [[p.time_unix_nano, p.value] for p in s.points]] for s in series]
series = [s for a in logs.Query(pb.QueryRequest(query='sum(count_over_time({app="shop"}[1s]))', start_unix_nano=START, end_unix_nano=START + 4 * 10**9, step_nanos=10**9)) for s in a.series]
out["range"] = [[p.time_unix_nano - START, p.value] for p in series[0].points]
table = list(logs.Query(pb.QueryRequest(query='{app="shop"} | stats count() by app', **WIDE)))
out["table"] = [list(table[0].columns), [dict(r.fields) | dict(r.labels) for a in table for r in a.rows]]
print(json.dumps(out))
""")
    lines = [f"line {i}" for i in range(12000)]
    assert got["all"] == lines and got["newest"] == lines[:-101:-1] and got["filter"] == ["line 77"]
    assert got["after"] == lines[6:9] and got["before"] == lines[4:1:-1]
    assert got["first"][0] == START and got["first"][1] == {"app": "shop", "env": "p", "service_name": "shop"}
    assert got["first"][2] == {"n": "0", "detected_level": "unknown"} and got["first"][3].startswith(f"{START}-")
    assert got["none"] == got["default"] == []
    assert got["tenants"] == [{"app": "shop", "service_name": "shop", "__tenant_id__": "red"}]
    assert got["instant"] == [[{"app": "shop"}, [[START + 10**9, 12000]]]]
    assert got["range"] == [[0, 1], [10**9, 11999]]
    assert got["table"][0] and got["table"][1][0]["app"] == "shop" and "12000" in got["table"][1][0].values()


def test_queries_that_are_wrong(server, generated):
    got = run(server, generated, """
def outcome(**asked):
    try:
        return [len(list(logs.Query(pb.QueryRequest(**asked))))]
    except grpc.RpcError as e:
        return [e.code().name, e.details()]
raw = channel.unary_stream("/bole.v1.Logs/Query", request_serializer=lambda b: b, response_deserializer=lambda b: b)
out = [outcome(query="{app="), outcome(query="{app='x'}", after="nonsense"), outcome(query="{app='x'}", start_unix_nano=5, end_unix_nano=4),
       outcome(query='rate({app="x"}[1m])', start_unix_nano=1, end_unix_nano=10**18, step_nanos=1)]
try:
    list(raw(b"\\x0a\\xff"))
except grpc.RpcError as e:
    out.append([e.code().name, e.details()])
print(json.dumps(out))
""")
    assert [answer[0] for answer in got] == ["INVALID_ARGUMENT"] * 5
    assert "parse error" in got[0][1] and "no id of a row" in got[1][1] and "at byte" in got[4][1]


def test_a_reader_that_stops_costs_little_and_a_cancelled_one_nothing(server, generated):
    line = "x" * 1000
    for k in range(20):
        server.push([({"app": "big"}, [(START + k * 2000 + i, f"{k} {i} {line}") for i in range(2000)])])
    before = server.rss_mb()
    got = run(server, generated, """
asked = pb.QueryRequest(query='{app="big"}', limit=40000, start_unix_nano=START - 10**9, end_unix_nano=START + 10**12)
calls = [logs.Query(asked) for _ in range(8)]
seen = []
for c in calls:
    try:
        seen.append(len(next(c).rows))
    except grpc.RpcError as e:
        seen.append(e.code().name)
print(json.dumps(seen), flush=True)
[c.cancel() for c in calls]
time.sleep(0.5)
assert sum(len(a.rows) for a in logs.Query(asked)) == 40000
""")
    assert sum(isinstance(n, int) and n > 0 for n in got) == 4 and got.count("RESOURCE_EXHAUSTED") == 4  # exports at once
    assert server.rss_mb() < before + 150


def follow(server, generated, code, **env):
    """Runs code in a process of its own, whose output is read line by line while the test goes on."""
    return subprocess.Popen(["/usr/bin/python3", "-W", "ignore", "-c", CALLS + code + "\nos._exit(0)"], stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "URL": f"127.0.0.1:{server.door('grpc')}", "PYTHONPATH": str(clients.FETCHED / "python/grpc"),
                                 "GENERATED": str(generated), **env})


def test_tail(server, generated):
    now = time.time_ns()
    server.push([({"app": "shop"}, [(now - 10**9 + i, f"before {i}") for i in range(20)])])
    tail = follow(server, generated, """
call = logs.Tail(pb.TailRequest(query='{app="shop"} != "hidden"', history=5))
cursor = ""
for answer in call:
    for r in answer.rows:
        print(json.dumps([r.line.decode("latin1"), dict(r.labels), dict(r.fields), r.id]), flush=True)
        if r.line == b"last":
            cursor = answer.cursor
    if cursor:
        break
print(json.dumps(cursor), flush=True)
""")
    try:
        got = [json.loads(tail.stdout.readline()) for _ in range(5)]
        assert [row[0] for row in got] == [f"before {i}" for i in range(15, 20)]
        for i in range(30):
            server.push([({"app": "shop"}, [(now + i, f"live {i}", {"n": str(i)}), (now + i, "hidden")]), ({"app": "other"}, [(now, "no")])])
        server.push([({"app": "shop"}, [(now + 100, "last")])])
        got = [json.loads(tail.stdout.readline()) for _ in range(31)]
        assert [row[0] for row in got] == [f"live {i}" for i in range(30)] + ["last"]
        assert got[3][1] == {"app": "shop", "service_name": "shop"} and got[3][2]["n"] == "3" and got[3][3].startswith(f"{now + 3}-")
        cursor = json.loads(tail.stdout.readline())
    finally:
        tail.kill()
        tail.wait()
    server.push([({"app": "shop"}, [(now + 50, "while nobody looked"), (now - 5 * 10**9, "an old stamp")])])
    got = run(server, generated, f"cursor = {cursor!r}" + """
out = []
for answer in logs.Tail(pb.TailRequest(query='{app="shop"}', after=cursor)):
    out += [r.line.decode() for r in answer.rows]
    if answer.cursor:
        break
def outcome(**asked):
    try:
        return next(logs.Tail(pb.TailRequest(**asked)))
    except grpc.RpcError as e:
        return e.code().name
print(json.dumps([out, outcome(query="rate({app='x'}[1m])"), outcome(query="{"), outcome(query="{a='b'}", after="x"), outcome(query="{a='b'}", history=10**6)]))
""")
    assert sorted(got[0]) == ["an old stamp", "while nobody looked"] and got[1:] == ["INVALID_ARGUMENT"] * 4
    end = time.monotonic() + 10
    while server.metric("bole_tail_clients") and time.monotonic() < end:
        time.sleep(0.05)
    assert server.metric("bole_tail_clients") == 0


def test_a_tail_that_nobody_reads_costs_itself_rows(server, generated):
    """Its rows are dropped and counted; a reader beside it has them all, and the server's memory stays where it was."""
    idle = follow(server, generated, """
call = logs.Tail(pb.TailRequest(query='{app="big"}'))
call.initial_metadata()
print("ready", flush=True)
time.sleep(60)
""")
    reader = follow(server, generated, """
call = logs.Tail(pb.TailRequest(query='{app="big"}'))
call.initial_metadata()
print("ready", flush=True)
rows = dropped = 0
for answer in call:
    rows += len(answer.rows)
    dropped += answer.dropped
    if answer.rows and answer.rows[-1].line.startswith(b"end"):
        break
print(json.dumps([rows, dropped]), flush=True)
""")
    try:
        assert idle.stdout.readline() == reader.stdout.readline() == "ready\n"
        line = "x" * 1000
        for k in range(40):
            server.push([({"app": "big"}, [(START + k * 1000 + i, line) for i in range(1000)])])
            time.sleep(0.05)
        server.push([({"app": "big"}, [(START + 10**9, "end")])])
        rows, dropped = json.loads(reader.stdout.readline())
        assert rows + dropped == 40001
        assert server.metric("bole_tail_dropped_total") > 1000
        assert server.rss_mb() < 250
    finally:
        for process in [idle, reader]:
            process.kill()
            process.wait()
    begin = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - begin < 8


def test_a_server_that_stops_ends_its_tails(server, generated):
    tail = follow(server, generated, """
call = logs.Tail(pb.TailRequest(query='{app="big"}'))
call.initial_metadata()
print("ready", flush=True)
try:
    next(call)
except grpc.RpcError as e:
    print(e.code().name, flush=True)
""")
    assert tail.stdout.readline() == "ready\n"
    begin = time.monotonic()
    assert server.stop() == 0 and time.monotonic() - begin < 8
    assert tail.stdout.readline() == "UNAVAILABLE\n"
    tail.wait()


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


def test_bole_query_over_grpc_prints_what_http_prints(server):
    server.push([({"app": "shop", "env": "p"}, [(START + i, f'line {i} "\u00fc"', {"n": str(i)}) for i in range(300)])])
    server.push([({"app": "shop"}, [(START, "red's")])], headers={"X-Scope-OrgID": "red"})
    wide = ["--from", "2026-11-21T09:00:00Z", "--to", "2026-11-21T11:00:00Z"]
    grpc = ["--grpc", f"127.0.0.1:{server.door('grpc')}"]

    def query(*args, http=True):
        done = subprocess.run([bole.BINARY, "query", *args, *wide, *(["--addr", server.url] if http else grpc)], capture_output=True, text=True, timeout=30)
        return done.returncode, done.stdout, done.stderr if not http else ""

    for args in [['{app="shop"}'], ['{app="shop"}', "-n", "0", "-o", "json"], ['{app="shop"}', "-n", "7", "--forward", "-o", "csv"], ['{app="shop"}', "-o", "raw"],
                 ['{app="shop"}', "--tenant", "red"], ['{app="shop"} | stats count() by env', "-n", "0"], ['{app="nothing"}'],
                 ['sum by (app) (count_over_time({app="shop"}[2h]))', "--instant"], ['sum(count_over_time({app="shop"}[1h]))', "--step", "30m", "-o", "csv"],
                 ['sum(rate({app="shop"}[1h]))', "--step", "30m", "-o", "json"]]:
        assert query(*args, http=False) == query(*args), args
    code, _, err = query('{app="shop"} | n > 1', "--stats", http=False)
    assert code == 0 and "lines scanned" in err
    code, _, err = query('{app="shop"} |~ "("', http=False)
    assert code == 2 or "error" in err
    done = subprocess.run([bole.BINARY, "query", '{app="shop"}', "--grpc", "127.0.0.1:1"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "error" in done.stderr


def test_the_door_without_its_module(tmp_path):
    """The program alone, without grpc.so beside it, says what is missing."""
    alone = tmp_path / "bole"
    alone.write_bytes(bole.BINARY.read_bytes())
    alone.chmod(0o755)
    done = subprocess.run([alone, "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--listen-grpc", "127.0.0.1:0"], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "libgrpc-dev" in done.stderr
