"""Power cut: ext4 on a loop device, shut down without flushing. Needs root; elsewhere the forgetting disk of os/fs_mem
plays the same in the unit tests."""

import contextlib
import fcntl
import os
import random
import shutil
import struct
import subprocess
import time

import pytest

import bole

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
EATMYDATA = "/usr/lib/{}/libeatmydata.so"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def loop_mounts_work(tmp_path):
    if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
        return False
    image, mount = tmp_path / "probe.img", tmp_path / "probe"
    mount.mkdir()
    with open(image, "wb") as f:
        f.truncate(16 << 20)
    try:
        run("mkfs.ext4", "-q", str(image))
        run("mount", "-o", "loop", str(image), str(mount))
    except subprocess.CalledProcessError:
        return False
    run("umount", str(mount))
    return True


class Disk:
    """A file system that can lose its power."""

    def __init__(self, folder):
        self.image, self.mount_point = folder / "disk.img", folder / "disk"
        self.mount_point.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(1 << 30)
        run("mkfs.ext4", "-q", str(self.image))
        self.mount()

    def mount(self):
        run("mount", "-o", "loop", str(self.image), str(self.mount_point))

    def cut_power(self):
        handle = os.open(self.mount_point, os.O_RDONLY)
        try:
            fcntl.ioctl(handle, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(handle)

    def unmount(self):
        for _ in range(50):
            if subprocess.run(["umount", str(self.mount_point)], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("cannot unmount")


def rounds_of_power_cuts(folder, rounds, env=None, seed=None):
    seed = seed if seed is not None else random.randrange(1 << 30)
    print("seed", seed)
    dice = random.Random(seed)
    disk = Disk(folder)
    acked, sent = set(), set()
    server = None
    try:
        for number in range(rounds):
            server = bole.Server(data=disk.mount_point / "data", env=env)
            load = bole.Load(server, first=max(sent, default=-1) + 1)
            if number % 3 == 2:
                time.sleep(0.3)
                server.request("POST", "/flush")  # a cut of the store among the rounds
            time.sleep(dice.uniform(0.2, 1.0))
            disk.cut_power()
            server.kill()
            load.stop()
            acked |= load.acked
            sent |= load.sent
            disk.unmount()
            disk.mount()
        server = bole.Server(data=disk.mount_point / "data")
        result = bole.verdict(bole.stored_numbers(server), acked, sent)
        assert acked, "the load never had an acknowledgement"
        print(f"acked={len(acked)}")
        return result
    finally:
        if server:
            server.kill()
        with contextlib.suppress(RuntimeError):
            disk.unmount()


def test_nothing_acknowledged_is_lost_by_a_power_cut(tmp_path, full):
    if not loop_mounts_work(tmp_path):
        pytest.skip("needs root and loop mounts")
    assert rounds_of_power_cuts(tmp_path, 30 if full else 10) == ([], [], [])


def test_the_test_goes_red_when_nothing_is_synced(tmp_path):
    if not loop_mounts_work(tmp_path):
        pytest.skip("needs root and loop mounts")
    machine = os.uname().machine + "-linux-gnu"
    library = EATMYDATA.format(machine)
    if not os.path.exists(library):
        pytest.skip("needs eatmydata")
    try:
        lost, *_ = rounds_of_power_cuts(tmp_path, 2, env={"LD_PRELOAD": library}, seed=1)
    except RuntimeError as error:
        assert "did not start" in str(error)  # so much was lost that the directory is no data directory any more
        return
    assert lost, "nothing was lost without a single sync: this test cannot see a lost line"
