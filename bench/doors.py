"""What the benches of doors share: the same lines through one door after the other, by turns, and the server's CPU for each."""
import argparse
import http.client
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import bole  # noqa: E402

START_S, BATCH, CONNECTIONS = 1795255200, 1000, 4


def trace_id(i):
    return "%032x" % (i * 2654435761)


def over_http(path, content_type):
    def send(server, bodies):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        for body in bodies:
            connection.request("POST", path, body, {"Content-Type": content_type})
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status < 300, text
    return send


def cpu_s(listen, send, bodies, line_count):
    with bole.Server(args=[f for door in listen for f in (f"--listen-{door}", "127.0.0.1:0")]) as server:
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
        assert server.metric("bole_ingest_rows_total") == line_count
        return server.cpu_s() - before


def read_lines(path, mb):
    """(number, line) of the text's first megabytes, over again where it has fewer."""
    unpack = ["zstd", "-dcq", path] if path.endswith(".zst") else ["cat", path]
    with subprocess.Popen(unpack, stdout=subprocess.PIPE) as process:
        text = process.stdout.read(mb * 1000 * 1000)
        process.kill()
    text *= mb * 1000 * 1000 // len(text)
    lines = text.decode(errors="replace").split("\n")[:-1]
    return list(enumerate(line for line in lines if line and len(line) < 60000))


def run(description, listen, doors):
    """`doors`: (name, encode(batch of (number, line)) -> body, send(server, bodies)); the first is what others stand beside."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="text, or text in a .zst")
    parser.add_argument("--mb", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    lines = read_lines(args.file, args.mb)
    mb = sum(len(line.encode()) + 1 for _, line in lines) / 1e6
    bodies = {name: [encode(lines[k:k + BATCH]) for k in range(0, len(lines), BATCH)] for name, encode, _ in doors}
    figures = {name: [] for name, _, _ in doors}
    for _ in range(args.rounds):
        for name, _, send in doors:
            figures[name].append(cpu_s(listen, send, bodies[name], len(lines)))
    base = statistics.median(figures[doors[0][0]])
    for name, runs in figures.items():
        cpu = statistics.median(runs)
        print(f"{name:20} {cpu / len(lines) * 1e6:6.2f} us per line, {cpu / mb * 1000:6.1f} ms per MB, {cpu / base:.2f} beside {doors[0][0]}")
