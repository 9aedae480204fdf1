"""Time from exec to the first answer of /ready on an empty directory (median of 15), and memory after 3 s of idling."""

import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 15
IDLE_S = 3


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ready(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as s:
            s.sendall(b"GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return s.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start(binary, folder):
    port = free_port()
    begin = time.monotonic()
    process = subprocess.Popen([binary, "serve", "--data", folder, "--listen", f"127.0.0.1:{port}"],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not ready(port):
        time.sleep(0.0005)
        if process.poll() is not None or time.monotonic() - begin > 20:
            sys.exit("the server did not get ready")
    return process, time.monotonic() - begin


def main():
    times = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory(dir="build") as folder:
            process, took = start(sys.argv[1], folder)
            times.append(took * 1000)
            process.terminate()
            process.wait()
    with tempfile.TemporaryDirectory(dir="build") as folder:
        process, _ = start(sys.argv[1], folder)
        time.sleep(IDLE_S)
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        rss = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024
        process.terminate()
        process.wait()
    print(f"ready_ms median={statistics.median(times):.1f} max={max(times):.1f}   idle_rss_mb={rss:.1f}")


main()
