"""The servers that engine.py measures: how each is started, fed, settled, asked, and weighed.

A server is started from a binary on an empty directory, or used where it is by its URL (then its disk is not weighed).
CPU is the process's own CPU clock (clock_getcpuclockid), which counts nanoseconds of all its threads, dead ones too.
"""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

READY_TIMEOUT_S = 90
SETTLED_SHARE = 0.04  # of a core, over a second


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def drop_caches():
    os.sync()
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("3\n")


def _pid_of_port(port):
    """Who listens there: for a peer given by URL, on this machine."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in pathlib.Path(table).read_text().splitlines()[1:]:
            cells = row.split()
            if cells[3] == "0A" and int(cells[1].split(":")[1], 16) == port:
                inodes.add(f"socket:[{cells[9]}]")
    for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) in inodes:
                return int(link.parts[2])
        except OSError:
            pass
    raise SystemExit(f"engine: nobody listens on port {port} here")


def _blocks(path):
    try:
        return path.stat().st_blocks if path.is_file() else 0
    except FileNotFoundError:  # merged away meanwhile
        return 0


def _tree_bytes(folder):
    return sum(map(_blocks, pathlib.Path(folder).rglob("*"))) * 512


class Server:
    """One server; the subclasses know its flags, paths and query language."""

    name = ready_path = push_path = raw_path = ""
    push_mode = "loki"
    wal_folders = ()

    def __init__(self, where, folder):
        self.is_ours = "://" not in where
        self.where, self.folder = str(pathlib.Path(where).resolve()) if self.is_ours else where, pathlib.Path(
            folder
        ).resolve()
        self.process = self.connection = None

    # ---- life ----

    def start(self, fresh=True):
        if not self.is_ours:
            self.host, self.port = urllib.parse.urlsplit(self.where).hostname, urllib.parse.urlsplit(self.where).port
            self.pid = _pid_of_port(self.port)
            return
        if fresh:
            shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.host, self.port = "127.0.0.1", free_port()
        with open(self.folder.with_suffix(".log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
        self.pid = self.process.pid
        self._wait_ready()

    def _wait_ready(self):
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"engine: {self.name} ended at once, see {self.folder.with_suffix('.log')}")
            try:
                if self.get(self.ready_path)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"engine: {self.name} did not get ready")

    def stop(self):
        self._hang_up()
        if self.process:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def remove(self):
        if self.is_ours:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.with_suffix(".log").unlink(missing_ok=True)

    # ---- talking ----

    def _hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def request(self, method, path, params=None, body=None, headers=None):
        url = path + ("?" + urllib.parse.urlencode(params) if params else "")
        for attempt in (0, 1):
            if not self.connection:
                self.connection = http.client.HTTPConnection(self.host, self.port, timeout=300)
            try:
                self.connection.request(method, url, body, headers or {})
                answer = self.connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):  # kept alive for too long
                self._hang_up()
                if attempt:
                    raise OSError(f"{self.name} does not answer") from None

    def get(self, path, params=None):
        return self.request("GET", path, params)

    def push_one(self, line):
        """One line in a stream of its own, now; returns when it is acknowledged."""
        body = json.dumps({"streams": [{"stream": {"service": "probe"}, "values": [[str(time.time_ns()), line]]}]})
        status, text = self.request("POST", self.push_path, body=body, headers={"Content-Type": "application/json"})
        if status // 100 != 2:
            raise SystemExit(f"engine: {self.name} refused a line: {status} {text[:200]}")

    # ---- figures ----

    def cpu_s(self):
        return time.clock_gettime((~self.pid << 3) | 2)

    def peak_mb(self):
        return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text()).group(1)) / 1024

    def disk_bytes(self):
        """(stored, write-ahead log)"""
        os.sync()  # blocks are counted when they are allocated, late
        wal = sum(_tree_bytes(self.folder / w) for w in self.wal_folders if (self.folder / w).exists())
        return _tree_bytes(self.folder) - wal, wal

    def settle(self, timeout_s=180):
        """Everything into segments, and no work left behind."""
        self.flush()
        deadline, before = time.monotonic() + timeout_s, self.cpu_s()
        while time.monotonic() < deadline:
            time.sleep(1)
            now = self.cpu_s()
            if now - before < SETTLED_SHARE:
                return
            before = now
        print(f"# {self.name} is still busy after {timeout_s} s")

    def rest(self):
        """What it does by itself when nothing comes for some minutes, at once."""


class LogqlServer(Server):
    """LogQL over Loki's API."""

    push_path = "/loki/api/v1/push"

    @staticmethod
    def _pipeline(q):
        ops = {"contains": "|=", "word": "|=", "regex": "|~", "trace": "| trace_id ="}
        labels = ", ".join(f'{k}="{v}"' for k, v in q.labels.items())
        text = "{" + labels + "}" + "".join(f" {ops[kind]} `{value}`" for kind, value in q.filters)
        if q.parser:
            text += f" | regexp `{q.parser[1]}`" if q.parser[0] == "regexp" else " | json"
        if q.at_least:
            text += f" | {q.at_least[0]} >= {q.at_least[1]}"
        return text

    def ask(self, q):
        """Returns the number of lines, or the total count, of the answer."""
        pipeline, span = self._pipeline(q), f"{q.span_s}s"
        if q.kind == "lines":
            path, params = "query_range", {
                "query": pipeline,
                "start": q.start_ns,
                "end": q.end_ns,
                "limit": q.limit,
                "direction": "backward",
            }
        elif q.kind == "count":
            path, params = "query", {"query": f"sum(count_over_time({pipeline} [{span}]))", "time": q.end_ns}
        elif q.kind == "top":
            drop = f' | {q.field}!=""'
            path, params = "query", {
                "query": f"topk(10, sum by ({q.field}) (count_over_time({pipeline}{drop} [{span}])))",
                "time": q.end_ns,
            }
        else:
            path = "query_range"
            params = {
                "query": f"sum by ({q.field}) (count_over_time({pipeline} [1m]))",
                "start": q.start_ns + q.offset_s * 10**9,
                "end": q.end_ns + q.offset_s * 10**9,
                "step": "60",
            }
        status, body = self.get("/loki/api/v1/" + path, params)
        if status != 200:
            raise RuntimeError(f"{self.name} answered {status}: {body[:300]!r}")
        return body

    @staticmethod
    def trace_id_in(body):
        return json.loads(body)["data"]["result"][0]["stream"]["trace_id"]

    @staticmethod
    def size_of(q, body):
        result = json.loads(body)["data"]["result"]
        if q.kind == "lines":
            return sum(len(s["values"]) for s in result)
        return sum(int(float(v)) for s in result for _, v in (s["values"] if "values" in s else [s["value"]]))


class Bole(LogqlServer):
    name, ready_path, wal_folders = "bole", "/ready", ("wal",)
    raw_path = "/insert/jsonline?_stream_fields=service,host&_time_field=_time&_msg_field=_msg"

    def command(self):
        return [self.where, "serve", "--data", self.folder, "--listen", f"{self.host}:{self.port}"]

    def flush(self):
        self.request("POST", "/flush")
        self.request("POST", "/api/v1/merge")

    def rest(self):
        self.request("POST", "/api/v1/merge?idle=true")


class Loki(LogqlServer):
    """Its limits are lifted where they would refuse the workload; everything else is its default."""

    name, ready_path, wal_folders = "loki", "/ready", ("wal",)
    CONFIG = """
auth_enabled: false
analytics: {{reporting_enabled: false}}
server:
  http_listen_address: 127.0.0.1
  http_listen_port: {port}
  grpc_listen_address: 127.0.0.1
  grpc_listen_port: {grpc}
  log_level: error
frontend: {{address: 127.0.0.1}}
common:
  path_prefix: {folder}
  replication_factor: 1
  ring: {{instance_addr: 127.0.0.1, kvstore: {{store: inmemory}}}}
  storage: {{filesystem: {{chunks_directory: {folder}/chunks, rules_directory: {folder}/rules}}}}
storage_config: {{use_thanos_objstore: true, object_store: {{filesystem: {{dir: {folder}/chunks}}}}}}
schema_config:
  configs:
    - {{from: 2020-10-24, store: tsdb, object_store: filesystem, schema: v13, index: {{prefix: index_, period: 24h}}}}
limits_config:
  ingestion_rate_mb: 10000
  ingestion_burst_size_mb: 10000
  per_stream_rate_limit: 10GB
  per_stream_rate_limit_burst: 10GB
  max_global_streams_per_user: 0
  max_entries_limit_per_query: 1000000
  max_query_series: 1000000
  max_query_length: 0
  query_timeout: 10m
  discover_log_levels: false
  discover_service_name: []
  reject_old_samples: false
"""

    def command(self):
        config = self.folder / "config.yaml"
        config.write_text(self.CONFIG.format(port=self.port, grpc=free_port(), folder=self.folder))
        return [self.where, f"-config.file={config}"]

    def flush(self):
        self.request("POST", "/flush")
        before = None
        for _ in range(120):  # it goes on in the background
            time.sleep(1)
            metrics = self.get("/metrics")[1].decode()
            now = re.findall(r"^loki_ingester_(?:chunks_flushed_total|flush_queue_length)\S* \S+$", metrics, re.M)
            if now == before:
                return
            before = now


class VictoriaLogs(Server):
    """LogsQL. Its word filter stands for a delimited token, its regexp filter for a bare substring; JSON stays a line."""

    name, ready_path, push_path = "victorialogs", "/health", "/insert/loki/api/v1/push?disable_message_parsing=1"
    raw_path = Bole.raw_path

    def command(self):
        return [
            self.where,
            f"-storageDataPath={self.folder}",
            f"-httpListenAddr={self.host}:{self.port}",
            "-retentionPeriod=100y",
            "-search.maxQueryDuration=10m",
            "-loggerLevel=ERROR",
        ]

    def flush(self):
        self.get("/internal/force_flush")
        self.get("/internal/force_merge")

    @staticmethod
    def _filter(kind, value):
        if kind == "trace":
            return f"trace_id:={json.dumps(value)}"
        if kind == "word":
            return json.dumps(value.strip(" ,;:=/[]()'<>"))
        return "~" + json.dumps(value if kind == "regex" else re.escape(value).replace("\\ ", " "))

    def ask(self, q):
        labels = ",".join(f'{k}="{v}"' for k, v in q.labels.items())
        text = " ".join(["{" + labels + "}"] + [self._filter(*f) for f in q.filters])
        if q.parser:
            text += (
                f" | extract_regexp {json.dumps(q.parser[1])}"
                if q.parser[0] == "regexp"
                else f" | unpack_json fields ({q.field or q.at_least[0]})"
            )
        if q.at_least:
            text += f" | filter {q.at_least[0]}:>={q.at_least[1]}"
        if q.kind == "top":
            text += f' | filter {q.field}:!"" | top 10 by ({q.field})'
        elif q.kind == "count":
            text += " | stats count() hits"
        elif q.kind == "by_minute":
            text += f" | stats by (_time:1m{f' offset {q.offset_s}s' if q.offset_s else ''}, {q.field}) count() hits"
        params = {"query": text, "start": str(q.start_ns), "end": str(q.end_ns)}
        if q.kind == "lines":
            params["limit"] = q.limit
        status, body = self.get("/select/logsql/query", params)
        if status != 200:
            raise RuntimeError(f"{self.name} answered {status}: {body[:300]!r}")
        return body

    @staticmethod
    def trace_id_in(body):
        return json.loads(body.splitlines()[0])["trace_id"]

    @staticmethod
    def size_of(q, body):
        rows = [json.loads(row) for row in body.splitlines() if row]
        return len(rows) if q.kind == "lines" else sum(int(r["hits"]) for r in rows)


KINDS = {k.name: k for k in (Bole, VictoriaLogs, Loki)}
