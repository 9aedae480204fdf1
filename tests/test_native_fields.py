"""/api/v1/fields: true counts of what rows have."""

import json
import random
import time

import pytest

import bole

NOW = time.time_ns() // 10**9 * 10**9


def ask(server, query='{app="web"}', status=200, headers=None, **params):
    params = {"query": query, "start": str(NOW - 3600 * 10**9), "end": str(NOW + 1), **params}
    answer = server.get("/api/v1/fields", params, headers)
    assert answer.status == status, answer.text
    return answer.json()["data"] if status == 200 else answer.text


def by_name(data):
    return {f["name"]: f for f in data["fields"]}


@pytest.fixture
def filled(server):
    """1,000 JSON lines, 500 of logfmt, 100 plain; half of them cut."""
    rows = [(NOW - i, json.dumps({"status": 200 if i % 10 else 500, "user": {"id": f"u{i % 7}"}, "took": f"{i}ms"}), {"trace": f"t{i}"})
            for i in range(1000)]
    server.push([({"app": "web", "host": "a"}, rows)])
    server.request("POST", "/flush")
    server.push([({"app": "web", "host": "b"}, [(NOW - i, f"level=error n={i} note=\"x y\"") for i in range(500)])])
    server.push([({"app": "web", "host": "b"}, [(NOW - i, f"plain text {i}") for i in range(100)])])
    return server


def test_counts_are_of_all_rows_and_say_where_a_field_is_from(filled):
    data = ask(filled)
    assert data["rows"] == 1600 and data["complete"] is True
    found = by_name(data)
    assert {n: (f["origin"], f["rows"], f["distinct"]) for n, f in found.items()} == {
        "app": ("label", 1600, 1), "host": ("label", 1600, 2), "service_name": ("label", 1600, 1), "detected_level": ("metadata", 1600, 2),
        "trace": ("metadata", 1000, 1000), "status": ("parsed", 1000, 2), "user_id": ("parsed", 1000, 7), "took": ("parsed", 1000, 1000),
        "level": ("parsed", 500, 1), "n": ("parsed", 500, 500), "note": ("parsed", 500, 1)}
    assert found["host"]["values"] == [{"value": "a", "rows": 1000}, {"value": "b", "rows": 600}]
    assert found["status"]["values"] == [{"value": "200", "rows": 900}, {"value": "500", "rows": 100}]
    assert [f["rows"] for f in data["fields"]] == sorted((f["rows"] for f in data["fields"]), reverse=True)
    assert all(f["distinct_exact"] and f["values_error"] == 0 for f in data["fields"])


def test_numbers_have_a_distribution(filled):
    found = by_name(ask(filled))
    assert found["n"]["type"] == "number" and found["note"]["type"] == "string" and "numbers" not in found["note"]
    numbers = found["n"]["numbers"]
    assert (numbers["rows"], numbers["min"], numbers["max"], numbers["avg"]) == (500, 0, 499, 249.5)
    assert abs(numbers["p50"] - 249.5) < 5 and abs(numbers["p99"] - 494) < 5
    assert found["took"]["numbers"]["max"] == 0.999 # seconds


def test_filters_parsers_and_choices(filled):
    assert ask(filled, '{app="web"} | json | status = "500"')["rows"] == 100
    assert "level" not in by_name(ask(filled, '{app="web"} | json'))
    assert {f["origin"] for f in ask(filled, parse="none")["fields"]} == {"label", "metadata"}
    only = ask(filled, field=["user_id", "host"], limit="3")
    assert set(by_name(only)) == {"user_id", "host"} and len(by_name(only)["user_id"]["values"]) == 3
    assert ask(filled, '{app="none"}') | {"stats": 0} == {"rows": 0, "complete": True, "fields": [], "stats": 0}


def test_many_values_stay_near_the_truth_in_bounded_memory(server):
    """Beyond what is held: the frequent ones are right within the error that is told, the number of different ones within 3 %."""
    rnd = random.Random(3)
    true, batch = {}, []
    for i in range(30000):
        value = f"v{int(rnd.paretovariate(0.6))}"
        true[value] = true.get(value, 0) + 1
        batch.append((NOW - i, f"k={value} id={i}"))
    for at in range(0, len(batch), 5000):
        server.push([({"app": "many"}, batch[at:at + 5000])])
    found = by_name(ask(server, '{app="many"}', limit="20"))
    assert found["id"]["distinct_exact"] is False and abs(found["id"]["distinct"] - 30000) < 900
    for shown in found["k"]["values"][:10]:
        assert true[shown["value"]] - found["k"]["values_error"] <= shown["rows"] <= true[shown["value"]]
    top = sorted(true.values(), reverse=True)[:5]
    assert [v["rows"] for v in found["k"]["values"][:5]] == top


def test_many_fields_are_cut_and_say_so(server):
    server.push([({"app": "wide"}, [(NOW - i, " ".join(f"k{i}_{j}=1" for j in range(100))) for i in range(30)])])
    data = ask(server, '{app="wide"}')
    assert len(data["fields"]) == 1000 and data["complete"] is False and data["rows"] == 30


@pytest.mark.parametrize("bad", [{"query": "{"}, {"query": 'rate({app="web"}[1m])'}, {"query": '{app="web"} | distinct host'}, {"limit": "0"},
                                 {"limit": "100000"}, {"parse": "xml"}, {"start": "x"}, {"end": "1"}, {"query": ""}, {"field": ["x"] * 200}])
def test_hostile_parameters(filled, bad):
    assert len(ask(filled, status=400, **bad)) > 10


def test_lines_of_any_bytes(server):
    rnd = random.Random(9)
    body = bole.push_proto([('{app="b"}', [(NOW - i, bytes(rnd.choices(b'{}"=\\:, \xff\x00ab1', k=rnd.randint(0, 80)))) for i in range(3000)])])
    assert server.request("POST", "/loki/api/v1/push", body, {"Content-Type": "application/x-protobuf"}).status == 204
    assert ask(server, '{app="b"}')["rows"] == 3000


def test_tenants(server):
    for tenant in ("red", "blue"):
        server.push([({"app": "web"}, [(NOW - 1, "x")])], {"X-Scope-OrgID": tenant})
    found = by_name(ask(server, headers={"X-Scope-OrgID": "red|blue"}))
    assert found["__tenant_id__"]["values"] == [{"value": "blue", "rows": 1}, {"value": "red", "rows": 1}]
