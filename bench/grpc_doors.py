#!/usr/bin/env python3
"""CPU of the server per line through the gRPC doors, beside the same lines as JSON lines and as OTLP over HTTP.

    scripts/clients; bench/grpc_doors.py FILE [--mb 25] [--rounds 3]

1,000 lines per request with a level and a trace id each, eight streams, four connections; until everything is in segments.
Needs build/release/bole (or BOLE_BIN) and grpcio (scripts/clients).
"""
import json
import pathlib
import struct
import sys

from doors import START_S, over_http, run, trace_id

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "build/clients/python/grpc"))

import grpc  # noqa: E402

from bole import field, varint  # noqa: E402

STREAMS = 8


def time_ns(i):
    return START_S * 10**9 + i * 1000


def json_lines(batch):
    return b"\n".join(json.dumps({"_msg": line, "_time": time_ns(i), "level": "info", "app": f"x{i % STREAMS}", "trace_id": trace_id(i)}).encode()
                      for i, line in batch)


def streams(batch):
    return [(b"x%d" % k, batch[k::STREAMS]) for k in range(STREAMS)]


def otlp(batch):
    out = b""
    for name, part in streams(batch):
        records = b"".join(field(2, b"\x09" + struct.pack("<Q", time_ns(i)) + field(3, b"info") + field(5, field(1, line.encode())) +
                                 field(9, bytes.fromhex(trace_id(i)))) for i, line in part)
        out += field(1, field(1, field(1, field(1, b"app") + field(2, field(1, name)))) + field(2, records))
    return out


def push(batch):
    out = varint(1 << 3) + varint(batch[0][0] + 1)
    for name, part in streams(batch):
        body = field(1, field(1, b"app") + field(2, name))
        for i, line in part:
            body += field(2, b"\x09" + struct.pack("<Q", time_ns(i)) + field(2, line.encode()) +
                          field(3, field(1, b"level") + field(2, b"info")) + field(3, field(1, b"trace_id") + field(2, trace_id(i).encode())))
        out += field(2, body)
    return out


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


if __name__ == "__main__":
    run(__doc__, ["grpc"], DOORS)
