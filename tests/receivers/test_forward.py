"""The door for Fluent's forward protocol, with the loggers that people use and with every mode written by hand."""

import gzip
import hashlib
import json
import os
import socket
import ssl
import struct
import time

import pytest

import bole
import clients
from test_cli_tls import make_certificate
from test_syslog import records
from test_wrong_types import MARK, WRONG, places, replaced

QUERY = '{service_name=~".+"}'


@pytest.fixture
def server():
    with bole.Server(args=["--listen-forward", "127.0.0.1:0"]) as s:
        yield s


PYTHON = """
import os
from fluent import sender, handler
import logging
host, port = os.environ["URL"].split(":")
for precise in (False, True):
    s = sender.FluentSender("shop", host=host, port=int(port), nanosecond_precision=precise)
    for i in range(50):
        assert s.emit_with_time("orders", 1795255200.25 if precise else 1795255200,
                                {"message": f"line {precise} {i} \\u00fc", "user": {"id": i, "tags": ["a", 1]}, "ok": True})
    s.close()
h = handler.FluentHandler("worker", host=host, port=int(port))
h.setFormatter(handler.FluentRecordFormatter({"level": "%(levelname)s", "logger": "%(name)s"}))
log = logging.Logger("my.logger")
log.addHandler(h)
log.error({"message": "it broke"})
h.close()
"""


def test_python_fluent_logger(server):
    clients.python("fluent-logger", PYTHON, f"127.0.0.1:{server.door('forward')}")
    got = dict(records(server, QUERY, count=101))
    labels = got["line False 7 ü"]
    assert (labels["service_name"], labels["tag"], labels["user_id"], labels["user_tags"], labels["ok"]) == \
        ("shop.orders", "shop.orders", "7", '["a",1]', "true")
    assert got["it broke"]["detected_level"] == "error"
    times = {ns for ns, line in server.lines('{service_name="shop.orders"}', end=1795255300 * 10**9)}
    assert times == {1795255200 * 10**9, 1795255200 * 10**9 + 250_000_000}


NODE = """
const { FluentClient } = require("@fluent-org/logger");
const [host, port] = process.env.URL.split(":");
(async () => {
  for (const mode of ["Message", "Forward", "PackedForward", "CompressedPackedForward"]) {
    const client = new FluentClient("node", { eventMode: mode, ack: { ackTimeout: 10000 }, flushInterval: 10, SECURITY
      socket: { host, port: Number(port), timeout: 5000, tls: undefined } });
    const sent = [];
    for (let i = 0; i < 100; i++) sent.push(client.emit(mode, { message: `${mode} ${i} \\u00fc`, i }));
    await Promise.all(sent);     // resolved by the acknowledgements
    console.log(mode, "acknowledged");
    await client.disconnect();
  }
})().catch(e => { console.error(e); process.exit(1); });
"""
MODES = ["Message", "Forward", "PackedForward", "CompressedPackedForward"]


def check_modes(server, out):
    assert out.split("\n")[:4] == [f"{mode} acknowledged" for mode in MODES]
    found = {line: labels for line, labels in records(server, QUERY, count=400)}
    assert set(found) == {f"{mode} {i} ü" for mode in MODES for i in range(100)}
    assert found["PackedForward 5 ü"]["tag"] == "node.PackedForward"


def test_node_fluent_logger_waits_for_acknowledgements(server):
    check_modes(server, clients.node("fluent-logger", NODE.replace("SECURITY", ""), f"127.0.0.1:{server.door('forward')}"))


def test_node_fluent_logger_with_a_shared_key(tmp_path):
    (tmp_path / "key").write_text("s3cret ü\n")
    with bole.Server(args=["--listen-forward", "127.0.0.1:0", "--forward-shared-key-file", str(tmp_path / "key")]) as server:
        address = f"127.0.0.1:{server.door('forward')}"
        security = 'security: { clientHostname: "web-1", sharedKey: "s3cret \\u00fc" },'
        check_modes(server, clients.node("fluent-logger", NODE.replace("SECURITY", security), address))
        refused = server.metric('bole_socket_failed_total{door="forward"}')
        wrong = NODE.replace("SECURITY", security.replace("s3cret", "guess"))
        with pytest.raises(AssertionError):
            clients.node("fluent-logger", wrong.replace("10000", "500").replace("setup", "") + "setTimeout(() => process.exit(2), 3000);", address)
        assert server.metric("bole_ingest_rows_total") == 400
        assert refused == 0
        assert "s3cret" not in server.get("/config").text


# ---- by hand ----

def pack(value):
    """MessagePack of what the tests need."""
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return b"\xcf" + struct.pack(">Q", value)
    if isinstance(value, float):
        return b"\xcb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return b"\xc6" + struct.pack(">I", len(value)) + value
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    if isinstance(value, list):
        return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
    return b"\xdf" + struct.pack(">I", len(value)) + b"".join(pack(k) + pack(v) for k, v in value.items())


def ack(chunk):
    return b"\x81\xa3ack" + (bytes([0xa0 | len(chunk)]) if len(chunk) < 32 else b"\xdb" + struct.pack(">I", len(chunk))) + chunk.encode()


def receive(connection, count):
    out = b""
    while len(out) < count and (more := connection.recv(count - len(out))):
        out += more
    return out


def connect(server):
    return socket.create_connection(("127.0.0.1", server.door("forward")), timeout=20)


def test_what_is_acknowledged_survives_a_kill(server):
    with connect(server) as connection:
        for i in range(200):
            chunk = f"chunk-{i}"
            connection.sendall(pack(["app", [[1795255200, {"log": f"line {i} {j}"}] for j in range(10)], {"chunk": chunk}]))
            assert receive(connection, len(ack(chunk))) == ack(chunk)
        server.kill()
    server.start()
    got = [line for _, line in server.lines('{service_name="app"}', end=1795255300 * 10**9)]
    assert sorted(got) == sorted(f"line {i} {j}" for i in range(200) for j in range(10))


def test_a_chunk_whose_acknowledgement_got_lost_is_not_stored_twice(server):
    message = pack(["app", [[1795255200, {"log": f"line {j}"}] for j in range(10)], {"chunk": "c"}])
    with connect(server) as connection:
        connection.sendall(message)
        assert receive(connection, len(ack("c"))) == ack("c")
    for _ in range(3):
        with connect(server) as connection:
            connection.sendall(message)
            assert receive(connection, len(ack("c"))) == ack("c")
    assert server.metric("bole_ingest_rows_total") == 10


def test_over_tls(tmp_path):
    cert, key = make_certificate(tmp_path, "bole-test", "-addext", "subjectAltName=IP:127.0.0.1")
    with bole.Server(args=["--listen-forward-tls", "127.0.0.1:0", "--door-tls-cert", str(cert), "--door-tls-key", str(key)]) as server:
        plain = socket.create_connection(("127.0.0.1", server.door("forward_tls")), timeout=20)
        with ssl.create_default_context(cafile=cert).wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            connection.sendall(pack(["app", [[1795255200, {"log": "over TLS"}]], {"chunk": "c"}]))
            assert receive(connection, len(ack("c"))) == ack("c")
        assert [line for _, line in server.lines('{service_name="app"}', end=1795255300 * 10**9)] == ["over TLS"]


def test_a_chunk_larger_than_the_buffers(server):
    entries = b"".join(pack([1795255200, {"log": f"line {i} " + os.urandom(400).hex()}]) for i in range(10_000))
    with connect(server) as connection:
        for option, data in (({"chunk": "c" * 40}, entries), ({"chunk": "d", "compressed": "gzip"}, gzip.compress(entries, 1))):
            connection.sendall(pack(["big", data, option]))
            assert receive(connection, len(ack(option["chunk"]))) == ack(option["chunk"])
    assert server.metric("bole_ingest_rows_total") == 20_000


def test_what_is_broken_ends_the_connection_and_nobody_elses(server):
    with connect(server) as good:
        for bad in (b"GET / HTTP/1.1\r\n\r\n", pack({"a": 1}), b"\xc1", b"\xdd\xff\xff\xff\xff",
                    pack(["app", b"no gzip", {"compressed": "gzip"}])):
            with connect(server) as connection:
                connection.sendall(bad)
                assert connection.recv(100) == b"", bad
        good.sendall(pack(["app", b"\x92\x01", {"chunk": "x"}])) # which could only be sent again
        assert receive(good, len(ack("x"))) == ack("x")
        good.sendall(pack(["app", 1795255200, {"log": "still here"}, {"chunk": "z"}]))
        assert receive(good, len(ack("z"))) == ack("z")
    assert server.metric('bole_socket_lost_total{door="forward",reason="malformed"}') == 6


ENTRIES = [[1795255200, {"log": "one", "k": {"n": ["v", 1]}}], [1795255201, {"log": "two"}]]
FORMS = {
    "Message": (["app", 1795255200, {"log": "one", "k": {"n": ["two"]}}, {"chunk": "c"}], lambda m: m),
    "Forward": (["app", ENTRIES, {"chunk": "c", "size": 2}], lambda m: m),
    "PackedForward": (["app", ENTRIES, {"chunk": "c"}], lambda m: [b"".join(map(pack, e)) if i == 1 and isinstance(e, list) else e for i, e in enumerate(m)]
                      if isinstance(m, list) else m),
    "with metadata": (["app", [[[1795255200, {"meta": "one"}], {"log": "two"}]], {"chunk": "c"}], lambda m: m),
}


@pytest.mark.parametrize("form", FORMS)
def test_wrong_types_place_by_place(server, form):
    """What is acknowledged is in the records, whole, or counted as lost; else the connection ends."""
    right, shape = FORMS[form]
    acked = []

    def told():
        return sum(float(line.rsplit(" ", 1)[1]) for line in server.get("/metrics").text.splitlines()
                   if line.startswith('bole_socket_lost_total{door="forward"'))

    for path in places(right):
        for fresh in [7707077.5, *WRONG] if path else [None]:
            text = json.dumps(replaced(right, path, fresh) if path else right)
            number = len(acked)
            for word in ("one", "two", MARK):
                text = text.replace(word, f"{word}{number}x")
            message = json.loads(text)
            option = message[-1] if isinstance(message, list) and message and isinstance(message[-1], dict) else {}
            with connect(server) as connection:
                before = told()
                connection.sendall(pack(shape(message)))
                connection.shutdown(socket.SHUT_WR) # what is not taken as a message ends with this
                is_acked = receive(connection, 5)[:5] == ack("c")[:5]
            said = [f"{word}{number}x" for word in ("one", "two", MARK) if f"{word}{number}x" in json.dumps([m for m in message if m is not option])] \
                if isinstance(message, list) else []
            acked.append((is_acked, told() - before, said, path, fresh))
    assert acked[0][:2] == (True, 0)
    stored = json.dumps([[line, labels] for line, labels in records(server, QUERY, start=0)])
    gone = [entry for entry in acked if entry[0] and entry[1] == 0 and not all(word in stored for word in entry[2])]
    assert not gone, "\n".join(map(str, gone))
    assert sum(entry[0] for entry in acked) > len(acked) / 2


def test_half_a_message_is_told(server):
    with connect(server) as connection:
        connection.sendall(pack(["app", 1795255200, {"log": "never"}])[:-3])
    end = time.monotonic() + 20
    while not any("was not finished" in line and "127.0.0.1" in line for line in server.log):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert server.metric('bole_socket_failed_total{door="forward"}') == 1
    assert server.metric("bole_ingest_rows_total") == 0


def test_a_shared_key_by_hand(tmp_path):
    (tmp_path / "key").write_text("k\n")

    def digest(salt, host, nonce):
        return hashlib.sha512(salt + host + nonce + b"k").hexdigest()

    with bole.Server(args=["--listen-forward", "127.0.0.1:0", "--forward-shared-key-file", str(tmp_path / "key")]) as server:
        nonces = set()
        for right in (True, False):
            with connect(server) as connection:
                hello = receive(connection, 48)
                nonce = hello[15:31]
                nonces.add(nonce)
                connection.sendall(pack(["PING", "me", b"salt", digest(b"salt", b"me", nonce if right else b"0" * 16), "", ""]) +
                                   pack(["app", 1795255200, {"log": "in"}]))
                answer = b""
                while more := connection.recv(1000):
                    answer += more
                    if right:
                        break
                assert answer.startswith(b"\x95\xa4PONG" + (b"\xc3\xa0" if right else b"\xc2"))
                if right:
                    assert digest(b"salt", b"bole", nonce).encode() in answer
        assert len(nonces) == 2
        end = time.monotonic() + 20
        while server.metric("bole_ingest_rows_total") < 1 and time.monotonic() < end:
            time.sleep(0.05)
        assert server.metric("bole_ingest_rows_total") == 1
