"""Bole's answers beside those that a real Loki gave to the same questions about the same data (tests/loki/cases).

tests/clients/test_loki_compare.py asks a Loki again and, with BOLE_LOKI_RECORD=1, records its answers."""

import pathlib
import sys

import pytest

import bole

sys.path.insert(0, str(pathlib.Path(__file__).parent / "loki"))
import ask  # noqa: E402
import data  # noqa: E402
import recorded  # noqa: E402
import wanted  # noqa: E402

TABLES = sorted(p.stem for p in ask.CASES.glob("*.txt"))
SHOWN = 10  # differences of a table that are printed


@pytest.fixture(scope="module")
def boles():
    """A connection per tenant: which labels are added is the server's setting."""
    with bole.Server() as full, bole.Server(env={"BOLE_RECEIVE_DETECT_LEVEL": "false", "BOLE_RECEIVE_DISCOVER_SERVICE_NAME": ""}) as bare:
        out = {"full": ask.Connection(full.url), "bare": ask.Connection(bare.url)}
        for tenant, connection in out.items():
            connection.push_all(tenant, bole.push_proto, data.streams())
            connection.wait_for(tenant)
        yield out


def differences(cases, expected, boles):
    for case in cases:
        if case.key not in expected:
            yield f"{case}\n  is not recorded: BOLE_LOKI_RECORD=1"
            continue
        loki, answer = expected[case.key], boles[case.tenant].ask(case)
        if not wanted.same(loki, answer) and not wanted.reason(case, loki, answer):
            yield f"{case}\n{ask.first_difference(loki, answer)}"


@pytest.mark.parametrize("table", TABLES)
def test_bole_answers_as_loki_did(boles, table):
    cases = ask.read_table(ask.CASES / f"{table}.txt")
    found = list(differences(cases, recorded.read(table), boles))
    assert not found, f"{len(found)} of {len(cases)} differ:\n" + "\n".join(found[:SHOWN])


def test_wanted_differences_are_documented():
    text = " ".join((bole.ROOT / "docs/logql.md").read_text().split())
    assert [name for name, _ in wanted.WANTED if name not in text] == []
