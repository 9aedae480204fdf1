"""A sync fails: nobody knows what the disk holds, so the process ends; what it acknowledged is there when it starts again."""

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
    try:
        server = bole.Server(data=data, env={"LD_PRELOAD": str(library), "SYNC_FAILS": which})
    except RuntimeError:
        pass  # it was one of the start's
    else:
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
        assert server.kill() == 1
    with bole.Server(data=data) as server:
        assert bole.verdict(bole.stored_numbers(server), acked, sent) == ([], [], [])
