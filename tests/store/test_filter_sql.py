"""What a filter finds: the SQL against a second reading of the language, indexes, sizes."""

import sqlite3
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbook.model import FilterError
from spanbook.store._filter import parse_filter
from spanbook.store._filter_names import NAMES
from spanbook.store._filter_reader import MAX_DEPTH, MAX_PARTS
from spanbook.store._filter_sql import filter_to_sql
from tests.store.filter_world import TAGS, TEXTS, World, holds, make_world

On = Literal["spans", "traces"]
SELECT = {
    "spans": "SELECT s.trace_id, s.span_id FROM spans s LEFT JOIN payloads p ON p.span = s.id WHERE ({})",
    "traces": "SELECT t.trace_id, t.root_span_id FROM traces t WHERE ({})",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = make_world(tmp_path_factory.mktemp("world") / "store.db")
    yield world
    world.db.close()


def found(db: sqlite3.Connection, text: str, on: On) -> list[tuple[str, str]]:
    sql, values = filter_to_sql(parse_filter(text, on))
    return sorted(db.execute(SELECT[on].format(sql), values).fetchall())


def expected(rows: list[dict[str, Any]], text: str, on: On) -> list[tuple[str, str]]:
    second = "span_id" if on == "spans" else "root_span_id"
    return sorted((row["trace_id"], row[second]) for row in rows if holds(text, row, on))


# ----------------------------------------------------------------------------------- random expressions

texts = st.sampled_from([*TEXTS, "refund", "user", "two", "7"]).map(repr)
numbers = st.sampled_from(["0", "5", "100", "0.01", "-1", "1.234567", "3.5", "1e3"])
times = st.sampled_from(["'2026-11-01'", "'2026-11-02'", "'2026-11-03T00:00'"])
constants = st.one_of(texts, numbers, st.sampled_from(["True", "False"]))
orders = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
keys = st.sampled_from(["['tier']", "['a']", "['a']['b']", "['tier'][0]", "['nothing']"])
paths = st.sampled_from(["", "['question']", "['n']", "['deep']['b'][-1]", "[0]", "[0]['role']", "['answer']"])


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.just(part) if isinstance(part, str) else part for part in parts)).map("".join)


def values(prefix: str, on: On) -> dict[str, st.SearchStrategy[str]]:
    """Values of each type that a row has; ``prefix`` is the variable with its dot."""

    def name(*words: str) -> st.SearchStrategy[str]:
        return st.sampled_from(words).map(lambda word: prefix + word)

    common = ["cost_usd", "input_tokens", "duration_ms", "total_tokens", "start_ns"]
    text = name("name", "user_id", "trace_id", *(["model", "prompt_version"] if on == "spans" else ["session_id"]))
    scalar = st.one_of(
        joined(name("metadata"), keys),
        joined(name("input", "output"), paths),
        joined(name("scores"), st.sampled_from(["['correct']", "['tone']"])),
    )
    plain = st.one_of(
        name(*common, *(["output_tokens"] if on == "spans" else ["n_spans", "n_errors"])),
        joined("len(", name("name", "tags"), ")"),
    )
    number = st.one_of(
        plain, joined("(", plain, st.sampled_from([" + ", " - ", " * ", " / "]), st.one_of(plain, scalar, numbers), ")")
    )
    return {
        "text": st.one_of(text, joined(text, ".lower()")),
        "json": scalar,
        "number": st.one_of(number, joined("-", plain)),
        "time": name("start", "end"),
        "bool": name("has_error", *(["is_root", "counted"] if on == "spans" else [])),
        "tags": name("tags"),
        "map": name("metadata"),
        "content": joined(name("input", "output"), paths, st.sampled_from(["", "", ".lower()"])),
        "scores": name("scores"),
    }


def conditions(prefix: str, on: On) -> st.SearchStrategy[str]:
    """One condition on a row, of every form there is."""
    of = values(prefix, on)
    scalars = st.one_of(of["text"], of["number"], of["json"])
    isin = st.sampled_from([" in ", " not in "])
    text_list = st.lists(st.one_of(texts, st.just("None")), max_size=3).map(lambda items: f"[{', '.join(items)}]")
    json_list = st.lists(constants, max_size=3).map(lambda items: f"({''.join(item + ', ' for item in items)})")
    affix = st.sampled_from([".startswith(", ".endswith("])
    return st.one_of(
        joined(of["text"], " ", orders, " ", st.one_of(texts, of["text"])),
        joined(of["number"], " ", orders, " ", st.one_of(numbers, of["number"])),
        joined(of["json"], " ", orders, " ", st.one_of(texts, numbers, of["json"], of["text"], of["number"])),
        joined(of["json"], st.sampled_from([" == True", " != False", " is True"])),
        joined(numbers, " ", orders, " ", of["number"], " ", orders, " ", numbers),
        joined(of["time"], " ", orders, " ", times),
        joined(
            st.one_of(scalars, of["time"], of["tags"], of["map"]),
            st.sampled_from([" is None", " is not None", " != None"]),
        ),
        joined(of["text"], isin, text_list),
        joined(of["json"], isin, json_list),
        joined(texts, isin, st.one_of(of["text"], of["map"], of["content"], joined(of["map"], keys))),
        joined(numbers, isin, of["map"], keys),
        joined(st.sampled_from(TAGS).map(repr), isin, of["tags"]),
        joined(st.sampled_from(["'correct'", "'tone'", "'other'"]), isin, of["scores"]),
        joined(of["text"], isin, st.one_of(of["content"], of["text"], of["tags"])),
        joined(st.one_of(of["text"], of["json"]), affix, texts, ")"),
        st.one_of(of["bool"], scalars, of["tags"], of["map"], of["scores"]),
    )


def combined(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            joined("not (", inner, ")"), joined("(", inner, " and ", inner, ")"), joined("(", inner, " or ", inner, ")")
        ),
        max_leaves=4,
    )


@st.composite
def over_rows(draw: st.DrawFn, on: On) -> str:
    """A condition on the spans, events or scores of a row."""
    rows, condition, number = draw(st.sampled_from(_ROWS[on]))
    test, chosen = draw(combined(condition)), draw(condition)
    match draw(st.integers(0, 5)):
        case 0:
            return f"all({test} for x in {rows} if {chosen})"
        case 1:
            return f"count({test} for x in {rows}) {draw(orders)} 1"
        case 2:
            return f"len([x for x in {rows} if {test}]) >= {draw(st.integers(0, 2))}"
        case 3:
            over = f"({draw(number)} for x in {rows} if {test})"
            return f"{draw(st.sampled_from(['sum', 'min', 'max']))}{over} {draw(orders)} {draw(numbers)}"
    return f"any({test} for x in {rows})"


_EVENT = st.one_of(
    joined("x.name", " ", orders, " ", texts),
    joined("x.data", keys, " ", orders, " ", numbers),
    st.just("x.time >= '2026-11-02'"),
)
_SCORE = st.one_of(
    joined("x.value ", orders, " ", constants.filter(lambda c: c not in ("True", "False"))),
    st.just("x.source == 'human'"),
    st.just("x.value"),
)
_EVENT_NUMBER = joined("x.data", keys)
_ROWS: dict[str, list[Any]] = {
    "spans": [("events", _EVENT, _EVENT_NUMBER), ("scores", _SCORE, st.just("x.value"))],
    "traces": [
        ("spans", conditions("x.", "spans"), values("x.", "spans")["number"]),
        ("events", _EVENT, _EVENT_NUMBER),
        ("scores", _SCORE, st.just("x.value")),
    ],
}
_ROWS["traces"].append(
    (
        "spans",
        st.one_of(
            *(
                joined("any(", condition.map(lambda text: text.replace("x.", "y.")), f" for y in x.{rows})")
                for rows, condition, _ in _ROWS["spans"]
            )
        ),
        st.just("x.cost_usd"),
    )
)


@settings(max_examples=200)
@given(text=combined(st.one_of(conditions("", "spans"), conditions("", "spans"), over_rows("spans"))))
def test_a_filter_on_spans_finds_what_its_python_reading_finds(world: World, text: str) -> None:
    assert found(world.db, text, "spans") == expected(world.rows["spans"], text, "spans")


@settings(max_examples=200)
@given(text=combined(st.one_of(conditions("", "traces"), over_rows("traces"), over_rows("traces"))))
def test_a_filter_on_traces_finds_what_its_python_reading_finds(world: World, text: str) -> None:
    assert found(world.db, text, "traces") == expected(world.rows["traces"], text, "traces")


# ------------------------------------------------------------------------------------- single behaviours


@pytest.mark.parametrize(
    "text",
    [
        "any(s.cost_usd == cost_usd and s.user_id != user_id for s in spans)",
        "max(cost_usd for s in spans) == cost_usd",
        "sum(1 for s in spans if s.has_error) >= 1",
        'sum(s.kind == "llm" for s in spans) > 1',
        "len(spans) == n_spans and len(events) >= 0",
        'any(metadata["tier"] == s.metadata["tier"] for s in spans)',
        'not any(s.kind == "tool" for s in spans) or scores["correct"] is None',
    ],
)
def test_inner_rows_and_the_row_itself_stand_side_by_side(world: World, text: str) -> None:
    text_for_python = text.replace("sum(1 for s in spans if s.has_error)", "count(s.has_error for s in spans)")
    text_for_python = text_for_python.replace("sum(s.kind", "count(s.kind")

    assert found(world.db, text, "traces") == expected(world.rows["traces"], text_for_python, "traces")


@pytest.mark.parametrize("on", ["spans", "traces"])
def test_every_name_is_there(world: World, on: On) -> None:
    for name in NAMES[on]:
        found(world.db, name, on)


@pytest.mark.parametrize("rows", ["events", "scores"])
def test_every_name_of_inner_rows_is_there(world: World, rows: str) -> None:
    for name in NAMES[rows]:
        found(world.db, f"any(x.{name} for x in {rows})", "spans")


def plan(db: sqlite3.Connection, text: str, on: On) -> str:
    sql, values = filter_to_sql(parse_filter(text, on))
    return " ".join(row[3] for row in db.execute("EXPLAIN QUERY PLAN " + SELECT[on].format(sql), values))


@pytest.mark.parametrize(
    ("text", "on", "index"),
    [
        ('user_id == "u"', "traces", "traces_by_user (user_id=?)"),
        ('user_id in ["u", "v"]', "traces", "traces_by_user (user_id=?)"),
        ('user_id.startswith("u")', "traces", "traces_by_user (user_id>? AND user_id<?)"),
        ('session_id == "u" and start >= "2026-11-01"', "traces", "traces_by_session (session_id=? AND start_ns>?)"),
        ('"2026-11-01" <= start < "2026-11-02"', "traces", "traces_by_start (start_ns>? AND start_ns<?)"),
        ("has_error", "traces", "traces_with_errors"),
        ('trace_id == "0" and span_id == "1"', "spans", "spans_by_id (trace_id=? AND span_id=?)"),
        ('any(s.kind == "tool" for s in spans)', "traces", "spans_by_id (trace_id=?)"),
        ('scores["correct"] < 0.5', "traces", "scores_by_trace (trace_id=? AND name=?)"),
    ],
)
def test_a_filter_on_an_indexed_column_uses_the_index(world: World, text: str, on: On, index: str) -> None:
    assert index in plan(world.db, text, on)


def test_payloads_are_joined_only_for_filters_that_look_into_them(world: World) -> None:
    assert " p " not in plan(world.db, "cost_usd > 1", "spans")
    assert " p " in plan(world.db, '"refund" in input', "spans")


def test_cheap_conditions_come_before_payloads() -> None:
    sql, _ = filter_to_sql(parse_filter('"x" in input and scores["a"] > 1 and kind == "llm"'))

    assert sql.index("s.kind") < sql.index("scores") < sql.index("sb_contains")


def test_values_are_bound_never_written_into_the_sql() -> None:
    hostile = "'; DROP TABLE spans; --"

    sql, values = filter_to_sql(parse_filter(f'name == "{hostile}" or metadata["{hostile}"] in ["{hostile}"]'))

    assert "DROP" not in sql
    assert hostile in values


@pytest.mark.parametrize("prefix", ["a\U0010ffff", "\U0010ffff\U0010ffff", "\ud7ff", "z"])
def test_a_prefix_finds_exactly_the_texts_that_begin_with_it(prefix: str) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE spans(id INTEGER PRIMARY KEY, name TEXT)")
    db.execute("CREATE TABLE payloads(span INTEGER PRIMARY KEY)")
    names = [prefix, prefix + "x", prefix + "\U0010ffff", prefix[:-1], "b", "\ue000", "zz", "{"]
    db.executemany("INSERT INTO spans(name) VALUES (?)", [(name,) for name in names])
    sql, values = filter_to_sql(parse_filter(f"name.startswith({prefix!r})"))

    rows = db.execute(SELECT["spans"].format(sql).replace("s.trace_id, s.span_id", "s.name"), values).fetchall()

    db.close()
    assert sorted(rows) == sorted((name,) for name in names if name.startswith(prefix))


def test_matches_stays_one_call_with_the_query_bound() -> None:
    sql, values = filter_to_sql(parse_filter('matches(input, "refund policy")'))

    assert (sql, values) == ("sb_matches(p.input, ?)", ["refund policy"])


_A = 'session_id != "a"'
_LEAF = 'metadata["a"] < scores["x"]'


@pytest.mark.parametrize(
    "text",
    [
        # as deep as it goes
        f"not ({_A} and not ({_A} and not ({_A} and not ({_A} and {_LEAF}))))",
        f"{_A} and ({_A} or ({_A} and ({_A} or ({_A} and ({_A} or ({_A} and {_LEAF}))))))",
        (
            'not any(not (s.model != "a" and any(not (e.name != "a" and s.metadata["a"] < e.data["x"])'
            ' for e in s.events)) and s.scores["x"] < s.input[0] for s in spans)'
        ),
        'all(all(metadata["a"] < e.data["b"] for e in s.events if -(-(s.input["a"] + 1) / 2) > 3) for s in spans)',
        '1 + (1 + (1 + (1 + (1 + (1 + (1 + metadata["a"])))))) > scores["a"] - (1 - (1 - metadata["b"]))',
        # as long as it goes
        " or ".join(["n_spans"] * (MAX_PARTS - 1)),
        " and ".join(['metadata["a"] < metadata["b"]'] * 100),
        " < ".join(["n_spans"] * MAX_PARTS),
        " + ".join(["n_spans"] * (MAX_PARTS - 1)) + " > 1",
        "name in [" + ", ".join(['"a"'] * 800) + "]",
        " or ".join(['any(s.kind == "llm" for s in spans)'] * 60),
    ],
)
def test_the_largest_filters_still_fit_into_sqlite(world: World, text: str) -> None:
    found(world.db, text, "traces")


def test_a_filter_beyond_the_bounds_is_refused() -> None:
    for text in (
        "not (has_error and " * MAX_DEPTH + "has_error" + ")" * MAX_DEPTH,
        " or ".join(["end"] * (MAX_PARTS + 1)),
    ):
        with pytest.raises(FilterError, match=r"write (a flatter condition|name in)"):
            parse_filter(text)
