"""Runs a real bole and speaks to it. Loopback only; every process is stopped by its id."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("BOLE_BIN", ROOT / "build/release/bole"))
READY_S = 20


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Server:
    """One `bole serve` on a free port."""

    def __init__(self, data=None, args=(), env=None, binary=None, wait=True):
        self._own_dir = tempfile.TemporaryDirectory(prefix="bole-test-") if data is None else None
        self.data = pathlib.Path(data or self._own_dir.name)
        self.args = list(args)
        self.env = {**os.environ, **(env or {})}
        self.binary = binary or BINARY
        self.process = None
        self.log = []
        self.start(wait)

    def start(self, wait=True):
        self.port = None
        self._doors = {}
        begin = time.monotonic()
        listen = [] if "--listen" in self.args else ["--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            [str(self.binary), "serve", "--data", str(self.data), *listen, *self.args],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=self.env)
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read_log, args=(self.process,), daemon=True)
        self._reader.start()
        if wait:
            if not self._listening.wait(READY_S) or self.port is None:
                self.kill()
                raise RuntimeError("bole did not start:\n" + "\n".join(self.log))
            self.ready_s = time.monotonic() - begin

    def _read_log(self, process):
        for raw in process.stderr:
            line = raw.decode(errors="replace").rstrip("\n")
            self.log.append(line)
            found = re.search(r'msg="?listening"?.*address="?[^" ]*:(\d+)"?', line)
            if found and self.port is None:
                self.port = int(found.group(1))
                self._listening.set()
            elif found:
                self._doors[re.search(r"door=(\S+)", line).group(1)] = int(found.group(1))
        self._listening.set()

    def door(self, name):
        """The port of a door that is not HTTP; these are announced behind it."""
        end = time.monotonic() + READY_S
        while name not in self._doors and time.monotonic() < end:
            time.sleep(0.01)
        return self._doors[name]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def kill(self, number=signal.SIGKILL):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(30)
        self._reader.join(5)
        self.process.stderr.close()
        return status

    def stop(self):
        return self.kill(signal.SIGTERM)

    def close(self):
        self.kill()
        if self._own_dir:
            self._own_dir.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- HTTP ----

    def request(self, method, path, body=None, headers=None, timeout=30):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())

    def get(self, path, params=None, headers=None):
        if params:
            path += "?" + urllib.parse.urlencode(params, doseq=True)
        return self.request("GET", path, headers=headers)

    def push(self, streams, headers=None):
        """streams: [(labels, [(ns, line) or (ns, line, metadata)])]"""
        body = json.dumps({"streams": [
            {"stream": labels, "values": [[str(v[0]), *v[1:]] for v in values]} for labels, values in streams]})
        return self.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/json", **(headers or {})})

    def query_range(self, query, start=0, end=None, headers=None, **more):
        params = {"query": query, "start": str(start), "end": str(end or time.time_ns() + 10**9), "limit": "100000", **more}
        answer = self.get("/loki/api/v1/query_range", params, headers)
        assert answer.status == 200, answer.text
        return answer.json()["data"]

    def lines(self, query, **more):
        """All (ns, line) of a query, oldest first; equal times in the order of their arrival."""
        found = [(int(v[0]), v[1]) for s in self.query_range(query, direction="forward", **more)["result"] for v in s["values"]]
        return sorted(found, key=lambda entry: entry[0])

    def metric(self, name):
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(name + " ") or line.startswith(name + "{"):
                return float(line.rsplit(" ", 1)[1])
        raise KeyError(name)

    def cpu_s(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024


# ---- Loki's protobuf, written by hand so that any byte can be sent ----

def varint(value):
    out = bytearray()
    value &= (1 << 64) - 1
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def snappy_block(data):
    """Valid snappy without compression: literals only."""
    out = bytearray(varint(len(data)))
    for at in range(0, len(data), 65536):
        part = data[at:at + 65536]
        out += struct.pack("<BH", 61 << 2, len(part) - 1) + part
    return bytes(out)


def push_proto(streams):
    """streams: [(label text, [(ns, line bytes, {metadata})])] as a snappy PushRequest."""
    body = b""
    for labels, entries in streams:
        stream = field(1, labels.encode())
        for ns, line, *metadata in entries:
            stamp = varint(1 << 3) + varint(ns // 10**9) + varint(2 << 3) + varint(ns % 10**9)
            entry = field(1, stamp) + field(2, line)
            for name, value in (metadata[0] if metadata else {}).items():
                entry += field(3, field(1, name.encode()) + field(2, value.encode()))
            stream += field(2, entry)
        body += field(1, stream)
    return snappy_block(body)


# ---- load with a journal of what was acknowledged ----

class Load:
    """Threads that push numbered lines over kept-alive connections; remembers every number that was acknowledged."""

    def __init__(self, server, first=0, threads=4, lines=(1, 1, 5, 50)):
        self.server, self.lines = server, lines
        self.acked, self.sent = set(), set()
        self._next, self._lock, self._stop = first, threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(threads)]
        for thread in self._threads:
            thread.start()

    def _take(self, count):
        with self._lock:
            numbers = range(self._next, self._next + count)
            self._next += count
            self.sent.update(numbers)
        return numbers

    def _run(self, index):
        turn = index
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        while not self._stop.is_set():
            numbers = self._take(self.lines[turn % len(self.lines)])
            turn += 1
            now = time.time_ns()
            body = json.dumps({"streams": [{"stream": {"job": "load", "thread": str(index)}, "values": [
                [str(now + i), f"number={n} some text to carry with it"] for i, n in enumerate(numbers)]}]})
            try:
                connection.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                return  # the server is gone: these numbers are not acknowledged
            if response.status == 204:
                with self._lock:
                    self.acked.update(numbers)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(30)


def stored_numbers(server, tenant=None, job="load"):
    """How often each number of a Load is there."""
    counts, headers = {}, {"X-Scope-OrgID": tenant} if tenant else None
    answer = server.get("/api/v1/query", {"query": f'{{job="{job}"}}', "start": "0", "end": str(time.time_ns() + 10**10),
                                          "direction": "forward"}, headers)
    assert answer.status == 200, answer.text
    for row in answer.text.splitlines():
        found = re.match(r"number=(\d+) ", json.loads(row).get("line", ""))
        if found:
            counts[int(found.group(1))] = counts.get(int(found.group(1)), 0) + 1
    return counts


def verdict(counts, acked, sent):
    """(lost, doubled, invented): acknowledged but not there; there twice; there but never sent."""
    lost = sorted(n for n in acked if n not in counts)
    doubled = sorted(n for n, times in counts.items() if times > 1)
    invented = sorted(n for n in counts if n not in sent)
    return lost, doubled, invented
