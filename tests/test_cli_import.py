"""Importing files: when their lines were written."""

import calendar
import gzip
import os
import time

import pytest

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
