"""Reading filters: what is understood, and what is said about the rest."""

import string
import time
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spanbook.model import FilterError, UsageError
from spanbook.store._filter import parse_filter
from spanbook.store._filter_names import FUNCTIONS, METHODS, NAMES, filter_names
from spanbook.store._filter_nodes import Compare, Const, Field, Filter, Instant
from spanbook.store._filter_sql import filter_to_sql

On = Literal["spans", "traces"]


def message(text: str, on: On = "spans") -> str:
    with pytest.raises(FilterError) as caught:
        parse_filter(text, on)
    return str(caught.value)


def test_a_filter_becomes_records_that_know_of_no_database() -> None:
    parsed = parse_filter("cost_usd > 0.01")

    cost = Field(row="", name="cost_usd", type="number", scope="spans")
    assert parsed == Filter(on="spans", text="cost_usd > 0.01", test=Compare(">", cost, Const(0.01)))


@pytest.mark.parametrize(
    ("text", "on", "said"),
    [
        # unknown names
        (
            "nmae == 'a'",
            "spans",
            "unknown name 'nmae' at character 1; did you mean name? sb.filter_names(\"spans\") lists them all.",
        ),
        ("latency > 5", "spans", "unknown name 'latency' at character 1; did you mean duration_ms?"),
        ("qqqq > 5", "traces", "unknown name 'qqqq' at character 1; sb.filter_names(\"traces\") lists them all."),
        (
            'kind == "llm"',
            "traces",
            'kind is a name of spans, not of traces, at character 1; write any(s.kind == "llm" for s in spans).',
        ),
        ('n_spans > 3', "spans", "n_spans is a name of traces, not of spans, at character 1; filter traces with it."),
        (
            'any(kind == "llm" for s in spans)',
            "traces",
            "kind is a name of spans, not of traces, at character 5; write s.kind.",
        ),
        ('s.kind == "llm"', "traces", "unknown variable 's' at character 1; write any(s.kind … for s in spans)."),
        ('s.kind == "llm"', "spans", "unknown variable 's' at character 1; write kind alone."),
        ("any(s.knid == 'a' for s in spans)", "traces", "unknown name 'knid' at character 5; did you mean kind?"),
        ("kind == llm", "spans", "unknown name 'llm' at character 9; write a text in quotes, \"llm\"."),
        ("user_id == zoe42", "spans", "unknown name 'zoe42' at character 12; write a text in quotes, \"zoe42\"."),
        ("lenght(name) > 3", "spans", "unknown function 'lenght' at character 1; did you mean len?"),
        (
            "name.strip() == 'a'",
            "spans",
            "unknown method 'strip' at character 1; there are startswith, endswith, lower, upper.",
        ),
        ("name.contains('a')", "spans", "unknown method 'contains' at character 1; write \"text\" in name."),
        ("metadata.tier == 'pro'", "spans", 'unexpected .tier at character 1; write metadata["tier"].'),
        # values of the wrong type
        (
            'cost_usd > "a"',
            "spans",
            "cost_usd is a number and \"a\" is a text at character 12; compare it with a number, such as 0.01.",
        ),
        ("name == 5", "spans", 'name is a text and 5 is a number at character 9; write it in quotes, "5".'),
        (
            'kind == "lmm"',
            "spans",
            'no kind is called "lmm" at character 9; did you mean "llm"? It is one of span, llm, embedding',
        ),
        (
            'status in ["ok", "eror"]',
            "spans",
            'no status is called "eror" at character 18; did you mean "error"? It is one of open',
        ),
        ('kind > "llm"', "spans", "kind has no order at character 1; compare it with == or in; it is one of"),
        ("start > 'yesterday'", "spans", '\'yesterday\' is no time at character 9; write it as "2026-11-01"'),
        ("start > 5", "spans", 'start is a time and 5 is a number at character 9; compare it with a time in quotes'),
        ("start > '9999-01-01'", "spans", "outside the years 1678 to 2262"),
        ("cost_usd > None", "spans", "cost_usd > None has no order at character 1; write is None or is not None."),
        (
            "has_error == 1",
            "spans",
            "has_error is True or False and 1 is a number at character 14; write the name alone",
        ),
        ("has_error is None", "spans", "has_error is never None at character 1; leave this comparison out."),
        ("tags == 'beta'", "spans", 'tags, a list of tags, in a comparison at character 1; write "beta" in tags.'),
        ("metadata == 'beta'", "spans", 'take one value of it, such as metadata["key"].'),
        ("5 in tags", "spans", "5, a number, in tags at character 1; search for a text"),
        (
            'name in ("plan")',
            "spans",
            'in before the single value "plan" at character 10; write name == "plan", or name in ["plan"].',
        ),
        (
            "cost_usd is 5",
            "spans",
            "is before 5 at character 13; write == to compare; is goes with None, True and False.",
        ),
        (
            'name == "a" or "b"',
            "spans",
            '"b" alone is no condition at character 16; compare a name with it, such as name == "b".',
        ),
        ("name + 'a' == 'b'", "spans", "name, a text, in arithmetic at character 1; calculate with numbers only."),
        ("scores[0] > 1", "spans", 'the score scores[0] at character 1; write its name: scores["correct"].'),
        ('matches(name, "a")', "spans", "matches on name at character 9; search in a payload: matches(input"),
        ("len([s.kind == 'tool' for s in spans]) > 1", "traces", "put it behind if, or write count(…)."),
        ("any(s.kind for s in name)", "traces", "go over spans (of a trace), events or scores."),
        (
            "any(name.kind for name in spans)",
            "traces",
            "the variable name, a name already at character 19; choose another, such as s.",
        ),
        # other languages
        ("kind = 'llm'", "spans", "unexpected = at character 6; write == to compare."),
        ("has_error && is_root", "spans", "unexpected && at character 11; write and."),
        ("has_error || is_root", "spans", "unexpected || at character 11; write or."),
        ("(has_error) & (is_root)", "spans", "unexpected & at character 13; write and."),
        ("!has_error", "spans", "unexpected ! at character 1; write not."),
        ("has_error AND is_root", "spans", "unexpected AND at character 11; write and, in small letters."),
        ("user_id == null", "spans", "unexpected null at character 12; write None."),
        ("has_error == true", "spans", "unexpected true at character 14; write True."),
        ("name like 'a%'", "spans", 'unexpected like at character 6; write "text" in name.'),
        ("kind:llm", "spans", 'unexpected : at character 5; write name == "value" to compare.'),
        ("kind <> 'llm'", "spans", "unexpected <> at character 6; write != for not equal."),
        ("kind == “llm”", "spans", "the typographic quote “ at character 9; write straight quotes."),
        # unfinished or broken
        ("", "spans", "the filter is empty at character 1; write a condition such as"),
        ("   # nothing", "spans", "the filter is empty at character 1"),
        ("kind ==", "spans", "the end of an unfinished filter at character 8; write a condition such as"),
        ("kind == 'llm", "spans", "a text whose quote is not closed at character 9; close it with '."),
        ("(has_error", "spans", "( that is never closed at character 1; close it."),
        ("has_error)", "spans", ") without ( at character 10; remove )."),
        ("metadata['a')", "spans", ") where [ was opened at character 13; make the brackets match."),
        ("kind == 'llm' has_error", "spans", "unexpected has_error at character 15; join conditions with and, or."),
        ("and has_error", "spans", "unexpected and at character 1"),
        ("has_error, is_root", "spans", "conditions joined by a comma at character 1; join them with and, or."),
        ("größe > 5", "spans", "unexpected 'ö' at character 3; letters outside a-z belong in quotes."),
        ("cost_usd > 1e999", "spans", "a number too large to compare with at character 12"),
        ("cost_usd > 99999999999999999999", "spans", "a number too large to compare with at character 12"),
    ],
)  # fmt: skip
def test_an_error_names_the_value_the_place_and_the_next_step(text: str, on: On, said: str) -> None:
    assert said in message(text, on)


def test_an_error_points_at_the_characters_at_fault() -> None:
    text = '"größe" in input and\n  # a comment\n  cost_usd > "a"'

    with pytest.raises(FilterError) as caught:
        parse_filter(text)

    error = caught.value
    assert error.at is not None
    assert text[error.at : error.at + error.length] == '"a"'


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "().__class__.__bases__",
        "(lambda: 1)()",
        "(x := 5) > 3",
        "f'{name}' == 'a'",
        'b"a" == name',
        "[x for x in (1).__class__]",
        "{**metadata}",
        "[*tags]",
        "any(*tags)",
        "any(x=1)",
        "yield",
        "await name",
        "name if has_error else kind",
        "name; kind",
        "name @ kind",
        "1j == cost_usd",
        "... == name",
        "name[0:5] == 'a'",
        "'a' 'b' in [c for c in name]",
        "any(any(any(e.name for e in events) for f in events) for g in events)",
        "{s for s in events}",
        "any(e.name async for e in events)",
        "'\\ud800' == name",
        "'\\N{BULLET}' == name",
        "'\\d' == name",
        "'\\0' == name",
        "name == 'a\0b'",
        "name == '\ud800'",
        '"""a""" == name',
        "1or has_error",
        "007 < cost_usd",
        "0x10 < cost_usd",
        "cost_usd < 10**1000000",
        "cost_usd < 2//1",
        "cost_usd < " + "9" * 4000,
        "(" * 2000 + "name" + ")" * 2000,
        "[" * 90,
        "not " * 1000 + "has_error",
        "-" * 4000 + "1 < cost_usd",
        "cost_usd > " + "1+" * 2000 + "1",
        "metadata" + "['a']" * 700 + " > " + "1" + "*1" * 200,
        "name" + ".lower()" * 500 + " == 'a'",
        "any(" * 100 + "has_error" + " for s in spans)" * 100,
        "has_error or " * 310 + "has_error",
        "has_error and not (" * 23 + "has_error" + ")" * 23,
        "cost_usd < " * 370 + "1",
        "x" * 5000,
        "name == '" + "ö" * 2100 + "'",
    ],
)
def test_hostile_text_is_refused_as_ours_in_no_time(text: str) -> None:
    began = time.process_time()

    said = message(text)

    assert time.process_time() - began < 5  # what does not end by itself takes far longer
    assert len(said) < 700


@pytest.mark.parametrize("text", [None, 5, b"has_error", ["has_error"], object()])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(FilterError, match="a filter is a text such as"):
        parse_filter(text)  # type: ignore[arg-type]


def test_a_filter_is_on_spans_or_traces() -> None:
    with pytest.raises(UsageError, match='"spans" or "traces", not \'span\''):
        parse_filter("has_error", "span")  # type: ignore[arg-type]


_WORDS = [*NAMES["spans"], *NAMES["traces"], *FUNCTIONS, *METHODS]
_WORDS += (
    "s e and or not in is for if None True == != < >= + - * / ( ) [ ] { , . = && lambda : := # \\ ' \" 0 1e9 f'".split()
)
_WORDS += [".lower()", "['a']", '"llm"', "0.5", "'2026-11-01'", "\n", "for s in spans", "any("]


@settings(max_examples=200)
@given(
    text=st.one_of(
        st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join),
        st.lists(st.sampled_from(_WORDS), max_size=14).map("".join),
        st.text(max_size=60),
        st.text(alphabet=string.printable, max_size=60),
    ),
    on=st.sampled_from(["spans", "traces"]),
)
def test_any_text_is_a_filter_or_a_filter_error(text: str, on: On) -> None:
    began = time.process_time()

    try:
        parsed = parse_filter(text, on)
    except FilterError as error:
        said = str(error)
    else:
        sql, values = filter_to_sql(parsed)
        said = "." if sql.count("?") == len(values) else sql

    assert said.endswith(".")
    assert time.process_time() - began < 5  # what does not end by itself takes far longer


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        ("2026-11-01", 1_793_491_200 * 10**9),
        ("2026-11-01T12:30", 1_793_536_200 * 10**9),
        ("2026-11-01 12:30:00.5", 1_793_536_200_500_000_000),
        ("2026-11-01T12:30:00.123456789Z", 1_793_536_200_123_456_789),
        ("2026-11-01T12:30:00.1234567+02:00", 1_793_529_000_123_456_700),
        ("1969-12-31T23:59:59", -(10**9)),
    ],
)
def test_times_are_iso_texts_in_utc_to_the_nanosecond(written: str, ns: int) -> None:
    test = parse_filter(f'start >= "{written}"').test

    assert isinstance(test, Compare)
    assert test.right == Instant(ns)


@pytest.mark.parametrize(
    "example", [one for help_text in FUNCTIONS.values() for one in help_text.split(": ")[0].split("; ")]
)
def test_what_the_help_of_a_function_shows_can_be_written(example: str) -> None:
    is_condition = example.startswith(("any", "all", "matches")) or ">" in example or "<" in example

    parse_filter(example if is_condition else f"{example} > 1", "traces")


def test_names_are_listed_with_their_help_and_what_they_can_hold() -> None:
    assert filter_names("traces")["n_llm"] == "how many llm calls it made"
    assert filter_names()["status"] == "how far it got: open, interrupted, ok, error"
    with pytest.raises(UsageError, match=r"on='span' has no names; give one of 'spans', 'traces'"):
        filter_names("span")
