"""A small store full of odd values, and a second reading of the filter language to hold the SQL against.

The second reading walks Python's own syntax tree over plain dicts. It shares nothing with the parser and the SQL.
"""

import ast
import json
import random
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spanbook.store._codec import PayloadReader, pack_ids
from spanbook.store._connection import open_writer
from spanbook.store._filter_values import read_texts, register

DAY = 86_400 * 10**9
START = 1_793_491_200 * 10**9  # 2026-11-01
TEXTS = ["plan", "Plan", "retrieve", "a", "ab", "größe", "5", "", "x_y", "100%", "o'k", 'q"t', "\U0001f600z"]
TAGS = ["beta", "prod", 'q"t', "größe", "be"]
JSON_VALUES = ["pro", "free", "5", 5, 5.5, -1, 0, True, False, None, "", [], {}, ["pro", 5], {"b": 7}, {"b": "Pro"}]
PAYLOADS: list[Any] = [
    None,
    "yes",
    "Refund please",
    7,
    "",
    {"question": "refund?", "n": 5, "deep": {"b": [1, "two"]}},
    {"answer": "no\nrefund", "n": "5"},
    [{"role": "user", "parts": [{"type": "text", "content": 'say "größe" now'}]}, {"role": "assistant", "parts": []}],
    ["pro", "free", 5],
    {"n": None, "question": ["refund", "x"]},
]
WORLD_SIZE = 12  # traces


class World:
    """One store, as a database and as plain dicts by "spans" and "traces" (no dataclass: its repr is 90 kB)."""

    def __init__(self, db: sqlite3.Connection, rows: dict[str, list[dict[str, Any]]]) -> None:
        self.db, self.rows = db, rows


def make_world(path: Path) -> World:
    """A store on disk, and the same records as dicts: spans with their events, scores and payloads, and traces."""
    rng = random.Random(7)
    traces = [_trace(rng, number) for number in range(WORLD_SIZE)]
    db = open_writer(path)
    register(db, PayloadReader(db).text)
    for trace in traces:
        for span in trace["spans"]:
            span["id"] = _insert_span(db, rng, span)
        for at, score in enumerate(trace["scores"]):
            score["id"] = _insert(db, "scores", score | {"score_id": f"{trace['trace_id']}-{at}"})
        inner = ("spans", "scores", "events", "input", "output")
        _insert(db, "traces", {name: value for name, value in trace.items() if name not in inner})
    return World(db, {"spans": [span for trace in traces for span in trace["spans"]], "traces": traces})


def _trace(rng: random.Random, number: int) -> dict[str, Any]:
    trace_id = f"{number:032x}"
    spans = [_span(rng, trace_id, at) for at in range(rng.randint(1, 5))]
    trace = {
        "trace_id": trace_id,
        "name": spans[0]["name"],
        "root_span_id": spans[0]["span_id"],
        "status": rng.choice(["open", "ok", "error"]),
        "start_ns": spans[0]["start_ns"],
        "end_ns": rng.choice([None, spans[0]["start_ns"] + 3_500_000]),
        "n_spans": len(spans),
        "n_open": rng.choice([0, 0, 1]),
        "n_errors": rng.choice([0, 0, 2]),
        "n_llm": rng.randint(0, 3),
        "input_tokens": rng.choice([None, 0, 5, 100]),
        "output_tokens": rng.choice([None, 0, 7]),
        "cost_usd": rng.choice([None, 0.0, 0.01, 1.5]),
        "user_id": rng.choice([None, *TEXTS]),
        "session_id": rng.choice([None, *TEXTS]),
        "tags": rng.choice([None, rng.sample(TAGS, 2)]),
        "metadata": _metadata(rng),
    }
    owners = [None, *(span["span_id"] for span in spans)]
    scores = [_score(rng, trace_id, rng.choice(owners)) for _ in range(rng.randint(0, 4))]
    events = [event for span in spans for event in span["events"]]
    for span in spans:
        span["scores"] = [score for score in scores if score["span_id"] == span["span_id"]]
    of_root = {name: spans[0][name] for name in ("input", "output")}
    return trace | {"spans": spans, "scores": scores, "events": events} | of_root


def _span(rng: random.Random, trace_id: str, at: int) -> dict[str, Any]:
    start = START + rng.randint(0, 3) * DAY
    span_id = f"{at + 1:016x}"
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "parent_id": None if at == 0 else f"{at:016x}",
        "name": rng.choice(TEXTS),
        "kind": rng.choice(["llm", "tool", "span"]),
        "status": rng.choice(["ok", "error", "open"]),
        "start_ns": start,
        "end_ns": rng.choice([None, start, start + 1_234_567]),
        "first_token_ns": rng.choice([None, start + 1_000]),
        "model": rng.choice([None, "gpt-5", "gpt-5-mini"]),
        "input_tokens": rng.choice([None, 0, 5, 100]),
        "output_tokens": rng.choice([None, 0, 7]),
        "cost_usd": rng.choice([None, 0.0, 0.01, 1.5]),
        "user_id": rng.choice([None, *TEXTS]),
        "tags": rng.choice([None, rng.sample(TAGS, 2)]),
        "prompt_version": rng.choice([None, "5", "3"]),
        "counted": rng.choice([0, 1]),
        "input": rng.choice(PAYLOADS),
        "output": rng.choice(PAYLOADS),
        "metadata": _metadata(rng),
        "events": [
            {"trace_id": trace_id, "span_id": span_id, "time_ns": start} | _named(rng) for _ in range(rng.randint(0, 2))
        ],
    }


def _named(rng: random.Random) -> dict[str, Any]:
    return {"name": rng.choice(TEXTS), "data": _metadata(rng)}


def _metadata(rng: random.Random) -> dict[str, Any] | None:
    return rng.choice([None, {"tier": rng.choice(JSON_VALUES), "a": rng.choice(JSON_VALUES)}])


def _score(rng: random.Random, trace_id: str, span_id: str | None) -> dict[str, Any]:
    value = rng.choice([0.0, 0.4, 1.0, True, False, "good", "5"])
    kind = "bool" if isinstance(value, bool) else "number" if isinstance(value, float) else "label"
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "name": rng.choice(["correct", "tone"]),
        "value": value,
        "value_type": kind,
        "source": rng.choice(["human", "code"]),
        "created_ns": START + rng.randint(0, 3),
    }


def _insert_span(db: sqlite3.Connection, rng: random.Random, span: dict[str, Any]) -> int:
    inner = ("input", "output", "metadata", "events", "scores")
    number = _insert(db, "spans", {k: v for k, v in span.items() if k not in inner})
    payloads = {name: _stored(db, rng, span[name]) for name in ("input", "output", "metadata")}
    if rng.random() < 0.8 or any(value is not None for value in payloads.values()):
        _insert(db, "payloads", {"span": number} | payloads)
    for at, event in enumerate(span["events"]):
        event = event | {"event_id": f"e{number}-{at}", "data": _stored(db, rng, event["data"])}
        event["id"] = _insert(db, "events", event)
    return number


def _insert(db: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    values = [json.dumps(v, ensure_ascii=False) if isinstance(v, list | dict) else v for v in row.values()]
    query = f"INSERT INTO {table}({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608 - our own names
    return int(db.execute(query, values).lastrowid or 0)


def _stored(db: sqlite3.Connection, rng: random.Random, value: Any) -> Any:
    """The value in one of the forms a payload column has: inline, one blob, or a blob for each item."""
    form = rng.choice(["inline", "blob", "list"])
    if value is None:
        return None
    if form == "list" and isinstance(value, list) and value:
        return pack_ids([_blob(db, item) for item in value])
    return _blob(db, value) if form == "blob" and value else json.dumps(value)  # what is short is inline


def _blob(db: sqlite3.Connection, value: Any) -> int:
    body = json.dumps(value, ensure_ascii=False).encode()
    return _insert(db, "blobs", {"digest": b"\0" * 16, "codec": 0, "size": len(body), "body": body})


# ------------------------------------------------------------------------------------ the second reading


def holds(text: str, row: dict[str, Any], on: str) -> bool:
    """Whether a row passes a filter."""
    return bool(_test(ast.parse(text, mode="eval").body, {"": (row, on)}))


Rows = dict[str, tuple[dict[str, Any], str]]


def _test(node: ast.expr, rows: Rows) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_test(value, rows) for value in values)
        case ast.BoolOp(values=values):
            return any(_test(value, rows) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _test(operand, rows)
        case ast.Compare(left=left, ops=ops, comparators=rights):
            lefts = [left, *rights]
            return all(_compare(*each, rows) for each in zip(lefts, ops, rights, strict=False))
        case ast.Call(func=ast.Name(id="any"), args=[ast.GeneratorExp() as over]):
            return any(_test(over.elt, inner) for inner in _over(over, rows))
        case ast.Call(func=ast.Name(id="all"), args=[ast.GeneratorExp() as over]):
            return all(_test(over.elt, inner) for inner in _over(over, rows))
        case ast.Call(func=ast.Attribute(value=base, attr="startswith" | "endswith" as method), args=[ast.Constant(v)]):
            value = _value(base, rows)
            return isinstance(value, str) and bool(getattr(value, method)(v))
    value = _value(node, rows)
    return bool(value) if not isinstance(value, bytes) else value != b""


def _over(node: ast.GeneratorExp | ast.ListComp, rows: Rows) -> list[Rows]:
    generator = node.generators[0]
    assert isinstance(generator.target, ast.Name)
    match generator.iter:
        case ast.Name(id=name):
            owner = rows[""][0]
        case ast.Attribute(value=ast.Name(id=variable), attr=name):
            owner = rows[variable][0]
        case other:
            raise AssertionError(ast.dump(other))
    inner = [rows | {generator.target.id: (row, name)} for row in owner[name]]
    return [each for each in inner if all(_test(condition, each) for condition in generator.ifs)]


def _compare(left: ast.expr, op: ast.cmpop, right: ast.expr, rows: Rows) -> bool:
    if isinstance(op, ast.NotIn):
        return not _inside(left, right, rows)
    if isinstance(op, ast.In):
        return _inside(left, right, rows)
    if isinstance(op, ast.NotEq | ast.IsNot):
        return not _compare(left, ast.Eq() if isinstance(op, ast.NotEq) else ast.Is(), right, rows)
    a, b = _value(left, rows), _value(right, rows)
    if isinstance(right, ast.Constant) and right.value is None:
        return a is None
    if a is None or b is None:
        return False
    if _is_time(left, rows):
        b = int(datetime.fromisoformat(b).replace(tzinfo=UTC).timestamp()) * 10**9
    if type(a) is bytes and type(b) is bytes:
        return isinstance(op, ast.Eq | ast.Is) and a.decode() == b.decode()  # lists and objects have no order
    if isinstance(a, str) != isinstance(b, str) or isinstance(a, bytes) or isinstance(b, bytes):
        return False
    orders: dict[type[ast.cmpop], bool] = {ast.Eq: a == b, ast.Is: a == b, ast.Lt: a < b, ast.LtE: a <= b}
    return orders.get(type(op), bool(a >= b if isinstance(op, ast.GtE) else a > b))


def _is_time(node: ast.expr, rows: Rows) -> bool:
    return (node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")) in ("start", "end", "time", "created")


def _inside(left: ast.expr, right: ast.expr, rows: Rows) -> bool:
    if isinstance(right, ast.List | ast.Tuple):
        return any(_compare(left, ast.Eq(), option, rows) for option in right.elts)
    part = _value(left, rows)
    case = None
    if isinstance(right, ast.Call) and isinstance(right.func, ast.Attribute):
        case, right = right.func.attr, right.func.value
    root, path = _path(right)
    name, owner = _owner(root, rows)
    if name == "scores":
        return any(score["name"] == part for score in owner["scores"])
    whole = _dig(owner.get(name), path)
    if name in ("input", "output"):
        texts = list(read_texts(None if whole is None else json.dumps(whole)))
        return isinstance(part, str) and any(part in (getattr(text, case)() if case else text) for text in texts)
    if isinstance(whole, dict) and not path:
        return whole.get(part) is not None
    if isinstance(whole, str):
        return isinstance(part, str) and part in (getattr(whole, case)() if case else whole)
    return case is None and isinstance(whole, list | dict) and part is not None and _member(part, whole)


def _member(part: Any, whole: list[Any] | dict[str, Any]) -> bool:
    return part in whole if isinstance(part, str) or isinstance(whole, list) else False


def _value(node: ast.expr, rows: Rows) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _number(operand, rows)
            return None if value is None else -value
        case ast.BinOp(left=left, op=op, right=right):
            a, b = _number(left, rows), _number(right, rows)
            if a is None or b is None or (isinstance(op, ast.Div) and b == 0):
                return None
            if isinstance(op, ast.Div):
                return a / b
            return a * b if isinstance(op, ast.Mult) else a + b if isinstance(op, ast.Add) else a - b
        case ast.Call(func=ast.Attribute(value=base, attr=method)):
            value = _value(base, rows)
            return getattr(value, method)() if isinstance(value, str) else None
        case ast.Call(func=ast.Name(id=function), args=[argument]):
            return _aggregate(function, argument, rows)
    root, path = _path(node)
    name, owner = _owner(root, rows)
    if name == "scores" and path:
        named = [score for score in owner["scores"] if [score["name"]] == path]
        latest = max(named, key=lambda score: (score["created_ns"], score.get("id", 0)), default=None)
        return _scalar(latest["value"]) if latest else None
    if name in ("input", "output", "metadata", "data") or path:
        return _scalar(_dig(owner.get(name), path))
    return _field(name, owner)


def _aggregate(function: str, argument: ast.expr, rows: Rows) -> Any:
    if isinstance(argument, ast.Name | ast.Attribute):
        value = _value(argument, rows)
        return len(value or []) if not isinstance(value, str) else len(value)
    assert isinstance(argument, ast.ListComp | ast.GeneratorExp)
    inner = _over(argument, rows)
    if function == "len":
        return len(inner)
    if function == "count":
        return sum(_test(argument.elt, each) for each in inner)
    values = [value for value in (_number(argument.elt, each) for each in inner) if value is not None]
    return sum(values) if function == "sum" else {"min": min, "max": max}[function](values) if values else None


def _number(node: ast.expr, rows: Rows) -> Any:
    value = _value(node, rows)
    return value if isinstance(value, int | float) else None


def _path(node: ast.expr) -> tuple[ast.expr, list[Any]]:
    path: list[Any] = []
    while isinstance(node, ast.Subscript):
        path.insert(0, ast.literal_eval(node.slice))
        node = node.value
    return node, path


def _owner(root: ast.expr, rows: Rows) -> tuple[str, dict[str, Any]]:
    if isinstance(root, ast.Attribute):
        assert isinstance(root.value, ast.Name)
        return root.attr, rows[root.value.id][0]
    assert isinstance(root, ast.Name)
    return root.id, rows[""][0]


def _dig(value: Any, path: list[Any]) -> Any:
    for key in path:
        if isinstance(value, dict) and isinstance(key, str):
            value = value.get(key)
        elif isinstance(value, list) and isinstance(key, int) and -len(value) <= key < len(value):
            value = value[key]
        else:
            return None
    return value


def _scalar(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, sort_keys=True).encode() if value else b""
    return int(value) if isinstance(value, bool) else value


def _field(name: str, row: dict[str, Any]) -> Any:
    start, end = row.get("start_ns"), None if row.get("n_open") else row.get("end_ns")
    tokens = [value for value in (row.get("input_tokens"), row.get("output_tokens")) if value is not None]
    computed: dict[str, Any] = {
        "start": start,
        "end": end,
        "end_ns": end,
        "time": row.get("time_ns"),
        "created": row.get("created_ns"),
        "duration_ms": None if start is None or end is None else (end - start) / 1e6,
        "total_tokens": sum(tokens) if tokens else None,
        "has_error": row.get("n_errors", 0) > 0 or ("parent_id" in row and row["status"] == "error"),
        "is_root": row.get("parent_id") is None,
        "counted": bool(row.get("counted")),
    }
    if name == "status" or name not in computed:
        return _scalar(row.get(name)) if name == "value" else row.get(name)
    return computed[name]
