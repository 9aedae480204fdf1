#!/usr/bin/env python3
"""CPU of the server per line through the gRPC doors, beside the same lines as JSON lines and as OTLP over HTTP.

    scripts/clients; bench/grpc_doors.py FILE [--mb 25] [--rounds 3]

1,000 lines per request with a level and a trace id each, eight streams, four connections; until everything is in segments.
Needs build/release/bole (or BOLE_BIN) and grpcio (scripts/clients).
"""
import argparse
import http.client
import json
import pathlib
import statistics
import struct
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "build/clients/python/grpc")]

import grpc  # noqa: E402

import bole  # noqa: E402
from bole import field, varint  # noqa: E402

START, BATCH, STREAMS, CONNECTIONS = 1795255200 * 10**9, 1000, 8, 4


def trace_id(i):
    return b"%032x" % (i * 2654435761)


def json_lines(first, lines):
    return b"\n".join(json.dumps({"_msg": line.decode("latin1"), "_time": START + (first + k) * 1000, "level": "info", "app": f"x{k % STREAMS}",
                                  "trace_id": trace_id(first + k).decode()}).encode() for k, line in enumerate(lines))


def otlp(first, lines):
    out = b""
    for stream in range(STREAMS):
        records = b"".join(field(2, b"\x09" + struct.pack("<Q", START + (first + k) * 1000) + field(3, b"info") + field(5, field(1, lines[k])) +
                                 field(9, bytes.fromhex(trace_id(first + k).decode()))) for k in range(stream, len(lines), STREAMS))
        out += field(1, field(1, field(1, field(1, b"app") + field(2, field(1, b"x%d" % stream)))) + field(2, records))
    return out


def push(first, lines):
    out = varint(1 << 3) + varint(first + 1)
    for stream in range(STREAMS):
        body = field(1, field(1, b"app") + field(2, b"x%d" % stream))
        for k in range(stream, len(lines), STREAMS):
            body += field(2, b"\x09" + struct.pack("<Q", START + (first + k) * 1000) + field(2, lines[k]) +
                          field(3, field(1, b"level") + field(2, b"info")) + field(3, field(1, b"trace_id") + field(2, trace_id(first + k))))
        out += field(2, body)
    return out


def over_http(path, content_type):
    def send(server, bodies):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for body in bodies:
            connection.request("POST", path, body, {"Content-Type": content_type})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
    return send


def channel(server):
    return grpc.insecure_channel(f"127.0.0.1:{server.door('grpc')}", options=[("grpc.use_local_subchannel_pool", 1)])


def unary(server, bodies):
    call = channel(server).unary_unary("/opentelemetry.proto.collector.logs.v1.LogsService/Export", lambda b: b, lambda b: b)
    for body in bodies:
        call(body)


def stream(server, bodies):
    call = channel(server).stream_stream("/bole.v1.Logs/Push", lambda b: b, lambda b: b)
    assert len(list(call(iter(bodies)))) == len(bodies)


DOORS = [("JSON lines", json_lines, over_http("/insert/jsonline?_stream_fields=app", "application/json")),
         ("OTLP over HTTP", otlp, over_http("/v1/logs", "application/x-protobuf")),
         ("OTLP over gRPC", otlp, unary), ("bole.v1 Push", push, stream)]


def cpu_s(send, bodies, line_count):
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"]) as server:
        before = server.cpu_s()
        threads = [threading.Thread(target=send, args=(server, bodies[k::CONNECTIONS])) for k in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.request("POST", "/flush").status < 300
        assert server.metric("bole_ingest_rows_total") == line_count
        return server.cpu_s() - before


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--mb", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with open(args.file, "rb") as f:
        lines = f.read(args.mb * 1000 * 1000).splitlines()[:-1]
    batches = [(i, lines[i:i + BATCH]) for i in range(0, len(lines), BATCH)]
    figures = {}
    for name, encode, send in DOORS:
        bodies = [encode(*batch) for batch in batches]
        figures[name] = statistics.median(cpu_s(send, bodies, len(lines)) for _ in range(args.rounds))
        print(f"{name:16} {figures[name] / len(lines) * 1e6:6.2f} us per line, {figures[name] / figures['JSON lines']:.2f} beside JSON lines")


if __name__ == "__main__":
    main()
