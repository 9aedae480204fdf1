"""Importing files: when their lines were written, what they are packed and written in, and going on after a stop."""

import calendar
import gzip
import lzma
import os
import struct
import subprocess
import time

import pytest

import bole
from test_cli import run

DAY = 86400
FAR = 2 * 10**18  # 2033


def utc(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%d %H:%M:%S"))


def stamps(server, path, lines, modified, pack=lambda data: data, args=()):
    """Imports the lines as a file of that time of modification; the times that were given to them, in the file's order."""
    path.write_bytes(pack("".join(f"{line} host app: {number}\n" for number, line in enumerate(lines)).encode()))
    os.utime(path, (modified, modified))
    run("import", *args, path, server=server)
    found = {int(line.rsplit(" ", 1)[1]): ns // 10**9 for ns, line in server.lines('{job="import"}', end=FAR)}
    return [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(found[number])) for number in range(len(lines))]


def syslog(seconds):
    return time.strftime("%b %e %H:%M:%S", time.gmtime(seconds))


def check(server, path, written, modified=None, **more):
    assert stamps(server, path, [syslog(utc(text)) for text in written], modified or utc(written[-1]), **more) == written


def test_a_file_that_crosses_new_year(server, tmp_path):
    check(server, tmp_path / "syslog", ["2018-12-30 10:00:00", "2018-12-31 23:59:59", "2019-01-01 00:00:00", "2019-01-02 10:00:00"])


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
def test_a_file_of_several_years(server, tmp_path, pack):
    days = [utc("2015-11-20 12:00:00") + 20 * DAY * i for i in range(70)]  # nearly four years, with a 29 February
    check(server, tmp_path / "syslog", [time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(day)) for day in days], pack=pack)


def test_a_file_that_was_touched_long_after_its_last_line(server, tmp_path):
    check(server, tmp_path / "syslog", ["2017-12-31 10:00:00", "2018-01-01 10:00:00"], modified=utc("2018-11-30 10:00:00"))


def test_lines_a_little_out_of_order_stay_in_their_year(server, tmp_path):
    check(server, tmp_path / "syslog", ["2018-12-31 23:59:59", "2019-01-01 00:00:01", "2018-12-31 23:59:58", "2019-01-01 00:00:02"])


def test_a_clock_that_was_lost_for_a_while_is_no_new_year(server, tmp_path):
    lines = ["Nov  5 10:00:00", "Nov  5 10:00:01", "Jan  1 00:00:07", "Jan  1 00:00:09", "Nov  5 10:05:00", "Nov  6 10:00:00"]
    found = stamps(server, tmp_path / "syslog", lines, utc("2018-11-06 10:00:00"))
    assert found[:2] + found[4:] == ["2018-11-05 10:00:00", "2018-11-05 10:00:01", "2018-11-05 10:05:00", "2018-11-06 10:00:00"]


def test_a_file_of_this_year_is_dated_as_before(server, tmp_path):
    now = int(time.time())
    lines = [syslog(now - 3 * DAY), syslog(now - DAY), syslog(now)]
    assert stamps(server, tmp_path / "syslog", lines, now)[-1] == time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now))


def test_a_pipe_has_no_time_of_modification_and_goes_by_now(server):
    now = int(time.time())
    run("import", "-", server=server, stdin=f"{syslog(now - DAY)} host app: 1\n".encode())
    assert [ns // 10**9 for ns, _ in server.lines('{job="import"}', end=FAR)] == [now - DAY]


def test_stamps_with_a_year_are_taken_as_they_are(server, tmp_path):
    lines = ["2019-05-05T00:00:00Z", "2012-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]
    found = stamps(server, tmp_path / "app.log", lines, utc("2018-01-01 00:00:00"))
    assert found == ["2019-05-05 00:00:00", "2012-01-01 00:00:00", "2030-01-01 00:00:00"]


@pytest.mark.parametrize("line", ["plain text", '{"msg":"as JSON"}'])
@pytest.mark.parametrize("labels", ['app="api", env="te=st"', ' {env="te=st",app="api"} '])
def test_labels_go_with_every_format(server, tmp_path, line, labels):
    path = tmp_path / "a.log"
    path.write_text(line + "\n")
    run("import", "--labels", labels, path, server=server)
    (stream,) = server.get("/loki/api/v1/series", {"match[]": '{app="api"}'}).json()["data"]
    assert stream == {"app": "api", "env": "te=st", "filename": str(path), "job": "import", "service_name": "api"}


def test_a_label_stands_above_the_importer_s_own(server):
    run("import", "--labels", 'job="mine"', "-", server=server, stdin=b'{"msg":"x"}\n')
    assert server.get("/loki/api/v1/label/job/values").json()["data"] == ["mine"]


def test_labels_that_cannot_be_sent_are_refused(server):
    line = b'{"msg":"x"}\n'
    done = run("import", "--labels", 'app="a,b"', "-", server=server, stdin=line, check=False)
    assert done.returncode == 1 and b"the label app holds a comma" in done.stderr
    done = run("import", "--labels", "app=api", "-", server=server, stdin=line, check=False)
    assert done.returncode == 2 and b"--labels: " in done.stderr


# ---- CSV ----

def fields_of(server, query):
    """Line and labels of each record, oldest first."""
    streams = server.get("/loki/api/v1/query_range", {"query": query, "start": "0", "end": str(FAR), "direction": "forward",
                                                      "limit": "1000"}).json()["data"]["result"]
    rows = sorted((int(ns), line, stream["stream"]) for stream in streams for ns, line, *_ in stream["values"])
    return [(ns, line, labels) for ns, line, labels in rows]


def test_csv(server, tmp_path):
    path = tmp_path / "audit.csv"
    path.write_bytes(b'\xef\xbb\xbftime;app;"user name";message;\r\n2026-11-20T10:00:00Z;shop;"Ann ""A"" Lee";"two\nlines; one cell";x\r\n'
                     b'\r\n2026-11-20T10:00:01Z;shop;;plain "quotes" stay\n2026-11-20T10:00:02Z;shop;Bob;last;;too many')
    done = run("import", path, server=server)
    assert b"3 lines stored" in done.stderr
    rows = fields_of(server, '{app="shop"}')
    assert [(ns // 10**9 - 1795168800, line, labels.get("user_name")) for ns, line, labels in rows] == [
        (0, "two\nlines; one cell", 'Ann "A" Lee'), (1, 'plain "quotes" stay', None), (2, "last", "Bob")]
    assert rows[0][2]["column_5"] == "x" and rows[2][2]["column_6"] == "too many"


@pytest.mark.parametrize("name", ["x.ndjson", "x.jsonl"])
def test_what_is_called_json_lines_and_begins_otherwise(server, tmp_path, name):
    path = tmp_path / name
    path.write_text('no JSON\n{"msg":"one"}\n\n{"msg":\n{"msg":"two"}\n')
    done = run("import", path, server=server, check=False)
    said = done.stderr.decode()
    assert done.returncode == 1 and "line 1: invalid JSON" in said and "line 4: invalid JSON" in said and "2 lines refused" in said
    assert sorted(line for _, line, _ in fields_of(server, '{job="import"}')) == ["one", "two"]


def test_csv_without_a_message_is_json_and_its_separator_is_found(server, tmp_path):
    path = tmp_path / "numbers.tsv.gz"
    path.write_bytes(gzip.compress(b"ts\tn\n1795168800\t1,5\n"))
    run("import", "--labels", 'app="n"', path, server=server)
    ((ns, line, labels),) = fields_of(server, '{app="n"}')
    assert (ns, line, labels["n"]) == (1795168800 * 10**9, '{"ts":"1795168800","n":"1,5"}', "1,5")


@pytest.mark.parametrize("text", [b"", b"\n\n", b"a,b", b"a,b\n", b'a,b\n"open', b'"', b"a,b\n,,,,\n", b"," * 2000, b"a\n" + b'"' * 100001])
def test_csv_that_is_broken_ends(server, tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_bytes(text)
    done = run("import", path, server=server, check=False)
    assert done.returncode in (0, 1) and (done.returncode == 0 or b"more than 1024 columns" in done.stderr)


def test_a_quote_that_nobody_closes_costs_a_bounded_part(server, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text('app,msg\nq,first\nq,"open\n' + "".join(f"q,line {i}\n" for i in range(200000)))
    began = time.process_time()
    run("import", path, server=server)
    assert len(server.lines('{app="q"}', limit=5000)) >= 1000 and time.process_time() - began < 30


# ---- other packings, the journal ----

def test_xz_of_several_streams(server, tmp_path):
    path = tmp_path / "a.log.xz"
    path.write_bytes(lzma.compress(b"one\ntw") + b"\0" * 8 + lzma.compress(b"o\n" + b"x" * 700000 + b"\n"))
    run("import", path, server=server)
    assert sorted(len(line) for _, line in server.lines('{job="import"}', end=FAR)) == [3, 3, 700000]


@pytest.mark.parametrize("damage,said", [(lambda b: b[:-9], b"ends in the middle of a stream"), (lambda b: b[:40] + b"\xff" * 20 + b[60:], b"broken")])
def test_xz_that_is_broken(server, tmp_path, damage, said):
    path = tmp_path / "a.log.xz"
    path.write_bytes(damage(lzma.compress(os.urandom(5000))))
    done = run("import", path, server=server, check=False)
    assert done.returncode == 1 and said in done.stderr


def entry(number, message):
    data = message if isinstance(message, bytes) else message.encode()
    value = b"MESSAGE=" + data if b"\n" not in data else b"MESSAGE\n" + struct.pack("<Q", len(data)) + data
    return (b"__CURSOR=s=%d\n__REALTIME_TIMESTAMP=%d\n_HOSTNAME=h1\n_SYSTEMD_UNIT=ssh.service\nPRIORITY=4\n" % (number, 1795168800000000 + number)
            + value + b"\n")


def test_the_journal_s_export(server, tmp_path):
    path = tmp_path / "journal"
    dump = b"COREDUMP\n" + struct.pack("<Q", 3000000) + b"\n" * 3000000 + b"\n"
    path.write_bytes(entry(1, "first") + b"\n" + entry(2, "two\nlines\n\nand a blank one") + dump + b"\n" + entry(3, "last"))
    done = run("import", path, server=server)
    assert b"3 lines stored" in done.stderr
    rows = fields_of(server, '{service_name="ssh", host="h1"}')
    assert [line for _, line, _ in rows] == ["first", "two\nlines\n\nand a blank one", "last"]
    assert rows[0][2]["detected_level"] == "warn"


def test_the_journal_through_a_pipe_and_one_that_breaks_off(server):
    run("import", "-", server=server, stdin=entry(1, "piped") + b"\n")
    assert len(server.lines('{service_name="ssh"}', end=FAR)) == 1
    done = run("import", "-", server=server, stdin=entry(2, "whole") + b"\n" + entry(3, "a\nb")[:-3], check=False)
    assert done.returncode == 1 and b"ends in the middle of a field" in done.stderr
    assert [line for _, line in server.lines('{service_name="ssh"}', end=FAR)] == ["piped", "whole"]


# ---- going on where it was stopped ----

FORMATS = {"a.log": "2026-11-20T10:00:00Z line {}\n", "a.ndjson": '{{"msg":"2026-11-20T10:00:00Z line {}"}}\n', "a.csv": '"2026-11-20T10:00:00Z line {}"\n'}


@pytest.mark.parametrize("name", FORMATS)
def test_resume(server, tmp_path, name):
    path, state = tmp_path / name, tmp_path / "state"
    line = FORMATS[name].format

    def imported():
        done = run("import", "--labels", 'app="r"', "--resume", state, path, server=server)
        return done.stderr.decode(), [text for _, text in server.lines('{app="r"}', end=FAR, limit=5000)]
    path.write_text(("msg\n" if name == "a.csv" else "") + "".join(line(i) for i in range(10)))
    said, lines = imported()
    assert "10 lines stored" in said and len(lines) == 10
    with path.open("a") as more:
        more.write("".join(line(i) for i in range(10, 15)))
    said, lines = imported()
    assert "5 lines stored" in said and "10 lines were stored before" in said
    assert sorted(lines) == sorted(f"2026-11-20T10:00:00Z line {i}" for i in range(15))
    path.unlink()
    path.write_text(("msg\n" if name == "a.csv" else "") + line(99))  # another file of that name
    said, lines = imported()
    assert "1 line stored" in said and len(lines) == 16


def test_resume_after_the_server_went_away(tmp_path):
    """Killed at any time, then begun again: every line is there; twice at most what was not yet answered."""
    path, state = tmp_path / "big.log", tmp_path / "state"
    path.write_text("".join(f"2026-11-20T10:00:00Z line {i} {'x' * 200}\n" for i in range(60000)))
    with bole.Server(data=tmp_path / "data") as server:
        server.args += ["--listen", f"127.0.0.1:{server.port}"]
        process = subprocess.Popen([str(bole.BINARY), "import", "--addr", server.url, "--labels", 'app="r"', "--resume", str(state), str(path)],
                                   stderr=subprocess.PIPE)
        while not state.exists() and process.poll() is None:
            time.sleep(0.001)
        server.kill()
        assert process.wait(30) == 1 and b"lines" in process.stderr.read()
        process.stderr.close()
        server.start()
        done = run("import", "--labels", 'app="r"', "--resume", state, path, server=server)
        assert b"were stored before" in done.stderr
        counted = server.get("/loki/api/v1/query", {"query": 'sum(count_over_time({app="r"}[1h]))', "time": "1795168801"}).json()
        assert int(counted["data"]["result"][0]["value"][1]) == 60000


def test_a_state_that_is_none_is_left_alone(server, tmp_path):
    path, state = tmp_path / "a.log", tmp_path / "state"
    path.write_text("x\n")
    state.write_text("precious\n")
    done = run("import", "--resume", state, path, server=server, check=False)
    assert done.returncode == 1 and b"is no state of an import" in done.stderr and state.read_text() == "precious\n"
