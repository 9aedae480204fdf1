"""A full disk: writes are refused before anything is promised, and service returns by itself."""

import os
import pathlib
import shutil
import subprocess
import time

import pytest

import bole


def mount_small(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("needs root and mounts")
    return folder


def push(server, text):
    return server.push([({"job": "full"}, [(time.time_ns(), text)])])


def test_a_full_disk_is_503_and_service_returns_when_there_is_room(tmp_path):
    folder = mount_small(tmp_path)
    try:
        with bole.Server(data=folder / "data", args=["--disk-reserve", "16MB"]) as server:
            assert push(server, "before").status == 204
            filler = folder / "filler"
            free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
            filler.write_bytes(b"\0" * (free - 4 * 2**20))
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
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)
