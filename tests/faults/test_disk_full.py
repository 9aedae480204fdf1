"""A full disk: writes are refused before anything is promised, and service returns by itself."""

import contextlib
import http.client
import os
import random
import string
import subprocess
import threading
import time

import pytest

import bole

MB = 10**6


@contextlib.contextmanager
def small_disk(tmp_path, size="96m"):
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs root and mounts")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def free_bytes(folder):
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def push(server, text):
    return server.push([({"job": "full"}, [(time.time_ns(), text)])])


def test_a_full_disk_is_503_and_service_returns_when_there_is_room(tmp_path):
    with small_disk(tmp_path) as folder, bole.Server(data=folder / "data", args=["--disk-reserve", "16MB"]) as server:
        assert push(server, "before").status == 204
        filler = folder / "filler"
        filler.write_bytes(b"\0" * (free_bytes(folder) - 4 * 2**20))
        deadline = time.monotonic() + 10
        while (refused := push(server, "while full")).status == 204 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert refused.status == 503, refused.text
        assert refused.headers["Retry-After"]
        filler.unlink()
        deadline = time.monotonic() + 10
        while push(server, "after").status != 204:
            assert time.monotonic() < deadline, "the server did not return to service"
            time.sleep(0.1)
        lines = [line for _, line in server.lines('{job="full"}')]
        assert "before" in lines and "after" in lines
        server.kill()
        server.start()
        assert [line for _, line in server.lines('{job="full"}')] == lines


class Flood:
    """Writers that never let up, and somebody who looks how much of the disk is left all the time."""

    ROWS, ROW_SIZE = 20, 40_000

    def __init__(self, server, folder, writers=4):
        dice = random.Random(1)
        text = "".join(dice.choices(string.ascii_letters + string.digits, k=self.ROW_SIZE * 50))
        self.lines = [text[dice.randrange(len(text) - self.ROW_SIZE):][:self.ROW_SIZE] for _ in range(200)]
        self.server, self.folder = server, folder
        self.acked, self.statuses, self.least_free = 0, set(), free_bytes(folder)
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(i,)) for i in range(writers)]
        self._threads.append(threading.Thread(target=self._look))
        for thread in self._threads:
            thread.start()

    def _write(self, writer):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        dice = random.Random(writer)
        while not self._stop.is_set():
            values = ",".join(f'["{time.time_ns()}","{line}"]' for line in dice.sample(self.lines, self.ROWS))
            body = '{"streams":[{"stream":{"job":"full","writer":"%d"},"values":[%s]}]}' % (writer, values)
            connection.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            response.read()
            with self._lock:
                self.acked += self.ROWS * (response.status == 204)
                self.statuses.add(response.status)

    def _look(self):
        while not self._stop.wait(0.002):
            self.least_free = min(self.least_free, free_bytes(self.folder))

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


def test_fast_writers_do_not_touch_the_reserve_and_the_edge_is_quiet(tmp_path):
    """Red when the log does not keep the reserve itself: most of it was gone before the next look at the disk. What there
    is above it fits the head, so the first cut, which may use the reserve, comes with the first refusal."""
    reserve, cut_begun = 80 * MB, 16 * MB
    args = ["--disk-reserve", str(reserve), "--memory-limit", "1GB"]
    with small_disk(tmp_path, "110m") as folder, bole.Server(data=folder / "data", args=args) as server:
        flood = Flood(server, folder)
        deadline = time.monotonic() + 60
        while 503 not in flood.statuses:
            assert time.monotonic() < deadline, "the disk never filled"
            time.sleep(0.001)
        least_free = flood.least_free
        time.sleep(5)
        flood.stop()
        print(f"acked={flood.acked} least free {least_free / MB:.1f} MB of {reserve / MB:.0f}", flood.statuses)
        assert flood.statuses <= {204, 429, 503}
        assert least_free >= reserve - cut_begun
        said = [line for line in server.log if "room" in line or "refused" in line or "next file" in line]
        assert len(said) <= 4, said
        assert server.request("POST", "/flush").status in (200, 204)
        server.kill()
        server.start()
        counted = server.get("/loki/api/v1/query", {"query": 'sum(count_over_time({job="full"}[1h]))'}).json()
        assert int(counted["data"]["result"][0]["value"][1]) == flood.acked
