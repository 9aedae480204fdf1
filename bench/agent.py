#!/usr/bin/env python3
"""`bole agent` beside the other shippers that are installed (rsyslog, syslog-ng), each sending the same files to a Bole of its own.

  bench/agent.py --bole build/release/bole [--mb 100] [--kills 5] [--only rsyslog]

For each: MB of text per second of the shipper's CPU until every line is durable on the server, its memory, lines lost and doubled;
the last two once more with the shipper killed (-9) in the middle and started again; and what a thousand idle files cost.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
FILES = 8


class BoleAgent:
    name = "bole agent"

    def __init__(self, bole, server, folder):
        self.command = [bole, "agent", "--addr", server.url, "--no-journal", "--listen", "off", "--state", str(folder / "state"),
                        str(folder / "log/*.log")]

    @staticmethod
    def found(bole):
        return bole


class Rsyslog:
    """imfile, and RELP with its acknowledgements."""
    name = "rsyslog"

    def __init__(self, _, server, folder):
        work = folder / "work"
        work.mkdir()
        config = folder / "rsyslog.conf"
        config.write_text(f'''global(workDirectory="{work}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omrelp")
input(type="imfile" file="{folder}/log/*.log" tag="app:" persistStateInterval="100")
action(type="omrelp" target="127.0.0.1" port="{server.door("relp")}" action.resumeRetryCount="-1")
''')
        self.command = ["rsyslogd", "-n", "-f", str(config), "-i", str(folder / "pid")]

    @staticmethod
    def found(_):
        return shutil.which("rsyslogd", path=os.environ["PATH"] + ":/usr/sbin")


class SyslogNg:
    """wildcard-file, and syslog over TCP, which has no acknowledgements."""
    name = "syslog-ng"

    def __init__(self, _, server, folder):
        config = folder / "syslog-ng.conf"
        config.write_text(f'''@version: 3.38
source s {{ wildcard-file(base-dir("{folder}/log") filename-pattern("*.log") flags(no-parse) follow-freq(0.2)); }};
destination d {{ syslog("127.0.0.1" port({server.door("syslog")}) transport(tcp) disk-buffer(reliable(yes) disk-buf-size(200000000)
  mem-buf-size(16000000) dir("{folder}"))); }};
log {{ source(s); destination(d); flags(flow-control); }};
''')
        self.command = ["syslog-ng", "-F", "-f", str(config), "-R", str(folder / "persist"), "-c", str(folder / "ctl"), "--pidfile",
                        str(folder / "pid"), "--no-caps"]

    @staticmethod
    def found(_):
        return shutil.which("syslog-ng", path=os.environ["PATH"] + ":/usr/sbin")


class Running:
    """A shipper whose CPU adds up over its lives."""

    def __init__(self, shipper):
        self.shipper, self.cpu_before, self.peak_mb = shipper, 0.0, 0.0
        self.start()

    def start(self):
        env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"}
        self.process = subprocess.Popen(self.shipper.command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cpu_s(self):
        with contextlib.suppress(OSError):
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
            self.peak_mb = max(self.peak_mb, int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024)
            return self.cpu_before + (int(fields[11]) + int(fields[12])) * TICK_S
        return self.cpu_before

    def kill(self):
        self.cpu_before = self.cpu_s()
        self.process.kill()
        self.process.wait()


def stored(server):
    """How often each number is there."""
    answer = server.get("/api/v1/query", {"query": '{job=~".+"} or {service_name=~".+"}', "start": "0", "end": str(time.time_ns() + 10**12)})
    if answer.status != 200:
        answer = server.get("/api/v1/query", {"query": '{service_name=~".+"}', "start": "0", "end": str(time.time_ns() + 10**12)})
    assert answer.status == 200, answer.text
    return collections.Counter(int(n) for n in re.findall(r"number=(\d+) ", answer.text))


def write(folder, mb):
    """FILES files of numbered lines like an access log's; appears at once. The number of lines."""
    line = 'number=%d 10.1.%d.%d - - [21/Nov/2026:10:%02d:%02d +0000] "GET /shop/%d/item?id=%d HTTP/1.1" 200 %d "-" "Mozilla/5.0 (X11; Linux)"\n'
    n = 0
    for i in range(FILES):
        part = folder / f"part{i}"
        with open(part, "w") as out:
            size = 0
            while size < mb * 1e6 / FILES:
                text = line % (n, n % 7, n % 251, n // 60 % 60, n % 60, n % 97, n * 7919 % 100003, n * 31 % 50000)
                size += out.write(text)
                n += 1
        part.rename(folder / f"log/app{i}.log")
    return n


def settle(server, wanted, running, patience_s=20):
    """Until so many rows are there (None: that is not known), or no more come."""
    rows, since = -1, time.monotonic()
    while time.monotonic() - since < patience_s:
        running.cpu_s()
        now = server.metric("bole_ingest_rows_total")
        if wanted and now >= wanted:
            return
        if now != rows:
            rows, since = now, time.monotonic()
        time.sleep(0.1)


def ship(kind, args, bole, kills):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-agent-"))
    (folder / "log").mkdir()
    server = bole.Server(data=folder / "data", args=["--listen-relp", "127.0.0.1:0", "--listen-syslog", "127.0.0.1:0"])
    running = Running(kind(args.bole, server, folder))
    try:
        time.sleep(1)
        lines = write(folder, args.mb)
        for k in range(kills):
            until, end = (k + 1) * lines // (kills + 1), time.monotonic() + 60
            while server.metric("bole_ingest_rows_total") < until and time.monotonic() < end:
                time.sleep(0.02)
            running.kill()
            running.start()
        settle(server, None if kills else lines, running)  # rows that come twice must not pass for those that are missing
        counts, cpu = stored(server), running.cpu_s()
        lost, doubled = lines - len(counts), sum(counts.values()) - len(counts)
        print(f"{kind.name:12} {kills} kills  {args.mb / max(cpu, 0.01):6.0f} MB per CPU second  peak {running.peak_mb:5.1f} MB  "
              f"of {lines} lines {lost} lost, {doubled} doubled", flush=True)
    finally:
        running.kill()
        server.kill()
        shutil.rmtree(folder)


def idle(kind, args, bole):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-agent-"))
    (folder / "log").mkdir()
    for i in range(1000):
        (folder / f"log/app{i}.log").write_text("".join(f"number={i * 100 + k} of a file\n" for k in range(100)))
    server = bole.Server(data=folder / "data", args=["--listen-relp", "127.0.0.1:0", "--listen-syslog", "127.0.0.1:0"])
    running = Running(kind(args.bole, server, folder))
    try:
        settle(server, 100000, running)
        time.sleep(3)
        before = running.cpu_s()
        time.sleep(args.idle_s)
        print(f"{kind.name:12} 1,000 idle files: {100 * (running.cpu_s() - before) / args.idle_s:5.2f} % of a CPU, peak {running.peak_mb:5.1f} MB",
              flush=True)
    finally:
        running.kill()
        server.kill()
        shutil.rmtree(folder)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bole", default=str(ROOT / "build/release/bole"))
    p.add_argument("--mb", type=int, default=100)
    p.add_argument("--kills", type=int, default=5)
    p.add_argument("--idle-s", type=float, default=20)
    p.add_argument("--only")
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1)) # what was started is stopped
    os.environ["BOLE_BIN"] = args.bole
    sys.path.insert(0, str(ROOT / "tests"))
    import bole
    kinds = [kind for kind in (BoleAgent, Rsyslog, SyslogNg) if kind.found(args.bole) and args.only in (None, kind.name)]
    for kind in kinds:
        ship(kind, args, bole, 0)
    for kind in kinds:
        ship(kind, args, bole, args.kills)
    for kind in kinds:
        idle(kind, args, bole)


if __name__ == "__main__":
    main()
