#!/usr/bin/env python3
"""CPU of the server through the doors that are not HTTP, journald upload, Firehose and CloudWatch, beside the same lines as JSON lines.

    bench/socket_doors.py FILE [--mb 10] [--rounds 3]

Lines with a level and a trace id each (CloudWatch: an id), 1,000 at once, four connections; until everything is in segments. Needs
build/release/bole (or BOLE_BIN).
"""
import base64
import gzip
import json
import re
import socket
import time

from doors import START_S, over_http, run, trace_id

STAMP = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START_S))


def record(i, line):
    return {"message": line, "level": "info", "app": "x", "trace_id": trace_id(i)}


def timed(i, line):
    return json.dumps({**record(i, line), "timestamp": START_S * 10**9 + i * 1000})


def json_lines(batch):
    return "\n".join(timed(i, line) for i, line in batch).encode()


def delivery(records):
    data = [{"data": base64.b64encode(record).decode()} for record in records]
    return json.dumps({"requestId": "1", "timestamp": START_S * 1000, "records": data}).encode()


def firehose(batch):
    return delivery((timed(i, line) + "\n").encode() for i, line in batch)


def cloudwatch(batch):
    events = [{"id": str(i), "timestamp": START_S * 1000 + i // 1000, "message": line} for i, line in batch]
    return gzip.compress(json.dumps({"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": "x", "logStream": "y", "subscriptionFilters": ["z"],
                                     "logEvents": events}).encode())


def gelf(batch):
    return b"".join(json.dumps({"version": "1.1", "host": "h", "short_message": line, "timestamp": START_S + i / 1e6, "level": 6, "_app": "x",
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
    entries = b"".join(b"\x92\xd7\0" + START_S.to_bytes(4, "big") + (i % 10**6 * 1000).to_bytes(4, "big") + b"\x84" +
                       b"".join(text(k) + text(v) for k, v in record(i, line).items()) for i, line in batch)
    return b"\x93" + text("x") + b"\xc6" + len(entries).to_bytes(4, "big") + entries + b"\x81" + text("chunk") + text("%d" % batch[0][0])


def journal(batch):
    return "".join(f"__REALTIME_TIMESTAMP={START_S * 10**6 + i}\nMESSAGE={line}\nPRIORITY=6\nSYSLOG_IDENTIFIER=x\nTRACE_ID={trace_id(i)}\n\n"
                   for i, line in batch).encode()


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


DOORS = [("JSON lines", json_lines, over_http("/insert/jsonline?_stream_fields=app&_msg_field=message&_time_field=timestamp", "application/json")),
         ("journald upload", journal, over_http("/upload", "application/vnd.fdo.journal")),
         ("Firehose", firehose, over_http("/firehose", "application/json")),
         ("CloudWatch, gzip", cloudwatch, over_http("/cloudwatch", "application/octet-stream")),
         ("syslog", syslog_counted, over_socket("syslog")), ("RELP", relp, relp_sessions), ("GELF over TCP", gelf, over_socket("gelf")),
         ("Fluent forward", forward, over_socket("forward", lambda body: b"\xa3ack" + short(re.search(rb"chunk\xda..(\d+)$", body, re.S)[1])))]

if __name__ == "__main__":
    run(__doc__, ["syslog", "relp", "gelf", "forward"], DOORS)
