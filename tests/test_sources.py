"""Who sends: by tenant, door, address and agent, over restarts."""

import json
import socket
import subprocess
import time

import bole


def sources(server, tenant="default"):
    return {(s["door"], s["agent"]): s for s in server.get("/api/v1/sources", headers={"X-Scope-OrgID": tenant}).json()["sources"]}


def test_sources_are_counted_and_kept(tmp_path):
    server = bole.Server(data=tmp_path / "data", args=["--listen-syslog", "127.0.0.1:0"])
    try:
        old = time.time_ns() - 100 * 10**9
        agent = {"User-Agent": "shipper/1.2"}
        assert server.push([({"app": "a"}, [(old + i, "line") for i in range(10)])], agent).status == 204
        assert server.request("POST", "/insert/jsonline", '{"_msg":"x"}\n{', agent).status == 200
        assert server.request("POST", "/insert/jsonline", '{"_msg":"x"}', {**agent, "X-Scope-OrgID": "other"}).status == 200
        assert server.request("POST", "/insert/jsonline?debug=1", '{"_msg":"x"}', {"User-Agent": "nobody"}).status == 200
        assert server.request("POST", "/v1/logs", "no json", {**agent, "Content-Type": "application/json"}).status == 400
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.sendto(b"<14>1 - host app - - - hello", ("127.0.0.1", server.door("syslog")))
        end = time.monotonic() + 10
        while ("syslog", "") not in sources(server) and time.monotonic() < end:
            time.sleep(0.05)
        for _ in range(2):
            found = sources(server)
            assert set(found) == {("loki", "shipper/1.2"), ("jsonline", "shipper/1.2"), ("otlp", "shipper/1.2"), ("syslog", "")}
            loki, lines = found["loki", "shipper/1.2"], found["jsonline", "shipper/1.2"]
            assert (loki["records"], loki["batches"], loki["errors"], loki["client"]) == (10, 1, 0, "127.0.0.1")
            assert 95 < loki["lag_seconds"] < 130 and loki["first_seen"] == loki["last_seen"]
            assert (lines["records"], lines["errors"]) == (1, 1) and lines["bytes"] > 0
            assert found["otlp", "shipper/1.2"]["errors"] == 1 and found["syslog", ""]["client"] == "127.0.0.1"
            assert set(sources(server, "other")) == {("jsonline", "shipper/1.2")}
            assert server.metric("bole_receive_sources") == 5
            server.stop()
            server.start()
        out = subprocess.run([str(bole.BINARY), "sources", "--addr", server.url], capture_output=True, text=True, timeout=20).stdout
        assert len(out.splitlines()) == 5 and "shipper/1.2" in out
    finally:
        server.kill()


def test_a_rate_is_seen_and_fades(server):
    for _ in range(20):
        assert server.request("POST", "/insert/jsonline", "\n".join(json.dumps({"_msg": "x"}) for _ in range(30))).status == 200
    (source,) = server.get("/api/v1/sources").json()["sources"]
    assert source["records"] == 600 and 8 < source["records_per_second"] <= 10
