"""kill -9 under load: every acknowledged line is there exactly once, and the restart is quick."""

import os
import pathlib
import random
import subprocess
import time

import pytest

import bole

RESTART_CPU_S = 2.0


def rounds_of_kill(data, rounds, env=None, seed=None):
    """Kills and restarts over one data directory. Returns (lost, doubled, invented, acked, slowest restart in CPU s)."""
    seed = seed if seed is not None else random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    acked, sent, slowest = set(), set(), 0.0
    server = bole.Server(data=data, env=env)
    try:
        for _ in range(rounds):
            load = bole.Load(server, first=max(sent, default=-1) + 1)
            time.sleep(dice.uniform(0.05, 0.8))
            server.kill()
            load.stop()
            acked |= load.acked
            sent |= load.sent
            server.start()
            slowest = max(slowest, server.cpu_s())
        assert acked, "the load never had an acknowledgement"
        return (*bole.verdict(bole.stored_numbers(server), acked, sent), len(acked), slowest)
    finally:
        server.kill()


def test_nothing_acknowledged_is_lost_or_doubled_by_kill_9(tmp_path, full):
    lost, doubled, invented, acked, slowest = rounds_of_kill(tmp_path / "data", 200 if full else 20)
    print(f"acked={acked} slowest restart {slowest:.2f} CPU s")
    assert (lost, doubled, invented) == ([], [], [])
    assert slowest <= RESTART_CPU_S


def test_a_start_that_is_killed_is_done_by_the_next_one(tmp_path):
    """Reading the log back, damage put aside and all, is cut off at any moment of its first tenth of a second."""
    dice = random.Random(7)
    server = bole.Server(data=tmp_path / "data")
    try:
        load = bole.Load(server)
        time.sleep(1.5)
        server.kill()
        load.stop()
        for _ in range(25):
            server.start(wait=False)
            time.sleep(dice.uniform(0, 0.1))
            server.kill()
        server.start()
        assert load.acked
        assert bole.verdict(bole.stored_numbers(server), load.acked, load.sent) == ([], [], [])
        assert server.metric("bole_queue_corrupt_frames") == 0
    finally:
        server.kill()


def test_the_test_goes_red_when_the_answer_comes_before_the_write(tmp_path):
    """The mutant: a preloaded library keeps the log's writes in memory for a while and says that they are done."""
    library = tmp_path / "early_answer.so"
    source = pathlib.Path(__file__).with_name("early_answer.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl", "-pthread"], check=True)
    preload = {"LD_PRELOAD": str(library)}
    lost, *_ = rounds_of_kill(tmp_path / "data", 3, env=preload, seed=1)
    assert lost, "the mutant lost nothing: this test cannot see a lost line"


def test_a_second_server_on_the_same_directory_refuses(server):
    second = subprocess.run([str(bole.BINARY), "serve", "--data", str(server.data), "--listen", "127.0.0.1:0"],
                            capture_output=True, timeout=20, env=os.environ)
    assert second.returncode == 1
    assert str(server.data) in second.stderr.decode()
    assert server.push([({"job": "x"}, [(time.time_ns(), "still here")])]).status == 204
