"""docs/format/*.md say enough to write another reader: this one, in Python, agrees with bole on what it stored."""

import collections
import json
import random
import subprocess
import time

import pytest

import bole
from segment_reader import columns
from segment_reader.columns import Refused
from segment_reader.segment import label_pairs, read_segment
from segment_reader.tokens import tokens_of

START_NS = 1_780_000_000_000_000_000
SAMPLES = bole.ROOT / "bench/samples"
MANY = 70  # label sets of one family

# One of each kind of column, and what is hard to give back.
MADE = [
    lambda r: f"plain {r.randrange(100)} of {r.randrange(10**6):08} at {r.random():.3f}",
    lambda r: f"id=0x{r.randrange(16**12):012x} hash={r.randrange(16**40):040X}",
    lambda r: f"from 10.{r.randrange(256)}.0.{r.randrange(256)} to {r.choice(['10.0.0.1', '192.168.7.9'])}",
    lambda r: "trace {:08x}-{:04x}-4{:03x}-8{:03x}-{:012x} done".format(*(r.randrange(16**n) for n in (8, 4, 3, 3, 12))),
    lambda r: '{"a":%d,"b":{"c":"%s"},"d":[1,%d],"e":-%d}' % (r.randrange(9), r.choice("xyz"), r.randrange(5), r.randrange(99)),
    lambda r: f'level={r.choice(["info", "warn"])} msg="took {r.randrange(5000)}ms" n={r.randrange(3)}',
    lambda r: "naïve £ \u4e16\u754c " + r.choice(["", " ", "\t", "\\", '"']) * r.randrange(4) + "\r",
    lambda r: r.choice(["", "0", "00", "-0", "-5", "+5", "1.", ".5", "9" * 30, "x" * 2000]),
]


def samples():
    for path in sorted(SAMPLES.glob("*.zst")):
        text = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout
        for line in text.decode().splitlines()[:6000]:
            yield path.name.split(".")[0], line


def streams():
    """[(labels, [(ns, line, fields)])]"""
    rand, found = random.Random(5), collections.defaultdict(list)
    for i, (app, line) in enumerate(samples()):
        found[app].append([START_NS + i * 1_234_567, line, {"i": str(i), "half": "yes"} if i % 2 else {}])
    for i in range(8000):
        ns = START_NS + i * 40_000_000
        app, make = ("mixed", rand.choice(MADE)) if i % 4 == 0 else (f"made{i % len(MADE)}", MADE[i % len(MADE)])
        found[app].append([ns, make(rand), {f"rare{i}": "v"} if i % 97 == 0 else {}])
    labels = [({"app": app}, values) for app, values in found.items()]
    for i in range(3000):
        ns = START_NS + i * 1_000_003
        before = time.strftime("%a %b %d %H:%M:%S", time.gmtime(ns // 10**9 - i % 3))
        found["clock"].append([ns, f"{ns // 10**9}.{ns // 1000 % 10**6:06} tick {before}", {}])
    agents = [f"Mozilla/5.0 (X11; Linux x86_64; rv:{n}.0) Gecko/2010{n:04} Firefox/{n}.{n * 7 % 10}" for n in range(300)]
    many = [[START_NS + i * 10**7, f'GET /pods/{i % MANY * 7919}/{i // MANY} 200 "{agents[i % MANY * 4]}"', {}] for i in range(6000)]
    return labels + [({"app": "many", "pod": f"pod-{i}"}, many[i::MANY]) for i in range(MANY)]


def push(server, part):
    """Each app as a tenant of its own: small families of one tenant share a row group."""
    for labels, values in streams():
        answer = server.push([(labels, values[part::2])], {"X-Scope-OrgID": labels["app"]})
        assert answer.status == 204, answer.text
    assert server.request("POST", "/flush").status == 204


@pytest.fixture(name="segments", scope="module", params=["cut", "force", "idle"])
def segments_of_all_streams(request):
    with bole.Server() as server:
        for part in range(2):
            push(server, part)
        if request.param != "cut":
            answer = server.request("POST", f"/api/v1/merge?{request.param}=true")
            assert answer.status == 200 and json.loads(answer.text)["merges_run"] == 1, answer.text
        return [read_segment(path) for path in sorted((server.data / "segments").glob("*.seg"))]


@pytest.fixture(name="stored", scope="module")
def stored_groups(segments):
    columns.MET.clear()
    """[(segment, row group, its records)]"""
    return [(segment, group, segment.records(group)) for segment in segments for group in segment.groups]


def test_every_record_is_read_as_it_was_pushed(stored):
    pushed, read = collections.Counter(), collections.Counter()
    for labels, values in streams():
        for ns, line, fields in values:
            pushed[labels["app"], labels.get("pod"), ns, line.encode(), tuple(sorted(fields.items()))] += 1
    for _, group, records in stored:
        for r in records:
            fields = tuple(sorted((k.decode(), v.decode()) for k, v in r.fields if k not in (b"detected_level",)))
            labels = label_pairs(r.labels)
            assert r.tenant == labels["app"].encode()
            read[labels["app"], labels.get("pod"), r.time_ns, r.line, fields] += 1
            assert group.min_time_ns <= r.time_ns <= group.max_time_ns
            assert group.min_lsn <= r.seq >> 20 <= group.max_lsn
    assert read == pushed


def test_all_there_is_to_read_was_met(stored, request):
    """Each way to store a column has been read: tables in place of values in one of the two, dictionaries of them in the other."""
    nested = {"cut": 2, "force": 1, "idle": 1}[request.node.callspec.params["segments"]]
    assert columns.MET["columns"] >= {0, nested}
    assert columns.MET["values"] == set(range(8))
    assert columns.MET["integers"] == {0, 1, 2} and columns.MET["relative"] == {False, True}


def test_order_sums_and_digests_hold(stored):
    for segment, group, records in stored:
        of = {segment.streams[stream]: i for i, (stream, _, _) in enumerate(group.streams)}
        keys = [(of[r.labels] if group.order else 0, r.time_ns, r.seq) for r in records]
        assert keys == sorted(keys)
        assert sum(len(r.line) for r in records) == group.line_bytes
        counts = collections.Counter(of[r.labels] for r in records)
        assert [counts[i] for i in range(len(group.streams))] == [rows for _, rows, _ in group.streams]
        assert sum(r.digest() for r in records) % 2**128 == group.digest


def test_rollups_count_rows_and_bytes_of_each_minute(stored):
    found = 0
    for segment, group, records in stored:
        of = {segment.streams[stream]: i for i, (stream, _, _) in enumerate(group.streams)}
        rollup = segment.rollup(group)
        if rollup is None:
            continue
        rows, size = collections.Counter(), collections.Counter()
        for r in records:
            key = -(-r.time_ns // (60 * 10**9)), of[r.labels]
            rows[key] += 1
            size[key] += len(r.line)
        assert rollup == [(*key, rows[key], size[key]) for key in sorted(rows)]
        found += 1
    assert found


def test_the_token_index_names_every_group_that_holds_a_token(stored):
    looked_up = 0
    for segment, group, records in stored:
        index, number = segment.tokens(), segment.groups.index(group)
        assert index.groups == len(segment.groups)
        if index.is_open(number) or index.has_unlisted(number) or index.holds_uuids(number):
            continue
        tokens = sorted(set().union(*(tokens_of(r.line) for r in records)))
        for token in random.Random(1).sample(tokens, min(300, len(tokens))):
            assert number in index.lookup(token), token
            looked_up += 1
    assert looked_up


def test_the_token_index_knows_what_is_absent(segments):
    for segment in segments:
        assert sum(bool(segment.tokens().lookup(b"absent%d" % i)) for i in range(500)) <= 5


def test_the_golden_file_is_read():
    segment = read_segment(bole.ROOT / "tests/golden/segment-v1.seg")
    for group in segment.groups:
        assert sum(r.digest() for r in segment.records(group)) % 2**128 == group.digest


def test_a_flipped_byte_is_refused(segments, tmp_path):
    data = bytearray(segments[0].data)
    path = tmp_path / "flipped.seg"
    for at in random.Random(2).sample(range(len(data)), 10):
        data[at] ^= 1
        path.write_bytes(data)
        data[at] ^= 1
        with pytest.raises(Refused):
            segment = read_segment(path)
            for group in segment.groups:
                segment.records(group)
                segment.rollup(group)
