"""Backups of a running server, and what can be made of them."""

import io
import shutil
import subprocess
import tarfile
import threading

import pytest

import bole
from test_cli import run

QUERY = '{app=~".+"}'


def push(server, app, count, first=0):
    values = [(1_700_000_000_000_000_000 + i, f"line {i} of {app}") for i in range(first, first + count)]
    answer = server.push([({"app": app}, values)])
    assert answer.status == 204, answer.text
    return values


def restored(data):
    return bole.Server(data=data)


def lines(server):
    return sorted(line for _, line in server.lines(QUERY))


def segments(data):
    return sorted(path.name for path in (data / "segments").iterdir())


def backup(server, to, **more):
    return run("backup", "--addr", server.url, to, **more)


def test_a_backup_has_what_was_acknowledged_before_it(server, tmp_path):
    push(server, "a", 1000)
    assert b"1000 rows in 1 segment" in backup(server, tmp_path / "b").stdout
    push(server, "later", 1)
    assert b"0 problems" in run("check", tmp_path / "b").stdout
    done = run("restore", tmp_path / "b", tmp_path / "data")
    assert b"1000 rows in 1 segment" in done.stdout and f"bole serve --data {tmp_path}/data".encode() in done.stdout
    with restored(tmp_path / "data") as again:
        assert lines(again) == sorted(f"line {i} of a" for i in range(1000))
        push(again, "new", 1)
        assert len(lines(again)) == 1001


def test_a_second_backup_fetches_only_what_is_new(server, tmp_path):
    push(server, "a", 500)
    backup(server, tmp_path / "b")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "b/segments").iterdir()}
    push(server, "b", 10)
    done = backup(server, tmp_path / "b")
    assert b"510 rows in 2 segments" in done.stdout and b"new: 1 segment" in done.stdout
    for name, stamp in before.items():
        assert (tmp_path / "b/segments" / name).stat().st_mtime_ns == stamp
    server.request("POST", "/api/v1/merge?force=true")
    assert b"510 rows in 1 segment" in backup(server, tmp_path / "b").stdout
    assert len(segments(tmp_path / "b")) == 1, "what was merged away is gone from the backup, too"
    run("restore", tmp_path / "b", tmp_path / "data")
    with restored(tmp_path / "data") as again:
        assert lines(again) == lines(server)


def test_a_damaged_file_of_the_backup_is_fetched_again_when_its_size_differs(server, tmp_path):
    push(server, "a", 500)
    backup(server, tmp_path / "b")
    name = segments(tmp_path / "b")[0]
    with (tmp_path / "b/segments" / name).open("r+b") as f:
        f.truncate(100)
    assert b"new: 1 segment" in backup(server, tmp_path / "b").stdout
    assert b"0 problems" in run("check", tmp_path / "b").stdout


def test_an_archive_is_a_data_directory(server, tmp_path):
    push(server, "a", 300)
    archive = server.get("/api/v1/backup")
    assert archive.headers["Content-Type"] == "application/x-tar"
    with tarfile.open(fileobj=io.BytesIO(archive.body)) as tar:
        assert tar.getnames()[-1] == "catalog.db"
        tar.extractall(tmp_path / "data")
    with restored(tmp_path / "data") as again:
        assert lines(again) == lines(server)


def test_an_archive_can_be_restored_from_a_pipe_or_a_file(server, tmp_path):
    push(server, "a", 300)
    (tmp_path / "b.tar").write_bytes(server.get("/api/v1/backup").body)
    with (tmp_path / "b.tar").open("rb") as archive:
        subprocess.run([bole.BINARY, "restore", "-", tmp_path / "one"], stdin=archive, check=True, capture_output=True)
    assert b"300 rows" in run("restore", tmp_path / "b.tar", tmp_path / "two").stdout
    assert b"0 problems" in run("check", tmp_path / "one").stdout + run("check", tmp_path / "two").stdout


@pytest.mark.parametrize("size", [0, 1, 511, 512, 3000])
def test_an_archive_that_is_cut_off_is_refused(server, tmp_path, size):
    push(server, "a", 300)
    (tmp_path / "b.tar").write_bytes(server.get("/api/v1/backup").body[:size])
    done = run("restore", tmp_path / "b.tar", tmp_path / "data", check=False)
    assert done.returncode == 1 and b"not complete" in done.stderr
    assert not (tmp_path / "data/catalog.db").exists()


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "segments/../../evil", "segments/a/b", "segments/", "wal/1", "segments/x~"])
def test_an_archive_with_other_files_is_refused(tmp_path, name):
    with tarfile.open(tmp_path / "b.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        info = tarfile.TarInfo(name)
        info.size = 4
        tar.addfile(info, io.BytesIO(b"evil"))
    done = run("restore", tmp_path / "b.tar", tmp_path / "out/data", check=False)
    assert done.returncode == 1, done.stdout
    assert not [path for path in tmp_path.rglob("*") if "evil" in path.name]


def test_a_link_in_an_archive_is_refused(tmp_path):
    with tarfile.open(tmp_path / "b.tar", "w") as tar:
        info = tarfile.TarInfo("segments/1")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    done = run("restore", tmp_path / "b.tar", tmp_path / "data", check=False)
    assert done.returncode == 1 and b"not a plain file" in done.stderr


def test_a_backup_that_breaks_off_leaves_the_one_before(server, tmp_path):
    push(server, "a", 200)
    backup(server, tmp_path / "b")
    push(server, "b", 200)
    server.request("POST", "/flush")
    name = segments(server.data)[-1]
    path = server.data / "segments" / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])  # the disk lost a part: reading it fails in the middle
    done = backup(server, tmp_path / "b", check=False)
    assert done.returncode == 1 and b"broke off" in done.stderr
    run("restore", tmp_path / "b", tmp_path / "data")
    with restored(tmp_path / "data") as again:
        assert lines(again) == sorted(f"line {i} of a" for i in range(200))
    server.stop()
    assert any("a backup was broken off" in line for line in server.log)


def test_damage_in_the_server_is_told(server, tmp_path):
    push(server, "a", 2000)
    server.request("POST", "/flush")
    path = server.data / "segments" / segments(server.data)[0]
    data = bytearray(path.read_bytes())
    data[200] ^= 1
    path.write_bytes(data)
    done = backup(server, tmp_path / "b", check=False)
    assert done.returncode == 1 and b"checksum" in done.stdout


def test_backups_while_rows_come_and_segments_are_merged(server, tmp_path):
    load = bole.Load(server, threads=2)
    stop = threading.Event()

    def churn():
        while not stop.is_set():
            server.request("POST", "/flush")
            server.request("POST", "/api/v1/merge?force=true")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for i in range(5):
            acked = set(load.acked)
            backup(server, tmp_path / "b")
            shutil.copytree(tmp_path / "b", tmp_path / f"copy{i}")
            with restored(tmp_path / f"copy{i}") as again:
                counts = bole.stored_numbers(again)
            assert bole.verdict(counts, acked, load.sent | set(counts)) == ([], [], [])
    finally:
        stop.set()
        thread.join()
        load.stop()


def test_the_data_directory_of_a_server_is_not_written_over(server, tmp_path):
    push(server, "a", 10)
    with bole.Server() as other:
        push(other, "b", 10)
        for _ in range(2):
            done = backup(server, other.data, check=False)
            assert done.returncode == 1 and b"needs one of its own" in done.stderr
            other.stop()
        assert b"is not empty" in run("restore", tmp_path, other.data, check=False).stderr
        assert b"is the data directory of a server" in run("restore", other.data, tmp_path / "new", check=False).stderr
        other.start()
        assert lines(other) == sorted(f"line {i} of b" for i in range(10))


def test_what_is_no_backup_is_told(tmp_path):
    (tmp_path / "x").mkdir()
    (tmp_path / "text").write_text("no archive at all" * 100)
    assert b"no catalog.db" in run("restore", tmp_path / "x", tmp_path / "data", check=False).stderr
    assert b"not a tar archive" in run("restore", tmp_path / "text", tmp_path / "data2", check=False).stderr
    assert b"No such file" in run("restore", tmp_path / "none", tmp_path / "data3", check=False).stderr


def test_a_lost_catalogue_is_made_again_from_the_segments(server, tmp_path):
    for i in range(3):
        push(server, f"cut{i}", 400)
        server.request("POST", "/flush")
    server.request("POST", "/api/v1/merge?force=true")
    push(server, "head", 50)
    expected = lines(server)
    server.kill()
    for path in server.data.glob("catalog.db*"):
        path.unlink()
    with pytest.raises(RuntimeError, match="belongs to another catalogue|lost its newest entries"):
        server.start()
    assert run("check", server.data, check=False).returncode == 1
    done = run("restore", "--from-segments", server.data)
    assert b"1200 rows in 1 segment" in done.stdout
    server.start()
    assert lines(server) == expected, "what was in the log only is there, too"
    assert b"in use by process" in run("restore", "--from-segments", server.data, check=False).stderr
    server.stop()
    assert b"0 problems" in run("check", server.data).stdout
    done = run("restore", "--from-segments", tmp_path, check=False)
    assert done.returncode == 1 and b"there are no segments" in done.stderr
