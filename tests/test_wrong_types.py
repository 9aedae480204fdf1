"""Each value of a request replaced by values of every other type: what the answer calls taken is in the records, whole."""
import base64
import copy
import json

import pytest

import bole

NS, STAMP = "1795255200000000000", "2026-11-22T00:00:00Z"
MARK = "zq7zq"
WRONG = [None, True, 7707077, -7.5, MARK, "", [], {}, [MARK], [[MARK]], {"k": MARK}, [{"k": MARK}], {"k": {"k": [MARK]}}]

DATA_MESSAGE = {"messageType": "DATA_MESSAGE", "owner": "o", "logGroup": "g", "logStream": "s",
                "logEvents": [{"id": "1", "timestamp": 1795255200000, "message": "one", "extractedFields": {"a": "b"}},
                              {"id": "2", "timestamp": 1795255200001, "message": "two"}]}


def lines(objects):
    return "\n".join(json.dumps(o) for o in objects)


def delivery(record):
    return json.dumps({"requestId": "1", "timestamp": 1, "records": [{"data": base64.b64encode(json.dumps(record).encode()).decode()}]})


# path, a request that is right, its text
DOORS = {
    "loki": ("/loki/api/v1/push", {"streams": [{"stream": {"a": "1"}, "values": [[NS, "one"], [NS, "two", {"m": "1"}]]},
                                               {"stream": {"a": "2"}, "values": [[NS, "three"]]}]}, json.dumps),
    "loki v0": ("/api/prom/push", {"streams": [{"labels": '{a="1"}', "entries": [{"ts": STAMP, "line": "one"}, {"ts": STAMP, "line": "two"}]}]},
                json.dumps),
    "datadog": ("/api/v2/logs", [{"message": "one", "ddsource": "s", "ddtags": "env:prod,plain", "hostname": "h", "status": "warn",
                                  "timestamp": 1795255200123}, {"message": "two"}], json.dumps),
    "splunk": ("/services/collector", [{"event": "one", "time": 1795255200, "host": "h", "source": "s", "sourcetype": "t", "index": "i",
                                        "fields": {"k": "v"}}, {"event": {"message": "two", "n": {"o": 1}}}], lines),
    "gelf": ("/gelf", [{"version": "1.1", "host": "h", "short_message": "one", "full_message": "all", "timestamp": 1.5, "level": 5,
                        "facility": "f", "_k": "v"}, {"short_message": "two"}], json.dumps),
    "elasticsearch": ("/_bulk", [{"create": {"_index": "i", "_id": "1"}}, {"message": "one", "@timestamp": STAMP, "host": {"name": "h"}},
                                 {"index": {}}, {"message": "two", "tags": ["t"]}], lambda o: lines(o) + "\n"),
    "jsonline": ("/insert/jsonline?_stream_fields=app", [{"_msg": "one", "_time": NS, "app": "x", "o": {"p": [1]}}, {"_msg": "two"}], lines),
    "firehose": ("/firehose", {"requestId": "1", "timestamp": 1, "records": [{"data": "b25l"}, {"data": "dHdv"}]}, json.dumps),
    "firehose, of CloudWatch": ("/firehose", DATA_MESSAGE, delivery),
    "cloudwatch": ("/cloudwatch", DATA_MESSAGE, lambda o: base64.b64decode(json.loads(delivery(o))["records"][0]["data"])),
}

# Members that say nothing about a record.
UNUSED = {"requestId", "version", "subscriptionFilters", "id"}
WORDS = ("one", "two", "three")
PACKED = {"b25l": "one", "dHdv": "two"}


def is_envelope(door, path):
    """What is around records may have members that nobody knows: they are passed over, as by the servers that clients are made for."""
    if door == "elasticsearch":
        return path[-1:] in (("create",), ("index",))
    if door == "firehose":
        return path == ("timestamp",)
    return door.startswith("loki") and path[:1] == ("streams",) and len(path) < 3


def places(value, path=()):
    yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def replaced(value, path, fresh):
    if not path:
        return copy.deepcopy(fresh)
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = fresh
    return value


def missing(server, door, document):
    """What of the document is neither refused nor in the records."""
    path, _, encode = DOORS[door]
    answer = server.request("POST", path + ("&" if "?" in path else "?") + "debug=1", encode(document), {"Content-Type": "application/json"})
    assert answer.status < 500, answer.text
    if answer.status >= 400 or answer.json()["rejected"]:
        return []
    records, said = json.dumps(answer.json()["records"]), json.dumps(document)
    for data, word in PACKED.items():
        said = said.replace(data, word)
    return [word for word in (*WORDS, MARK) if word in said and word not in records]


@pytest.fixture(scope="module")
def server():
    with bole.Server() as running:
        yield running


@pytest.mark.parametrize("door", [name for name in DOORS if not name.startswith("loki")])
def test_records_are_no_form(server, door):
    """curl -d, and splunk-logging, say of everything that it were one."""
    path, right, encode = DOORS[door]
    body = encode(right)
    if isinstance(body, str):
        body = body.replace('"two"', '"two 100% %zz &debug=1&"')
    answer = server.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status < 300 and '"records":[' not in answer.text, answer.text
    answer = server.request("POST", path + ("&" if "?" in path else "?") + "debug=1", body, {"Content-Type": "application/x-www-form-urlencoded"})
    assert len(answer.json()["records"]) == 2


@pytest.mark.parametrize("door", DOORS)
def test_what_is_taken_is_in_the_records(server, door):
    _, right, _ = DOORS[door]
    assert missing(server, door, right) == []
    lost = []
    for path in places(right):
        for fresh in WRONG:
            if path[-1:] and path[-1] in UNUSED or not path and not isinstance(fresh, (dict, list)):
                continue
            gone = missing(server, door, replaced(right, path, fresh))
            if gone and not (gone == [MARK] and is_envelope(door, path)):
                lost.append((path, fresh, gone))
    assert not lost, "\n".join(map(str, lost))
