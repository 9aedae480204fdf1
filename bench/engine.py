#!/usr/bin/env python3
"""What the store costs, side by side with peers: ingest, disk, and every kind of question, in one run.

  bench/engine.py --bole build/release/bole --load build/release/bench/load
  bench/engine.py --peer victorialogs=/path/to/victoria-logs --peer loki=http://127.0.0.1:3100 --corpus a=/var/log/a.log

Each corpus goes to each server in turn, alone on the machine: an empty server, every line once over Loki's push,
everything flushed and what is due merged; then what it does in a quiet minute (weighed apart: work that waits for one), and
the questions. CPU is the server's own, per question the mean of as many repetitions
as fill half a second; times are medians. Every answer's size is compared: a row whose servers disagree is marked with
what each said.
"""

import argparse
import dataclasses
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import engine_corpus  # noqa: E402
import engine_server  # noqa: E402

ROOT = pathlib.Path(__file__).parent.parent
SPAN_S = 3000
REPETITIONS_MAX, ENOUGH_CPU_S, ENOUGH_WALL_S, SLOW_S = 40, 0.5, 6, 4


@dataclasses.dataclass
class Question:
    kind: str  # lines, count, top, by_minute
    filters: tuple = ()  # (contains | word | regex | trace, text)
    labels: dict = dataclasses.field(default_factory=lambda: {"service": "bench"})
    parser: tuple = ()  # (regexp | json, pattern)
    at_least: tuple = ()  # (field, number)
    field: str = ""
    limit: int = 1000
    offset_s: int = 0
    start_ns: int = 0
    end_ns: int = 0
    span_s: int = 0


class Run:
    """Collects figures: rows of (corpus, what, unit) with one value per server, and what it answered."""

    def __init__(self):
        self.rows = {}

    def add(self, corpus, what, unit, server, value, wall_ms=None, answer=None):
        row = self.rows.setdefault((corpus, what, unit), {"values": {}, "wall_ms": {}, "answers": {}})
        row["values"][server] = value
        if wall_ms is not None:
            row["wall_ms"][server] = wall_ms
        if answer is not None:
            row["answers"][server] = answer
        print(
            f"  {corpus:10} {what:52} {server:13} {self._cell(row, server):>18} {unit}"
            + (f"   answer {answer}" if answer else ""),
            flush=True,
        )

    @staticmethod
    def _cell(row, server):
        value, wall_ms = row["values"].get(server), row["wall_ms"].get(server)
        return "-" if value is None else f"{value:.4g}" + (f" ({wall_ms:.3g})" if wall_ms is not None else "")

    def table(self, servers):
        out = [f"| corpus | what | unit (wall ms) | {' | '.join(servers)} |", f"|---|---|---|{'---|' * len(servers)}"]
        for (corpus, what, unit), row in self.rows.items():
            answers = list(row["answers"].values())
            differs = any(a[: len(b)] != b[: len(a)] for a in answers for b in answers)  # a slow server was asked fewer
            note = (
                " (answers differ: " + ", ".join(f"{s} {a}" for s, a in row["answers"].items()) + ")" if differs else ""
            )
            cells = " | ".join(self._cell(row, s) for s in servers)
            out.append(f"| {corpus} | {what}{note} | {unit} | {cells} |")
        return "\n".join(out)

    def as_json(self):
        return [{"corpus": c, "what": w, "unit": u, **row} for (c, w, u), row in self.rows.items()]


# ---- ingest ----


def load(args, server, path, streams=8, metadata=False, mode=None):
    command = (
        [
            args.load,
            "--url",
            f"{server.host}:{server.port}",
            "--once",
            "--span",
            str(SPAN_S),
            "--streams",
            str(streams),
            "--connections",
            str(args.connections),
            "--mode",
            mode or server.push_mode,
            "--pid",
            str(server.pid),
            "--path",
            server.raw_path if mode == "raw" else server.push_path,
        ]
        + ["--metadata"] * metadata
        + [path]
    )
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"engine: loading {server.name} failed:\n{done.stdout}{done.stderr}")
    return {k: float(v) for k, v in re.findall(r"(\S+)=([\d.]+)\b", done.stdout)}


def ingest(args, run, server, corpus, path, **how):
    """Fills an empty server and weighs it. Returns the raw MB."""
    server.start()
    before = server.cpu_s()
    figures = load(args, server, path, **how)
    server.settle()
    gb = figures["bytes"] / 1e9
    run.add(corpus, "ingest until in segments", "CPU s/GB", server.name, (server.cpu_s() - before) / gb)
    run.add(corpus, "rows per second, two cores, with generator", "rows/s", server.name, figures["lines/s"])
    run.add(corpus, "acknowledged after, median", "ms", server.name, figures["ack_ms_p50"])
    run.add(corpus, "memory at the peak", "MB", server.name, server.peak_mb())
    if server.is_ours:
        run.add(corpus, "raw bytes per stored byte, at once", "x", server.name, figures["bytes"] / server.disk_bytes()[0])
    settled = server.cpu_s()
    server.rest()
    run.add(corpus, "a quiet minute's work on it", "CPU s/GB", server.name, (server.cpu_s() - settled) / gb)
    run.add(corpus, "memory at the peak, with that", "MB", server.name, server.peak_mb())
    if server.is_ours:
        stored, wal = server.disk_bytes()
        run.add(corpus, "stored then, index included", "MB", server.name, stored / 1e6)
        run.add(corpus, "raw bytes per stored byte, after a quiet minute", "x", server.name, figures["bytes"] / stored)
        run.add(corpus, "write-ahead log beside", "MB", server.name, wal / 1e6)
    return figures["bytes"] / 1e6


# ---- questions ----


def within(question, begin_s):
    """The whole corpus, on whole minutes."""
    start = int(begin_s // 60 - 1) * 60
    end = start + (SPAN_S // 60 + 6) * 60
    return dataclasses.replace(question, start_ns=start * 10**9, end_ns=end * 10**9, span_s=end - start)


def measure(run, server, corpus, what, questions, mb=None, rows=None):
    """CPU and wall time of one kind of question, over several of that kind in turn."""
    if not questions:
        return
    begin = time.monotonic()
    try:
        sizes = [server.size_of(questions[0], server.ask(questions[0]))]  # also warms up
        is_slow = time.monotonic() - begin > SLOW_S
        questions = questions[:1] if is_slow else questions
        sizes += [server.size_of(q, server.ask(q)) for q in questions[1:]]
    except (RuntimeError, OSError) as e:
        print(f"# {what}: {e}", flush=True)
        run.add(corpus, what, "CPU ms/MB" if mb else "CPU ms", server.name, None)
        return
    cpu, wall, walls = server.cpu_s(), time.monotonic(), []
    while len(walls) < REPETITIONS_MAX:
        begin = time.monotonic()
        server.ask(questions[len(walls) % len(questions)])
        walls.append(time.monotonic() - begin)
        enough = server.cpu_s() - cpu > ENOUGH_CPU_S or time.monotonic() - wall > ENOUGH_WALL_S
        if is_slow or (len(walls) >= 3 and enough):
            break
    cpu_ms, wall_ms, sizes = (server.cpu_s() - cpu) * 1000 / len(walls), statistics.median(walls) * 1000, tuple(sizes)
    if mb:
        run.add(corpus, what, "CPU ms/MB", server.name, cpu_ms / mb, wall_ms, sizes)
    elif rows:
        run.add(corpus, what, "CPU ns/row", server.name, cpu_ms * 1e6 / rows, wall_ms, sizes)
    else:
        run.add(corpus, what, "CPU ms", server.name, cpu_ms, wall_ms, sizes)


def measure_cold(run, server, corpus, what, question):
    """After a restart, with nothing of the data in memory. Files that a living server maps would not leave it."""
    if not server.is_ours:
        return
    walls = []
    for _ in range(3):
        server.stop()
        engine_server.drop_caches()
        server.start(fresh=False)
        time.sleep(2)
        engine_server.drop_caches()
        begin = time.monotonic()
        server.ask(question)
        walls.append(time.monotonic() - begin)
    run.add(corpus, what, "wall ms", server.name, statistics.median(walls) * 1000)


def measure_searchable(run, server):
    """From the acknowledgement of a line to the first answer that has it."""
    waits = []
    for i in range(5):
        line = f"probe {time.time_ns()} {i}"
        question = Question(
            "lines",
            (("contains", line),),
            {"service": "probe"},
            start_ns=time.time_ns() - 60 * 10**9,
            end_ns=time.time_ns() + 60 * 10**9,
        )
        server.push_one(line)
        begin = time.monotonic()
        while not server.size_of(question, server.ask(question)):
            if time.monotonic() - begin > 20:
                break
        waits.append(time.monotonic() - begin)
    run.add("any", "searchable after the acknowledgement", "ms", server.name, statistics.median(waits) * 1000)


def ask_about_lines(run, server, corpus, needles, mb, rows, begin_s):
    def many(kind, texts, question="lines"):
        return [within(Question(question, ((kind, t),)), begin_s) for t in texts]

    def one(**how):
        return [within(Question(**how), begin_s)]

    def ask(what, questions, **per):
        measure(run, server, corpus, what, questions, **per)

    ask("delimited token, unique", many("word", needles["delimited"]), mb=mb)
    ask("delimited token, absent", many("word", needles["delimited absent"]), mb=mb)
    ask("bare id of 12 bytes and more, unique", many("contains", needles["ids"]), mb=mb)
    ask("bare id of 12 bytes and more, absent", many("contains", needles["ids absent"]), mb=mb)
    ask("bare IPv4, absent", many("contains", needles["addresses"]), mb=mb)
    ask("bare short needle, few hits", many("contains", needles["short"]), mb=mb)
    ask("regex with a literal", many("regex", needles["regexes"]), mb=mb)
    ask("regex without any literal, counted", many("regex", [r"[0-9]{3}[a-z][0-9]{4}[A-Z]"], "count"), mb=mb)
    ask("regex, case-insensitive", many("regex", needles["insensitive"]), mb=mb)
    ask("newest 100", one(kind="lines", limit=100))
    ask("newest 100, filtered", [dataclasses.replace(q, limit=100) for q in many("contains", needles["common"])])
    ask("count by (minute, label), aligned", one(kind="by_minute", field="host"), rows=rows)
    ask("count by (minute, label), not aligned", one(kind="by_minute", field="host", offset_s=17), rows=rows)
    if needles["json"]:
        text, number, limit = needles["json"]
        ask(f"top 10 of a field, json ({text})", one(kind="top", parser=("json", ""), field=text), mb=mb)
        ask(
            f"json, then {number} >= {limit}, counted",
            one(kind="count", parser=("json", ""), at_least=(number, limit)),
            mb=mb,
        )
    else:
        pattern = r"(?P<word>[A-Za-z]+)[^A-Za-z]*$"
        ask("top 10 of a field, regexp", one(kind="top", parser=("regexp", pattern), field="word"), mb=mb)
    for needle in needles["ids"][:1]:
        ask("unique id, hot", many("contains", [needle]))
        measure_cold(run, server, corpus, "unique id, cold", many("contains", [needle])[0])


def ask_about_trace(run, server, corpus, begin_s):
    """All lines of one trace: an id in the metadata that some eight lines share."""
    newest = within(Question("lines", limit=1), begin_s)
    trace_id = server.trace_id_in(server.ask(newest))
    question = dataclasses.replace(newest, filters=(("trace", trace_id),), limit=1000)
    measure(run, server, corpus, "trace id in the metadata, hot", [question])
    measure_cold(run, server, corpus, "trace id in the metadata, cold", question)


def ask_about_label_set(run, server, corpus, begin_s):
    labels = [{"service": "bench", "host": f"host-{n}"} for n in (17, 1234, 2999)]
    measure(
        run,
        server,
        corpus,
        "all lines of one of 3,000 label sets",
        [within(Question("lines", labels=l, limit=100000), begin_s) for l in labels],
    )
    measure(
        run,
        server,
        corpus,
        "newest 100 of one of 3,000 label sets",
        [within(Question("lines", labels=l, limit=100), begin_s) for l in labels],
    )


# ---- the whole ----


def needles_of(path):
    n = engine_corpus.Needles(path)
    ids, delimited = n.ids(), n.delimited()
    found = {
        "ids": ids,
        "ids absent": n.absent(ids),
        "delimited": delimited,
        "delimited absent": n.absent(delimited),
        "addresses": n.addresses(),
        "short": n.short(),
        "regexes": n.regexes(),
        "insensitive": n.insensitive(),
        "common": n.common(),
        "json": n.json_fields() if n.is_json else None,
    }
    print(f"# needles of {path}: {json.dumps(found)}", flush=True)
    return found


def run_corpus(args, run, server, corpus, path, needles):
    mb = ingest(args, run, server, corpus, path)
    begin_s, rows = time.time() - SPAN_S - 120, None
    [count] = [within(Question("count"), begin_s)]
    rows = server.size_of(count, server.ask(count))
    run.add(corpus, "rows", "rows", server.name, rows, answer=(rows,))
    ask_about_lines(run, server, corpus, needles, mb, rows, begin_s)


def run_server(args, run, server, corpora, needles):
    for corpus, path in corpora.items():
        if path.suffix == ".ndjson":
            if server.raw_path:
                ingest(args, run, server, corpus, path, mode="raw")
                server.stop()
            continue
        run_corpus(args, run, server, corpus, path, needles[corpus])
        server.stop()
        if corpus == "mixed":
            ingest(args, run, server, "mixed+meta", path, metadata=True)
            measure_searchable(run, server)
            ask_about_trace(run, server, "mixed+meta", time.time() - SPAN_S - 120)
            server.stop()
        if corpus == "access":
            ingest(args, run, server, "access3000", path, streams=3000)
            ask_about_label_set(run, server, "access3000", time.time() - SPAN_S - 120)
            server.stop()
    server.remove()


def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "--bole",
        default=str(ROOT / "build/release/bole"),
        metavar="PATH|URL",
        help="Bole itself (default build/release/bole; '' leaves it out)",
    )
    p.add_argument(
        "--peer",
        action="append",
        default=[],
        metavar="NAME=PATH|URL",
        help="victorialogs or loki: its binary, or where it runs",
    )
    p.add_argument(
        "--corpus",
        action="append",
        default=[],
        metavar="NAME=FILE",
        help="text lines, or .ndjson records with _time, service, host, _msg; may be repeated "
        "(default: access, mixed and json, grown from bench/samples)",
    )
    p.add_argument("--mb", type=int, default=300, help="size of a grown corpus (default 300)")
    p.add_argument(
        "--load",
        default=str(ROOT / "build/release/bench/load"),
        metavar="PATH",
        help="the generator (ninja bench/load)",
    )
    p.add_argument("--connections", type=int, default=8)
    p.add_argument(
        "--scratch", default=str(ROOT / "build/bench-engine"), metavar="DIR", help="where the servers keep their data"
    )
    p.add_argument("--json", metavar="FILE", help="also write every figure there")
    return p.parse_args()


def main():
    args = parse_arguments()
    scratch, corpora = pathlib.Path(args.scratch), {}
    for name, _, path in (c.partition("=") for c in args.corpus):
        corpora[name] = pathlib.Path(path)
    for kind in () if corpora else ("access", "mixed", "json"):
        corpora[kind] = scratch / f"{kind}-{args.mb}.log"
        engine_corpus.grow(kind, args.mb * 1000000, corpora[kind])
    servers = [engine_server.Bole(args.bole, scratch / "bole")] if args.bole else []
    for name, _, where in (p.partition("=") for p in args.peer):
        if name not in engine_server.KINDS or not where:
            raise SystemExit(f"engine: --peer wants one of {', '.join(engine_server.KINDS)} = a path or a URL")
        servers.append(engine_server.KINDS[name](where, scratch / name))
    needles = {name: needles_of(path) for name, path in corpora.items() if path.suffix != ".ndjson"}
    run = Run()
    try:
        for server in servers:
            run_server(args, run, server, corpora, needles)
    finally:
        for server in servers:
            server.stop()
        names = [s.name for s in servers]
        print("\n" + run.table(names))
        if args.json:
            pathlib.Path(args.json).write_text(
                json.dumps(
                    {"servers": names, "corpora": {k: str(v) for k, v in corpora.items()}, "rows": run.as_json()},
                    indent=1,
                )
            )


if __name__ == "__main__":
    main()
