"""Damage to the write-ahead log: what is whole is served, and every answer says that rows may be missing."""

import json
import struct
import subprocess
import time

import pytest

import bole

HEADER, FRAME = 4096, struct.Struct("<IIQQQ")  # docs/format/wal.md: checksum, length, file id, LSN, durable LSN


def frames(path):
    """(offset, size, LSN) of every frame of a file."""
    data, found = path.read_bytes(), []
    (file_id,) = struct.unpack_from("<Q", data, 16)
    at = HEADER
    while at + FRAME.size <= len(data):
        _, length, owner, lsn, _ = FRAME.unpack_from(data, at)
        if owner != file_id or length == 0:
            break
        found.append((at, FRAME.size + length, lsn))
        at += (FRAME.size + length + 7) & ~7
    return found


def wal_files(server):
    return sorted((server.data / "wal").glob("*.wal"))


def file_in_use(server):
    return [path for path in wal_files(server) if frames(path)][-1]


def flip_a_bit_in_the_middle(server):
    path = file_in_use(server)
    all_frames = frames(path)
    offset, size, _ = all_frames[len(all_frames) // 2]
    with open(path, "r+b") as f:
        f.seek(offset + size - 1)
        byte = f.read(1)[0]
        f.seek(offset + size - 1)
        f.write(bytes([byte ^ 1]))
    return 1


def delete_the_newest(server):
    path = file_in_use(server)
    count = len(frames(path))
    path.unlink()
    return count


def cut_the_newest_short(server):
    path = file_in_use(server)
    offset, _, _ = frames(path)[-2]
    with open(path, "r+b") as f:
        f.truncate(offset)
    return 2


def warnings(server):
    answers = [server.get("/loki/api/v1/" + way, {"query": query, "start": "0"}).json().get("warnings", [])
               for way, query in (("query_range", '{job="w"}'), ("query", 'count_over_time({job="w"}[1h])'))]
    rows = server.get("/api/v1/query", {"query": '{job="w"}', "start": "0"}).text.splitlines()
    answers.append([json.loads(row)["warning"] for row in rows if "warning" in json.loads(row)])
    return answers


def lines(server):
    return {line for _, line in server.lines('{job="w"}')}


@pytest.mark.parametrize("damage", [flip_a_bit_in_the_middle, delete_the_newest, cut_the_newest_short])
def test_damage_is_told_with_every_answer_until_it_is_released(server, damage):
    for i in range(40):
        assert server.push([({"job": "w"}, [(time.time_ns(), f"line {i}")])]).status == 204
    assert warnings(server) == [[], [], []]
    server.kill()
    lost = damage(server)
    check = subprocess.run([str(bole.BINARY), "check", str(server.data)], capture_output=True, text=True, timeout=60)
    assert check.returncode == 1 and "wal/" in check.stdout
    for restart in range(2):  # told at every start
        server.start()
        counted = int(server.metric("bole_queue_corrupt_frames"))
        assert 1 <= counted <= lost
        assert 40 - lost == len(lines(server)) - restart
        told = warnings(server)
        assert all(len(one) == 1 and f"write-ahead log damaged or gone: {counted}," in one[0] for one in told), told
        assert server.push([({"job": "w"}, [(time.time_ns(), f"after {restart}")])]).status == 204
        server.kill()
    server.start()
    there = lines(server)
    server.request("POST", "/flush")
    server.stop()
    server.start()
    assert warnings(server) == [[], [], []]
    assert lines(server) == there


def test_an_undamaged_log_warns_of_nothing(server):
    """Kills at any moment of a file's life, of the log's growth and of its shrinking."""
    for round_number in range(6):
        load = bole.Load(server, first=round_number * 10**6)
        time.sleep(0.4)
        if round_number % 2:
            server.request("POST", "/flush")
        server.kill()
        load.stop()
        server.start()
        assert server.metric("bole_queue_corrupt_frames") == 0
        assert warnings(server) == [[], [], []]
