"""Bole's own door: each batch of a lane is stored once, whatever is killed, sent again or sent too early."""

import http.client
import json
import os
import random
import threading
import time

import bole
from native_batch import encode


def post(server, body, connection=None, timeout=20):
    own = connection or http.client.HTTPConnection("127.0.0.1", server.port, timeout=timeout)
    own.request("POST", "/api/v1/push", body, {"Content-Type": "application/vnd.bole.batch"})
    answer = own.getresponse()
    status, text = answer.status, answer.read()
    if connection is None:
        own.close()
    return status, json.loads(text) if text.startswith(b"{") else text


class Lane:
    """A sender as it should be: one batch in flight, the same bytes again until they are acknowledged."""

    def __init__(self, index):
        self.index, self.producer, self.sequence = index, os.urandom(16), 0
        self.pending, self.acked, self.sent = None, set(), set()
        self.duplicates, self.wrong = 0, []

    def batch(self, sequence):
        numbers = [self.index * 1_000_000 + sequence * 10 + i for i in range(5)]
        now = time.time_ns()
        records = [(now + i, b"number=%d of a lane" % n, {"n": str(n)}) for i, n in enumerate(numbers)]
        return encode(records, {"job": "load", "lane": str(self.index)}, self.producer, sequence), numbers

    def run(self, server, stop, dice):
        last = None
        while not stop.is_set():
            if self.pending is None:
                self.sequence += 1
                self.pending = self.batch(self.sequence)
                self.sent.update(self.pending[1])
            try:
                if last and dice.random() < 0.2: # an answer was lost on the way
                    status, answer = post(server, last)
                    if (status, answer.get("duplicate")) != (200, True):
                        self.wrong.append((status, answer))
                if dice.random() < 0.1: # one that comes too early
                    status, answer = post(server, self.batch(self.sequence + 3)[0])
                    if status != 409 or answer["wanted"] not in (self.sequence, self.sequence + 1):
                        self.wrong.append((status, answer))
                status, answer = post(server, self.pending[0])
            except (OSError, http.client.HTTPException):
                return # killed: the same batch goes first when it is back
            if status == 200:
                self.duplicates += answer["duplicate"]
                self.acked.update(self.pending[1])
                last, self.pending = self.pending[0], None
            elif status != 429:
                self.wrong.append((status, answer))
                return


def test_lanes_are_stored_once_through_kill_9(tmp_path, full):
    seed = random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    server = bole.Server(data=tmp_path / "data")
    lanes = [Lane(i) for i in range(4)]
    try:
        for turn in range(60 if full else 12):
            stop = threading.Event()
            threads = [threading.Thread(target=lane.run, args=(server, stop, random.Random(seed + turn * 10 + lane.index)))
                       for lane in lanes]
            for thread in threads:
                thread.start()
            time.sleep(dice.uniform(0.05, 0.5))
            if turn % 3 == 1: # the marks go from the log into the catalogue
                assert server.request("POST", "/flush").status in (200, 204)
                time.sleep(dice.uniform(0, 0.1))
            server.kill()
            stop.set()
            for thread in threads:
                thread.join(30)
            server.start()
        acked = set().union(*(lane.acked for lane in lanes))
        sent = set().union(*(lane.sent for lane in lanes))
        assert [lane.wrong for lane in lanes if lane.wrong] == []
        assert len(acked) > 100
        assert bole.verdict(bole.stored_numbers(server), acked, sent) == ([], [], [])
        print("acked", len(acked), "sent again after a kill and found to be there", sum(lane.duplicates for lane in lanes))
    finally:
        server.kill()


def test_resends_gaps_and_marks_over_cut_and_restart(tmp_path):
    server = bole.Server(data=tmp_path / "data")
    lane = Lane(1)
    first, second, third = (lane.batch(n)[0] for n in (1, 2, 3))
    try:
        assert post(server, second) == (409, {"error": "gap", "sequence": 2, "wanted": 1})
        assert post(server, first) == (200, {"sequence": 1, "stored": 5, "duplicate": False, "rejected": 0})
        for restart in range(3):
            assert post(server, first) == (200, {"sequence": 1, "stored": 0, "duplicate": True, "rejected": 0})
            assert post(server, third)[1] == {"error": "gap", "sequence": 3, "wanted": 2}
            if restart == 1: # nothing of it is left in the log
                assert server.request("POST", "/flush").status in (200, 204)
            server.kill()
            server.start()
        assert post(server, second)[1]["stored"] == 5
        assert sorted(bole.stored_numbers(server).values()) == [1] * 10
        assert server.metric("bole_ingest_lane_gaps_total") == 0 # since this start
    finally:
        server.kill()


def test_a_lane_goes_on_when_rules_left_nothing(tmp_path):
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules:\n  - match: '{job=\"load\"}'\n    drop: true\n")
    lane = Lane(1)
    server = bole.Server(data=tmp_path / "data", args=["--process", str(rules)])
    try:
        for sequence in (1, 2):
            assert post(server, lane.batch(sequence)[0])[0] == 200
        assert server.request("POST", "/flush").status in (200, 204)
        assert post(server, lane.batch(3)[0])[0] == 200
        server.kill()
        server.start()
        assert post(server, lane.batch(3)[0])[1]["duplicate"]
        assert post(server, lane.batch(5)[0])[1]["wanted"] == 4
        assert bole.stored_numbers(server) == {}
    finally:
        server.kill()


def test_a_batch_is_queried_as_it_was_sent(server):
    now = time.time_ns()
    body = encode([(now, b"caf\xc3\xa9", {"user": "7"}), (now + 1, b"", {})], {"app": "x", "env": "test"})
    assert post(server, body)[1] == {"sequence": 0, "stored": 2, "duplicate": False, "rejected": 0}
    assert server.lines('{app="x", env="test"}') == [(now, "café"), (now + 1, "")]
    assert server.lines('{app="x"} | user="7"') == [(now, "café")]
    assert post(server, body[:-1])[0] == 400
    status, text = post(server, encode([(now, b"x", {})], {"app": "x"}, tenant="other"))
    assert status == 400 and b"tenant" in text
