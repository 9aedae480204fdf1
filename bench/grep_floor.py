#!/usr/bin/env python3
"""A question to many JSON lines beside the least that reading their text can cost: `zstdcat | grep -c` of the same lines.

  bench/grep_floor.py --bench build/release/src/query/query_bench --text FILE --needle NXDOMAIN --by qtype_name --by "query, proto"

FILE has JSON lines; without it a million are made (engine_corpus.py). Both sides tell CPU seconds, of grep those of zstd and grep
together; what Bole finds must be what grep counts. The store is thrown away afterwards.
"""

import argparse
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import engine_corpus  # noqa: E402


def children_cpu_s():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def grep(packed, needle):
    """(CPU seconds, lines)"""
    before = children_cpu_s()
    zstdcat = subprocess.Popen(["zstdcat", packed], stdout=subprocess.PIPE)
    found = subprocess.run(["grep", "-c", "-F", "-e", needle], stdin=zstdcat.stdout, stdout=subprocess.PIPE, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    zstdcat.stdout.close()
    zstdcat.wait()
    return children_cpu_s() - before, int(found.stdout)


def ask(bench, text, store, queries):
    """Yields (CPU seconds, sum of all values, query)."""
    out = subprocess.run([bench, text, f"segments:{store}", *queries], check=True, stdout=subprocess.PIPE, text=True).stdout
    for row in out.splitlines()[1:]:
        found = re.match(r" *([\d.]+) ms +[\d.]+ ms/MB +[\d.]+ ns/row +(\d+)  (.*)", row)
        if not found:
            sys.exit(row)
        yield float(found.group(1)) / 1000, int(found.group(2)), found.group(3)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--bench", required=True)
    arguments.add_argument("--text", type=pathlib.Path)
    arguments.add_argument("--needle", default='"level": "error"')
    arguments.add_argument("--by", action="append", default=[])
    arguments.add_argument("--dir", help="for the text and the store; default: the system's")
    o = arguments.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="bole-floor-", dir=o.dir))
    try:
        text = o.text
        if not text:
            text = work / "json.log"
            engine_corpus.grow("json", 320_000_000, text)
        packed = work / "text.zst"
        subprocess.run(["zstd", "-q", "-3", text, "-o", packed], check=True)
        needle = o.needle.replace("`", "")
        queries = [f"sum by ({by}) (count_over_time({{app=\"web\"}} |= `{needle}` | json [52w]))" for by in o.by or ["level", "http_status"]]
        floor, count = grep(packed, needle)
        print(f"{text.stat().st_size / 1e6:.0f} MB, {count} lines with {needle}\n{floor:10.3f} s  zstdcat | grep -c", flush=True)
        wrong = 0
        for spent, sums, query in ask(o.bench, text, work / "store", queries):
            print(f"{spent:10.3f} s  {query}{'' if sums == count else f'  ! {sums}'}")
            wrong += sums != count
        return wrong
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
