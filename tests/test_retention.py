"""Records that have been kept long enough go, by time, by size and by rule; everything else stays."""

import time

import bole
from test_cli import run

DAY_NS = 86400 * 10**9


def push_days(server, app, days, headers=None):
    now = time.time_ns()
    answer = server.push([({"app": app}, [(now - day * DAY_NS, f"{app} of {day} days ago") for day in days])], headers)
    assert answer.status == 204, answer.text


def settle(server):
    """Everything is in segments of one UTC day each, and what is due is gone."""
    assert server.request("POST", "/flush").status == 204
    for _ in range(2):
        assert server.request("POST", "/api/v1/merge?force=true").status == 200


def days_left(server, app, headers=None):
    return sorted(int(line.split()[2]) for _, line in server.lines('{app="%s"}' % app, headers=headers))


def segment_files(server):
    return [p.name for p in (server.data / "segments").iterdir()]


def test_days_go_one_by_one():
    with bole.Server(args=["--retention", "60h"]) as server:
        push_days(server, "web", range(6))
        settle(server)
        assert days_left(server, "web") == [0, 1, 2]
        assert len(segment_files(server)) == server.metric("bole_store_segments") == 3
        assert server.metric("bole_store_retention_rows_total") == 3
        assert "time: 216000s" in server.get("/config").text
        server.stop()
        assert run("check", server.data).returncode == 0


def test_rules_by_tenant_and_selector():
    rules = ["--retention-rule", '{app="audit"}=0', "--retention-rule", "acme:=5d12h", "--retention-rule", '{app=~"debug.*"}=36h']
    with bole.Server(args=["--retention", "84h", *rules]) as server:
        for app in ("web", "audit", "debug-1"):
            push_days(server, app, range(7))
        push_days(server, "debug-1", range(7), {"X-Scope-OrgID": "acme"})
        settle(server)
        for _ in range(2):  # also after a start
            assert days_left(server, "web") == [0, 1, 2, 3]
            assert days_left(server, "audit") == list(range(7))
            assert days_left(server, "debug-1") == [0, 1]
            assert days_left(server, "debug-1", {"X-Scope-OrgID": "acme"}) == [0, 1, 2, 3, 4, 5]
            server.stop()
            assert run("check", server.data).returncode == 0
            server.start()


def test_the_oldest_go_when_all_are_too_large(server):
    push_days(server, "web", range(4))
    settle(server)
    size = int(server.metric("bole_store_segment_bytes"))
    server.stop()
    server.args = ["--retention-size", str(size // 2)]
    server.start()
    settle(server)
    assert days_left(server, "web") in ([0, 1], [0])
    assert server.metric("bole_store_segment_bytes") <= size // 2


def test_nothing_goes_without_the_flag(server):
    push_days(server, "web", [0, 1000, 10000])
    settle(server)
    assert days_left(server, "web") == [0, 1000, 10000]


def test_a_flag_that_is_wrong_is_told():
    for args, expected in [(["--retention", "soon"], b"'soon' is no time to keep records"),
                           (["--retention-rule", "7d"], b"'7d' is no rule"),
                           (["--retention-rule", '{app="a"}=soon'], b"'soon' is no time to keep records"),
                           (["--retention-rule", '{app="a"=7d'], b"--retention-rule: parse error"),
                           (["--retention-rule", 'a/b:{app="a"}=7d'], b"'a/b' is no tenant"),
                           (["--retention-size", "much"], b"--retention-size: 'much' is no size")]:
        done = run("serve", *args, check=False)
        assert done.returncode == 2 and expected in done.stderr, done.stderr
