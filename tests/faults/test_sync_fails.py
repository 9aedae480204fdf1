"""A sync fails: nobody knows what the disk holds, so the process ends; what it acknowledged is there at the next start."""

import contextlib
import http.client
import pathlib
import subprocess
import time

import pytest

import bole


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "sync_fails.so"
    source = pathlib.Path(__file__).with_name("sync_fails.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", path, source, "-ldl", "-pthread"], check=True)
    return path


@pytest.mark.parametrize("which", [f"commit:{n}" for n in (1, 2, 9, 60)] + [f"names:{n}" for n in range(1, 9)])
def test_a_failed_sync_ends_the_process_and_loses_nothing_acknowledged(tmp_path, library, which):
    data = tmp_path / "data"
    with bole.Server(data=data) as server:
        assert server.push([({"job": "load"}, [(time.time_ns(), "number=0 before")])]).status == 204
    acked, sent = {0}, {0}
    with contextlib.suppress(RuntimeError):  # it did not start: the sync was one of the start's
        with bole.Server(data=data, env={"LD_PRELOAD": str(library), "SYNC_FAILS": which}) as server:
            load = bole.Load(server, first=1)
            deadline = time.monotonic() + 20
            while server.process.poll() is None:
                assert time.monotonic() < deadline, "it went on after a sync that failed"
                time.sleep(0.05)
                with contextlib.suppress(OSError, http.client.HTTPException):
                    server.request("POST", "/flush")  # segments have names, too
            load.stop()
            acked |= load.acked
            sent |= load.sent
            assert server.process.returncode == 1
    with bole.Server(data=data) as server:
        assert bole.verdict(bole.stored_numbers(server), acked, sent) == ([], [], [])


def test_a_disk_that_takes_a_second_for_a_sync_keeps_nobody_else_waiting(tmp_path, library):
    """Writers share the syncs there are; questions are answered meanwhile, and memory stays where it was."""
    with bole.Server(data=tmp_path / "data", env={"LD_PRELOAD": str(library), "SYNC_DELAY_MS": "1000"}) as server:
        before, took = server.rss_mb(), []
        load = bole.Load(server, threads=16, lines=(1,))
        until = time.monotonic() + 6
        while time.monotonic() < until:
            begin = time.monotonic()
            assert server.get("/loki/api/v1/query", {"query": 'count_over_time({job="load"}[1h])'}).status == 200
            took.append(time.monotonic() - begin)
            time.sleep(0.05)
        load.stop()
        assert sorted(took)[len(took) * 9 // 10] < 0.5
        assert server.rss_mb() < before + 100
        assert len(load.acked) > 16 * 2  # each writer has one request under way: they were committed together
        assert bole.verdict(bole.stored_numbers(server), load.acked, load.sent) == ([], [], [])
