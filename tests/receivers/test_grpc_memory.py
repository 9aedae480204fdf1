"""The gRPC door keeps to its memory, whatever its clients begin and do not end: a client of HTTP/2 that is no library's."""

import pathlib
import re
import selectors
import socket
import struct
import threading
import time

import bole
from test_otlp_grpc import grpc

DATA, HEADERS, RESET, SETTINGS, PING, AWAY, WINDOW = 0, 1, 3, 4, 6, 7, 8
PATH = b"/opentelemetry.proto.collector.logs.v1.LogsService/Export"
LIMIT_MB = 256
MESSAGE = 4 * 1000 * 1000  # what the door takes at most with this limit
STEP = 16384


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def header(name, value):  # HPACK, literal, not indexed
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


HEAD = b"".join(header(*h) for h in [(b":method", b"POST"), (b":scheme", b"http"), (b":path", PATH), (b":authority", b"x"),
                                     (b"te", b"trailers"), (b"content-type", b"application/grpc")])


class Halves:
    """One connection, many calls: each announces a large message, and sends half of it as far as the server's windows let it."""

    def __init__(self, port, calls):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.windows = {1 + 2 * i: 65535 for i in range(calls)}
        self.left = dict.fromkeys(self.windows, MESSAGE // 2)
        self.window, self.initial, self.input, self.closed = 65535, 65535, b"", False
        out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0)
        for stream in self.windows:
            out += frame(HEADERS, 4, stream, HEAD) + frame(DATA, 0, stream, b"\0" + struct.pack(">I", MESSAGE))
            self.windows[stream] -= 5
            self.window -= 5
        self.socket.sendall(out)
        self.socket.settimeout(0.05)

    def read(self):
        try:
            got = self.socket.recv(65536)
        except TimeoutError:
            return
        self.closed = not got
        self.input += got
        while len(self.input) >= 9:
            size = int.from_bytes(self.input[:3], "big")
            if len(self.input) < 9 + size:
                return
            kind, flags, stream = struct.unpack(">BBI", self.input[3:9])
            self.take(kind, flags, stream, self.input[9 : 9 + size])
            self.input = self.input[9 + size :]

    def take(self, kind, flags, stream, payload):
        if kind == WINDOW and stream == 0:
            self.window += int.from_bytes(payload, "big")
        elif kind == WINDOW and stream in self.windows:
            self.windows[stream] += int.from_bytes(payload, "big")
        elif kind == SETTINGS and not flags & 1:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at : at + 6])
                if name == 4:
                    self.windows = {s: w + value - self.initial for s, w in self.windows.items()}
                    self.initial = value
            self.socket.sendall(frame(SETTINGS, 1, 0))
        elif kind == PING and not flags & 1:
            self.socket.sendall(frame(PING, 1, 0, payload))
        elif kind == RESET or (kind == HEADERS and flags & 1):
            self.windows.pop(stream, None)
        elif kind == AWAY:
            self.closed = True

    def send(self):
        """Bytes that went out."""
        out, sent = [], 0
        for stream in self.windows:
            while (n := min(STEP, self.windows[stream], self.window, self.left[stream])) > 0:
                out.append(frame(DATA, 0, stream, b"\xff" * n))
                self.windows[stream] -= n
                self.left[stream] -= n
                self.window -= n
                sent += n
        self.socket.sendall(b"".join(out))
        return sent


def attack(port, calls, until, total):
    while time.monotonic() < until:
        try:
            c = Halves(port, calls)
            while time.monotonic() < until and not c.closed:
                c.read()
                total.append(c.send())
        except OSError:
            pass


def test_halves_of_messages_do_not_take_more_than_the_limit():
    with bole.Server(args=["--listen-grpc", "127.0.0.1:0"], env={"BOLE_MEMORY_LIMIT": f"{LIMIT_MB}MB"}) as s:
        total = []
        until = time.monotonic() + 4
        threads = [threading.Thread(target=attack, args=(s.door("grpc"), 30, until, total)) for _ in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        peak = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{s.process.pid}/status").read_text()).group(1)) / 1024
        assert sum(total) > 20e6  # it was tried
        assert peak < LIMIT_MB * 0.75, f"{peak:.0f} MB, {sum(total) / 1e6:.0f} MB sent"
        assert grpc(s, 'print(json.dumps(outcome(lambda: unary(channel())(b""))))') == ["OK", ""]
