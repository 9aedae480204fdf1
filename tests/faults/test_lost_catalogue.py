"""A catalogue that has lost its newest entries must not cost a single good segment."""

import os
import shutil
import subprocess
import time

import bole


def test_a_catalogue_that_went_back_in_time_is_refused_and_no_segment_is_touched(server):
    old = server.data.parent / f"{server.data.name}-old"
    try:
        server.push([({"job": "c"}, [(time.time_ns(), "first")])])
        server.request("POST", "/flush")
        server.stop()
        old.mkdir()
        for name in ("catalog.db", "catalog.db-wal"):
            if (server.data / name).exists():
                shutil.copy(server.data / name, old / name)
        server.start()
        server.push([({"job": "c"}, [(time.time_ns(), "second")])])
        server.request("POST", "/flush")
        server.stop()
        segments = sorted(p.name for p in (server.data / "segments").iterdir())
        newest = server.data.parent / f"{server.data.name}-new"
        newest.mkdir()
        for name in ("catalog.db", "catalog.db-wal"):
            if (server.data / name).exists():
                shutil.move(server.data / name, newest / name)
            if (old / name).exists():
                shutil.copy(old / name, server.data / name)
        refused = subprocess.run([str(bole.BINARY), "serve", "--data", str(server.data), "--listen", "127.0.0.1:0"],
                                 capture_output=True, timeout=20, env=os.environ)
        assert refused.returncode == 1 and b"has lost its newest entries" in refused.stderr
        assert sorted(p.name for p in (server.data / "segments").iterdir()) == segments
        for name in ("catalog.db", "catalog.db-wal"):
            (server.data / name).unlink(missing_ok=True)
            if (newest / name).exists():
                shutil.move(newest / name, server.data / name)
        shutil.rmtree(newest)
        server.start()
        assert [line for _, line in server.lines('{job="c"}')] == ["first", "second"]
    finally:
        shutil.rmtree(old, ignore_errors=True)
