"""Bole beside a real Loki: the same data, the same questions, answers compared to the last character.

Loki is compiled first (Go), so this layer runs with --clients.

  BOLE_SEED=n           the random queries of that seed (default: of the clock; printed)
  BOLE_LOKI_RANDOM=n    so many of them (default 1,500), and as many about random data
  BOLE_LOKI_LINES=a:b   files of real logs, whose lines are then part of the random data
  BOLE_LOKI_RECORD=1    write Loki's answers to the tables into tests/golden/loki
"""

import os
import pathlib
import shutil
import subprocess
import sys
import time

import pytest

import bole
from test_loki_recorded import SHOWN, TABLES, boles  # noqa: F401

sys.path.insert(0, str(bole.ROOT / "tests/loki"))
import ask  # noqa: E402
import data  # noqa: E402
import fresh  # noqa: E402
import generate  # noqa: E402
import recorded  # noqa: E402
import wanted  # noqa: E402

SCRIPT = pathlib.Path(__file__).with_name("loki.sh")


@pytest.fixture(scope="module")
def loki(tmp_path_factory):
    if not shutil.which("go"):
        pytest.skip("needs the go command")
    folder = tmp_path_factory.mktemp("loki")
    started = subprocess.run([SCRIPT, "start", "0", folder], stdout=subprocess.PIPE, text=True)
    try:
        assert started.returncode == 0
        connection = ask.Connection(started.stdout.strip())
        for tenant in ("full", "bare"):
            connection.push_all(tenant, bole.push_proto, data.streams())
            connection.wait_for(tenant)
        yield connection
    finally:
        subprocess.run([SCRIPT, "stop", folder])


def compare(cases, loki, boles):  # noqa: F811
    """(Loki's answers, texts of the differences)"""
    answers, found = {}, []
    for case in cases:
        theirs, ours = loki.ask(case), boles[case.tenant].ask(case)
        answers[case.key] = theirs
        if not wanted.same(theirs, ours) and not wanted.reason(case, theirs, ours):
            found.append(f"{case}\n{ask.first_difference(theirs, ours)}")
    return answers, found


@pytest.mark.parametrize("table", TABLES)
def test_tables(loki, boles, table):  # noqa: F811
    answers, found = compare(ask.read_table(ask.CASES / f"{table}.txt"), loki, boles)
    if os.environ.get("BOLE_LOKI_RECORD") == "1":
        recorded.write(table, answers)
    assert not found, f"{len(found)} of {len(answers)} differ:\n" + "\n".join(found[:SHOWN])


def seed_and_count():
    return int(os.environ.get("BOLE_SEED", time.time_ns() // 10**6 % 10**9)), int(os.environ.get("BOLE_LOKI_RANDOM", "1500"))


def test_random_queries(loki, boles):  # noqa: F811
    seed, count = seed_and_count()
    answers, found = compare(generate.cases(seed, count), loki, boles)
    print(f"BOLE_SEED={seed}: {len(answers)} queries, {len(found)} differ")
    assert not found, f"BOLE_SEED={seed}: {len(found)} of {count} differ:\n" + "\n".join(found[:SHOWN])


def test_random_queries_about_random_data(loki, boles):  # noqa: F811
    """Also over two tenants at once."""
    seed, count = seed_and_count()
    world = fresh.World(seed, ("fresh1", "fresh2"))
    for tenant, streams in world.streams_of.items():
        boles[tenant] = boles["full"]
        for server in (loki, boles["full"]):
            server.push_all(tenant, bole.push_proto, streams)
            server.wait_for(tenant)
    boles["|".join(world.streams_of)] = boles["full"]
    answers, found = compare(generate.cases(seed, count, world), loki, boles)
    print(f"BOLE_SEED={seed}: {len(answers)} queries, {len(found)} differ")
    assert not found, f"BOLE_SEED={seed}: {len(found)} of {count} differ:\n" + "\n".join(found[:SHOWN])
