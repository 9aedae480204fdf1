#!/usr/bin/env python3
"""What ten typical rules (bench/rules.yml) cost the server: CPU per line with and without them, in alternating runs.

  bench/rules.py --bole build/release/bole --load build/release/bench/load FILE
"""

import argparse
import pathlib
import re
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import engine_server  # noqa: E402

HERE = pathlib.Path(__file__).parent.resolve()


class WithRules(engine_server.Bole):
    name = "with rules"

    def command(self):
        return super().command() + ["--process", str(HERE / "rules.yml")]


def cpu_per_line(server, args):
    """Microseconds from before the first line until the last is in a segment."""
    server.start()
    before = server.cpu_s()
    url = ["--url", f"{server.host}:{server.port}", "--path", server.push_path, "--mode", server.push_mode]
    command = [args.load, "--once", *url, "--pid", str(server.pid), args.file]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"rules: loading failed:\n{done.stdout}{done.stderr}")
    server.settle()
    cpu_s = server.cpu_s() - before
    server.stop()
    return cpu_s * 1e6 / float(re.search(r"\blines=([\d.]+)", done.stdout)[1])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bole", default="build/release/bole")
    p.add_argument("--load", default="build/release/bench/load")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--scratch", default="build/bench-rules")
    p.add_argument("file")
    args = p.parse_args()
    servers = [kind(args.bole, pathlib.Path(args.scratch) / "bole") for kind in (engine_server.Bole, WithRules)]
    figures = {s.name: [] for s in servers}
    for _ in range(args.runs):
        for s in servers:
            figures[s.name].append(cpu_per_line(s, args))
            print(f"{s.name:12} {figures[s.name][-1]:.2f} us/line", flush=True)
    plain, ruled = (statistics.median(figures[s.name]) for s in servers)
    print(f"medians: {plain:.2f} and {ruled:.2f} us/line, {100 * (ruled / plain - 1):.0f} % more")


if __name__ == "__main__":
    main()
