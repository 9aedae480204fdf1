"""docs/api/openapi.yaml against the program: every path of it answers as it says, and no path of ours is missing in it."""

import json
import re
import time

import pytest

import bole
import native_batch

jsonschema = pytest.importorskip("jsonschema")
yaml = pytest.importorskip("yaml")

SPEC = yaml.safe_load((bole.ROOT / "docs/api/openapi.yaml").read_text())
METHODS = ("get", "post", "put", "delete")
OPERATIONS = [(path, method) for path, item in SPEC["paths"].items() for method in METHODS if method in item]
# The files of Loki's API and Bole's own. Doors for other products' protocols are described by those.
SOURCES = [*bole.ROOT.glob("src/serve/loki_*.c"), *bole.ROOT.glob("src/serve/native_*.c"), *bole.ROOT.glob("src/serve/tail*.c"),
           bole.ROOT / "src/serve/api_push.c"]
OTHERS = re.compile("^/(otlp|v1)/") # OpenTelemetry's, in api_push.c
NOW = time.time_ns()


def resolve(node):
    while "$ref" in node:
        target = SPEC
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def check(value, schema):
    whole = {**schema, "components": SPEC["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def routes():
    """(path, methods) of the tables in src/serve."""
    found = {}
    for source in SOURCES:
        if source.name.endswith(("_test.c", "_testing.c", "_fuzz.c")):
            continue
        for methods, path in re.findall(r'\{\s*((?:HTTP_[A-Z]+\s*\|?\s*)+),\s*"(/[^"]*)"', source.read_text()):
            if not OTHERS.match(path):
                found.setdefault(path, set()).update(m.lower() for m in re.findall(r"HTTP_([A-Z]+)", methods))
    return found


def test_no_route_is_undocumented():
    known = routes()
    assert len(known) > 30
    documented = {}
    for path, method in OPERATIONS:
        documented.setdefault(path, set()).add(method)
    assert sorted(set(known) - set(documented)) == []
    for path, methods in known.items():
        forms = {"post"} if {"get", "post"} <= methods and "post" not in documented[path] else set() # the form of a query
        assert methods - documented[path] - forms == set(), path


def test_no_documented_path_is_unknown():
    assert sorted(set(SPEC["paths"]) - set(routes())) == []


def test_the_document_is_in_order():
    assert SPEC["openapi"].startswith("3.1.")
    names = [SPEC["paths"][path][method]["operationId"] for path, method in OPERATIONS]
    assert len(names) == len(set(names))
    for path, method in OPERATIONS:
        operation = SPEC["paths"][path][method]
        assert operation["summary"] and operation["tags"] and operation["responses"], path
        named = {resolve(p)["name"] for p in operation.get("parameters", []) if resolve(p)["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path
    for schema in SPEC["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for ref in re.findall(r"\$ref: '([^']+)'", (bole.ROOT / "docs/api/openapi.yaml").read_text()):
        assert resolve({"$ref": ref}) is not None


@pytest.fixture(scope="module")
def served():
    """A server, and what examples stand for."""
    with bole.Server() as server:
        server.push([({"app": "web", "host": "a"}, [(NOW - i * 10**9, f"level=info n={i} took={i}ms", {"trace": str(i)}) for i in range(50)])])
        rows = server.get("/api/v1/query", {"query": '{app="web"}', "limit": "1"}).json()
        made = server.request("POST", "/api/v1/delete?query=%7Bapp%3D%22gone%22%7D&start=1").json()
        yield server, {"$row_id": rows["id"], "$delete_id": made["request_id"], "$now": str(NOW)}


def fill(value, names):
    text = json.dumps(value)
    for name, meaning in names.items():
        text = text.replace(name, meaning)
    return json.loads(text)


def ask(server, names, path, method):
    operation = SPEC["paths"][path][method]
    params, headers, body = {}, {}, None
    for parameter in map(resolve, operation.get("parameters", [])):
        if "example" not in parameter:
            continue
        value = fill(parameter["example"], names)
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", value)
        elif parameter["in"] == "query":
            params[parameter["name"]] = value
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        if content.get("x-example") == "batch":
            body = native_batch.encode([(NOW, b"hello", {})], {"app": "pushed"}, bytes(range(16)), 1)
        if "example" in content and body is None:
            body, headers["Content-Type"] = json.dumps(fill(content["example"], names)), kind
    if params:
        path += "?" + bole.urllib.parse.urlencode(params)
    return server.request(method.upper(), path, body, headers)


@pytest.mark.parametrize("path,method", OPERATIONS)
def test_an_operation_answers_as_it_is_described(served, path, method):
    server, names = served
    operation = SPEC["paths"][path][method]
    answer = ask(server, names, path, method)
    wanted = operation.get("x-answers", min(s for s in operation["responses"] if s.startswith("2")) if "x-answers" not in operation else None)
    assert str(answer.status) == wanted, answer.text
    described = resolve(operation["responses"][wanted]).get("content")
    if not described:
        assert answer.body == b"" or answer.status == 200
        return
    kind = answer.headers["Content-Type"].split(";")[0]
    assert kind in described
    schema = described[kind].get("schema") if described[kind] else None
    if kind == "application/x-ndjson":
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines
        for line in lines:
            check(line, schema)
    elif schema and kind == "application/json":
        check(answer.json(), schema)


@pytest.mark.parametrize("path,method", [(p, m) for p, m in OPERATIONS if any(
    resolve(x).get("required") and resolve(x)["in"] == "query" for x in SPEC["paths"][p][m].get("parameters", []))])
def test_what_is_required_is(served, path, method):
    """Without it: 400, in the form that is described."""
    server, _ = served
    answer = server.request(method.upper(), re.sub(r"\{\w+\}", "x", path))
    assert answer.status == 400
    described = resolve(SPEC["paths"][path][method]["responses"].get("400", {})).get("content", {})
    assert not described or answer.headers["Content-Type"].split(";")[0] in described


@pytest.mark.parametrize("query,path", [
    ('{app="web"} | logfmt', "query_range"), ('sum by (n) (rate({app="web"} | logfmt [1m]))', "query_range"), ('1 + 1', "query"),
    ('count_over_time({app="web"}[1h])', "query"), ('{app="none"}', "query_range")])
@pytest.mark.parametrize("flags", [{}, {"X-Loki-Response-Encoding-Flags": "categorize-labels"}])
def test_answers_of_queries(served, query, path, flags):
    answer = served[0].get(f"/loki/api/v1/{path}", {"query": query}, flags)
    assert answer.status == 200, answer.text
    check(answer.json(), SPEC["components"]["schemas"]["QueryAnswer"])


def test_the_schemas_tell_wrong_from_right(served):
    """A schema that takes everything would check nothing."""
    row = {"id": "1-0000000000000001", "time": "2026-11-21T10:00:00Z", "labels": {}, "line": "", "fields": {}}
    check(row, SPEC["components"]["schemas"]["Event"])
    for wrong in ({**row, "more": 1}, {**row, "id": "x"}, {**row, "labels": {"a": 1}}, {"type": "progress", "done": 2, "rows_scanned": 1, "bytes_scanned": 1}):
        with pytest.raises(jsonschema.ValidationError):
            check(wrong, SPEC["components"]["schemas"]["Event"])
