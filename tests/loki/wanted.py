"""Where Bole answers otherwise than Loki, each by a name that stands in docs/logql.md with the reason, and what Loki leaves to
chance, which is no difference at all."""

import json
import math
import re


def same(a, b):
    """Order counts everywhere, also that of the names in a label set."""
    return json.dumps(a) == json.dumps(b)


def data_of(answer):
    return answer[1].get("data") if answer[0] == 200 and isinstance(answer[1], dict) else None


def kind_of(answer):
    data = data_of(answer)
    return data.get("resultType") if isinstance(data, dict) else None


# ---- what Loki leaves to chance ----

def pipeline_errors(case, loki, bole):
    """Of several series with an error Loki names any."""
    pattern = r"(?s)pipeline error: '.*' for series: '.*'\.\nUse a label filter to intentionally skip this error. \(e\.g \| __error__!=\".*\"\)\.\n"
    return all(a[0] == 400 and isinstance(a[1], str) and re.match(pattern, a[1]) for a in (loki, bole)) and \
        re.sub(pattern, "", loki[1]) == re.sub(pattern, "", bole[1])


def scalar_time(case, loki, bole):
    """The stamp of a scalar is no time at all."""
    return kind_of(loki) == kind_of(bole) == "scalar" and loki[1]["data"]["result"][1] == bole[1]["data"]["result"][1]


def close(a, b):
    x, y = float(a), float(b)
    return a == b or math.isclose(x, y, rel_tol=1e-9)


def last_digits(case, loki, bole):
    """Sums of floating point numbers come in another order, which also differs from one of Loki's runs to the next."""
    a, b = data_of(loki), data_of(bole)
    if kind_of(loki) not in ("vector", "matrix") or kind_of(bole) != kind_of(loki) or len(a["result"]) != len(b["result"]):
        return False
    for x, y in zip(a["result"], b["result"]):
        xs, ys = ([r["value"]] if "value" in r else r["values"] for r in (x, y))
        if not same(x["metric"], y["metric"]) or len(xs) != len(ys) or not all(p[0] == q[0] and close(p[1], q[1]) for p, q in zip(xs, ys)):
            return False
    return True


def entries(answer):
    """[(time, ...)] of all streams, sorted"""
    return sorted((v[0], json.dumps(s["stream"]), *map(json.dumps, v[1:])) for s in data_of(answer)["result"] for v in s["values"])


def sorted_ties(case, loki, bole):
    """Behind sort() anywhere Loki does not sort by labels: what is equal comes in any order, and sums with it in other last digits."""
    if "sort" not in (case.query or "") or kind_of(loki) != "vector" or kind_of(bole) != "vector":
        return False
    a, b = data_of(loki)["result"], data_of(bole)["result"]
    in_order = not case.query.startswith("sort") or [r["value"] for r in a] == [r["value"] for r in b]
    by_labels = lambda r: json.dumps(r["metric"])
    pairs = list(zip(sorted(a, key=by_labels), sorted(b, key=by_labels)))
    return in_order and len(a) == len(b) and all(same(x["metric"], y["metric"]) and x["value"][0] == y["value"][0] and close(x["value"][1], y["value"][1])
                                                 for x, y in pairs)


CHANCE = [pipeline_errors, scalar_time, last_digits, sorted_ties]

# ---- wanted differences ----


def tied_entries(case, loki, bole):
    if kind_of(loki) != "streams" or kind_of(bole) != "streams":
        return False
    a, b = entries(loki), entries(bole)
    if a == b:  # the order of equal stamps within a stream
        return [s["stream"] for s in data_of(loki)["result"]] == [s["stream"] for s in data_of(bole)["result"]]
    params = dict(case.params)
    cut = len(a) == int(params.get("limit") or 100) or float(re.sub("[^0-9.]", "", params.get("interval", "0")) or 0) > 0
    if not cut or [e[0] for e in a] != [e[0] for e in b]:
        return False
    edge = a[-1][0] if params.get("direction", "").lower() == "forward" else a[0][0]  # whoever of the last stamp came first
    return float(params.get("interval", "0").rstrip("sm") or 0) > 0 or \
        [e for e in a if e[0] != edge] == [e for e in b if e[0] != edge]


def by_time(answer):
    """{time: values in order} of all series"""
    out = {}
    for r in data_of(answer)["result"]:
        for t, v in [r["value"]] if "value" in r else r["values"]:
            out.setdefault(t, []).append(v)
    return {t: sorted(v) for t, v in out.items()}


def first_of_equals(case, loki, bole):
    """What is not inside of anything else has the same values (topk), or the same series (first)."""
    found = re.search(r"(first|last)_over_time|topk|bottomk", case.query or "")
    if not found or kind_of(loki) not in ("vector", "matrix") or kind_of(loki) != kind_of(bole):
        return False
    if re.match(r"\s*(topk|bottomk)\b[^-+*/%^]*$", case.query) and not found[1]:
        return by_time(loki) == by_time(bole)
    if re.match(r"\s*(first|last)_over_time\b", case.query):
        return [r["metric"] for r in data_of(loki)["result"]] == [r["metric"] for r in data_of(bole)["result"]]
    return True


def made_equal(case, loki, bole):
    return kind_of(loki) == kind_of(bole) == "streams" and set(entries(loki)) == set(entries(bole)) and len(entries(loki)) < len(entries(bole))


def interval_and_limit(case, loki, bole):
    names = dict(case.params)
    return "interval" in names and kind_of(loki) == kind_of(bole) == "streams" and set(entries(loki)) <= set(entries(bole))


def names_beyond_ascii(case, loki, bole):
    return loki[0] == 500 and "failed to unmarshal the received message" in str(loki[1])


def additions(case, loki, bole):
    return loki[0] == 400 and bole[0] == 200 and re.search(r"\| *(distinct|dedup|sort by|top|stats|join|context)\b", case.query or "")


def apart_into_hours(case, loki, bole):
    return case.path.endswith("/query") and kind_of(loki) == kind_of(bole) == "vector" and \
        bool(re.search(r"\b(min|max|avg)\b.*\b(count|sum|bytes)_over_time\b.*\[(\d+h|[6-9]\dm|\d{3,}m)", case.query or "", re.S)) and \
        [r["metric"] for r in data_of(loki)["result"]] == [r["metric"] for r in data_of(bole)["result"]]


def repeated_series(case, loki, bole):
    """Loki's result has a series twice, or a stamp twice in one."""
    if kind_of(loki) not in ("vector", "matrix") or kind_of(loki) != kind_of(bole):
        return False
    result = data_of(loki)["result"]
    names = [json.dumps(r["metric"]) for r in result]
    return len(set(names)) < len(names) or any(len({v[0] for v in r["values"]}) < len(r["values"]) for r in result if "values" in r)


def several_errors(case, loki, bole):
    """Two sides of an operator, or two tenants, failed: Loki shows both, in any order, with the codes of its inner calls."""
    if loki[0] == 500 and bole[0] == 400 and re.match("multiple matches|found duplicate series", str(loki[1])):
        return str(bole[1]).startswith("pipeline error: ")  # Loki goes step by step, and fails at the first that has either
    return loki[0] in (400, 500) and re.match(r"\d+ errors: ", str(loki[1])) and bole[0] == 400 and str(bole[1]) in str(loki[1])


def two_mistakes(case, loki, bole):
    """Loki's parser goes on behind a wrong number, or a wrong word between the braces of a metric query, and tells what it then finds."""
    return loki[0] == bole[0] == 400 and str(bole[1]).startswith("parse error at line ") and str(loki[1]).startswith("parse error : ") and \
        "syntax error" not in str(loki[1])


def swallowed(case, loki, bole):
    return case.categorize and kind_of(loki) == "streams" and not data_of(loki)["result"] and bole[0] == 400 and str(bole[1]).startswith("parse error : stage")


def without_empty(answer):
    return [(e[0], json.dumps({k: v for k, v in json.loads(e[1]).items() if v}), *e[2:]) for e in entries(answer)]


def several_tenants(case, loki, bole):
    """Loki writes the query anew for each, makes labels anew, of which empty ones are none, and lets no stage see the tenant."""
    if "|" not in case.tenant:
        return False
    if re.search(r"--strict|--keep-empty|\b(json|logfmt) [^|]*=|1e400|0B|range \$", case.query):
        return True
    return kind_of(loki) == kind_of(bole) == "streams" and without_empty(loki) == without_empty(bole)


def formatted(case, loki, bole):
    words = lambda answer: re.sub(r"-?\b\d[\w.]*|[\s()]", lambda m: "#" * m[0].strip(" \n()-")[:1].isdigit(), str(data_of(answer)).replace("==", "="))
    is_sum = re.fullmatch(r"-?[\d.]+", str(data_of(loki))) and "{" not in case.query  # Loki works it out
    return case.path.endswith("format_query") and loki[0] == bole[0] == 200 and (is_sum or words(loki) == words(bole))


WANTED = [
    ("Entries of the same time come in the order of their arrival", tied_entries),
    ("Of series or samples that tie, the first by labels or by arrival counts", first_of_equals),
    ("Entries that stages made equal are all shown", made_equal),
    ("`min`, `max` and `avg` of what an instant query counts", apart_into_hours),
    ("Series whose labels are the same are one", repeated_series),
    ("`interval` thins out first, `limit` cuts then", interval_and_limit),
    ("Labels beyond ASCII", names_beyond_ascii),
    ("Bole's own stages", additions),
    ("Where several parts of a query fail, one error is told", several_errors),
    ("Of two mistakes in a query the one that comes first is told", two_mistakes),
    ("A stage that cannot be made is always an error", swallowed),
    ("A query over several tenants is the same query", several_tenants),
    ("`format_query`", formatted),
]


def reason(case, loki, bole):
    """The name of the wanted difference, or None."""
    if any(is_so(case, loki, bole) for is_so in CHANCE):
        return "chance"
    return next((name for name, is_so in WANTED if is_so(case, loki, bole)), None)
