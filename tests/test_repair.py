"""What a damaged disk leaves is said, written anew as far as it can be read, and served."""

import time

import bole
from test_cli import run

BASE = (time.time_ns() // 10**9 - 3600) * 10**9


def fill(server, app, count, first=0):
    values = [(BASE + (first + i) * 10**6, f"{app} line {first + i}") for i in range(count)]
    assert server.push([({"app": app}, values)]).status == 204


def segments(server):
    return sorted((server.data / "segments").iterdir())


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 4
    path.write_bytes(content)


def two_segments(server):
    for app in ("one", "two"):
        fill(server, app, 500)
        assert server.request("POST", "/flush").status == 204
    fill(server, "log", 3)  # still in the write-ahead log alone


def test_a_damaged_index_costs_no_row(server):
    two_segments(server)
    path = segments(server)[0]
    server.stop()
    size = path.stat().st_size
    told = run("check", server.data).stdout.decode()
    assert "0 problems" in told
    # the header's number of the store: nothing that rows need
    flip(path, 20)
    assert run("check", server.data, check=False).returncode == 1
    done = run("check", "--repair", server.data, check=False)
    assert b"repaired: 1 segment; 500 rows kept, 0 lost" in done.stdout and done.returncode == 0, done.stdout
    assert (server.data / "damaged" / path.name).stat().st_size == size
    assert run("check", server.data).returncode == 0
    server.start()
    assert len(server.lines('{app=~"one|two|log"}')) >= 1000


def test_what_cannot_be_read_is_counted_and_the_rest_is_served(server):
    two_segments(server)
    path = segments(server)[0]
    server.stop()
    flip(path, path.stat().st_size - 30)
    done = run("check", "--repair", server.data, check=False)
    lost = int(done.stdout.split(b" lost")[0].split()[-1])
    assert done.returncode == 1 and lost == 500, done.stdout
    assert run("check", server.data).returncode == 0
    server.start()
    assert len(server.lines('{app="one"}')) == 0 and len(server.lines('{app="two"}')) == 500
    assert server.get("/ready").status == 200


def test_a_repair_of_what_is_well_changes_nothing(server):
    two_segments(server)
    server.stop()
    before = [p.name for p in segments(server)]
    assert b"repaired: 0 segments; 0 rows kept, 0 lost\n" in run("check", "--repair", server.data).stdout
    assert [p.name for p in segments(server)] == before and not (server.data / "damaged").exists()
