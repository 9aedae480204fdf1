#!/usr/bin/env python3
"""CPU of the server per line through the doors that are not HTTP, and journald upload, beside the same lines as JSON lines.

    bench/socket_doors.py FILE [--mb 10] [--rounds 3]

Lines with a level and a trace id each, 1,000 at once, four connections; until everything is in segments. Needs
build/release/bole (or BOLE_BIN).
"""
import argparse
import http.client
import json
import pathlib
import re
import socket
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import bole  # noqa: E402

START, BATCH, CONNECTIONS = 1795255200, 1000, 4
STAMP = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START))


def trace_id(i):
    return "%032x" % (i * 2654435761)


def record(i, line):
    return {"message": line, "level": "info", "app": "x", "trace_id": trace_id(i)}


def json_lines(batch):
    return "\n".join(json.dumps({**record(i, line), "_time": START * 10**9 + i * 1000}) for i, line in batch).encode()


def gelf(batch):
    return b"".join(json.dumps({"version": "1.1", "host": "h", "short_message": line, "timestamp": START + i / 1e6, "level": 6, "_app": "x",
                                "_trace_id": trace_id(i)}).encode() + b"\0" for i, line in batch)


def syslog(i, line):
    return f'<14>1 {STAMP}.{i % 10**6:06}Z h x - - [t@1 trace_id="{trace_id(i)}"] {line}'.encode()


def syslog_counted(batch):
    return b"".join(b"%d %s" % (len(m), m) for m in (syslog(i, line) for i, line in batch))


def relp(batch):
    frames = [b"1 open 14 relp_version=0\n"] + [b"%d syslog %d %s\n" % (n + 2, len(m), m) for n, m in
                                                enumerate(syslog(i, line) for i, line in batch)]
    return b"".join(frames) + b"%d close 0\n" % (len(frames) + 1)


def text(value):  # MessagePack
    raw = value.encode()
    return b"\xda" + len(raw).to_bytes(2, "big") + raw if len(raw) < 65536 else b"\xdb" + len(raw).to_bytes(4, "big") + raw


def short(raw):  # as it is answered
    return bytes([0xA0 | len(raw)]) + raw


def forward(batch):
    entries = b"".join(b"\x92\xd7\0" + START.to_bytes(4, "big") + (i % 10**6 * 1000).to_bytes(4, "big") + b"\x84" +
                       b"".join(text(k) + text(v) for k, v in record(i, line).items()) for i, line in batch)
    return b"\x93" + text("x") + b"\xc6" + len(entries).to_bytes(4, "big") + entries + b"\x81" + text("chunk") + text("%d" % batch[0][0])


def journal(batch):
    return "".join(f"__REALTIME_TIMESTAMP={START * 10**6 + i}\nMESSAGE={line}\nPRIORITY=6\nSYSLOG_IDENTIFIER=x\nTRACE_ID={trace_id(i)}\n\n"
                   for i, line in batch).encode()


def over_http(path, content_type):
    def send(server, bodies):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for body in bodies:
            connection.request("POST", path, body, {"Content-Type": content_type})
            answer = connection.getresponse()
            assert answer.read() is not None and answer.status < 300
    return send


def over_socket(door, end=None):
    """`end`: what the last answer to a batch ends with."""
    def send(server, bodies):
        with socket.create_connection(("127.0.0.1", server.door(door)), timeout=60) as connection:
            for body in bodies:
                connection.sendall(body)
                answer = b""
                while end and not answer.endswith(end(body)):
                    answer = (answer + connection.recv(65536))[-200:]
    return send


def relp_sessions(server, bodies):
    for body in bodies:
        over_socket("relp", lambda _: b"0 serverclose 0\n")(server, [body])


DOORS = [("JSON lines", json_lines, over_http("/insert/jsonline?_stream_fields=app&_msg_field=message", "application/json")),
         ("journald upload", journal, over_http("/upload", "application/vnd.fdo.journal")),
         ("syslog", syslog_counted, over_socket("syslog")), ("RELP", relp, relp_sessions), ("GELF over TCP", gelf, over_socket("gelf")),
         ("Fluent forward", forward, over_socket("forward", lambda body: b"\xa3ack" + short(re.search(rb"chunk\xda..(\d+)$", body, re.S)[1])))]


def cpu_s(send, bodies, line_count):
    listen = [f for door in ("syslog", "relp", "gelf", "forward") for f in (f"--listen-{door}", "127.0.0.1:0")]
    with bole.Server(args=listen) as server:
        before = server.cpu_s()
        threads = [threading.Thread(target=send, args=(server, bodies[k::CONNECTIONS])) for k in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        end = time.monotonic() + 120
        while server.metric("bole_ingest_rows_total") < line_count:
            assert time.monotonic() < end, "lines are missing"
            time.sleep(0.2)
        assert server.request("POST", "/flush").status < 300
        return server.cpu_s() - before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--mb", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with open(args.file, "rb") as f:
        lines = list(enumerate(f.read(args.mb * 1000 * 1000).decode(errors="replace").split("\n")[:-1]))
    lines = [(i, line) for i, line in lines if line and len(line) < 60000]
    bodies = {name: [encode(lines[k:k + BATCH]) for k in range(0, len(lines), BATCH)] for name, encode, _ in DOORS}
    figures = {name: [] for name, _, _ in DOORS}
    for _ in range(args.rounds):
        for name, _, send in DOORS:
            figures[name].append(cpu_s(send, bodies[name], len(lines)))
    base = statistics.median(figures["JSON lines"])
    for name, runs in figures.items():
        print(f"{name:16} {statistics.median(runs) / len(lines) * 1e6:6.2f} us per line, {statistics.median(runs) / base:.2f} beside JSON lines")


if __name__ == "__main__":
    main()
