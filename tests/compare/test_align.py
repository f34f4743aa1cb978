"""Two trees of steps aligned: what holds for any trees, and what a reader expects of small ones."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.compare import Step, align
from spanbook.compare._align import MOST_CELLS, fewest_edits, in_order, most_alike

KEYS = [("llm", "plan"), ("tool", "look"), ("tool", "save")]


def nothing_alike(i: int, j: int) -> float:
    return 0.0


def trees() -> st.SearchStrategy[list[Step]]:
    """Steps with any parents: before them, after them, themselves, in cycles, or nowhere."""
    one = st.builds(Step, st.integers(-2, 12), st.sampled_from(KEYS), st.integers(0, 2))
    return st.lists(one, max_size=12)


def alike(a: Sequence[Step], b: Sequence[Step]) -> dict[tuple[int, int], float]:
    return {(i, j): (hash((a[i].given, b[j].given)) ^ hash((b[j].given, a[i].given))) % 7 / 7
            for i in range(len(a)) for j in range(len(b))}  # fmt: skip


@given(trees(), trees())
def test_every_step_of_both_appears_once(a: list[Step], b: list[Step]) -> None:
    found = align(a, b, nothing_alike)
    assert sorted(each.a for each in found if each.a is not None) == list(range(len(a)))
    assert sorted(each.b for each in found if each.b is not None) == list(range(len(b)))


@given(trees(), trees())
def test_pairs_are_of_one_key_below_one_pair(a: list[Step], b: list[Step]) -> None:
    """But for the roots of two trees that have one each."""
    found = align(a, b, nothing_alike)
    for place, each in enumerate(found):
        assert each.parent < place
        assert each.depth == (found[each.parent].depth + 1 if each.parent >= 0 else 0)
        if each.a is not None and each.b is not None:
            above = found[each.parent] if each.parent >= 0 else None
            assert above is None or (above.a is not None and above.b is not None)
            assert each.depth == 0 or a[each.a].key == b[each.b].key


@given(trees())
def test_a_tree_is_the_same_as_itself(a: list[Step]) -> None:
    assert all(each.a == each.b for each in align(a, a, nothing_alike))


@given(trees(), trees())
def test_turned_round_added_is_removed(a: list[Step], b: list[Step]) -> None:
    likeness = alike(a, b)
    there = {(each.a, each.b) for each in align(a, b, lambda i, j: likeness[i, j])}
    back = {(each.b, each.a) for each in align(b, a, lambda j, i: likeness[i, j])}
    assert there == back


lists = st.lists(st.sampled_from("abc"), max_size=12)


def longest(a: str, b: str) -> int:
    """Length of the longest common subsequence, the plain way."""
    best = [0] * (len(b) + 1)
    for x in a:
        row = [0]
        for j, y in enumerate(b):
            row.append(best[j] + 1 if x == y else max(row[j], best[j + 1]))
        best = row
    return best[-1]


@given(lists, lists)
def test_as_many_pair_as_can(a: list[str], b: list[str]) -> None:
    """Whichever way is taken; the third only promises that pairs are of one key and do not cross."""
    wanted = longest("".join(a), "".join(b))
    edits = fewest_edits(a, b)
    assert edits is not None
    for found in (most_alike(a, b, nothing_alike), edits, in_order(a, b)):
        assert all(a[i] == b[j] for i, j in found)
        assert all(before[0] < after[0] and before[1] < after[1] for before, after in pairwise(found))
    assert len(most_alike(a, b, nothing_alike)) == len(edits) == wanted


# -- what a reader expects


def flat(*steps: tuple[str, object]) -> list[Step]:
    """A root with these children, (name, what it was given)."""
    return [Step(-1, ("agent", "root")), *(Step(0, ("tool", name), given) for name, given in steps)]


def drawn(a: list[Step], b: list[Step]) -> list[str]:
    found = align(a, b, lambda i, j: len({*str(a[i].given)} & {*str(b[j].given)}) / 10)
    return [
        f"-{a[each.a].given}" if each.a is not None and each.b is None
        else f"+{b[each.b].given}" if each.a is None and each.b is not None
        else f"{a[each.a or 0].given}={b[each.b or 0].given}"
        for each in found[1:]
    ]  # fmt: skip


def test_an_inserted_step_shifts_nothing() -> None:
    loop = [("llm", "1"), ("tool", "2"), ("llm", "3"), ("tool", "4"), ("llm", "5")]
    longer = [*loop[:2], ("check", "new"), *loop[2:]]
    assert drawn(flat(*loop), flat(*longer)) == ["1=1", "2=2", "+new", "3=3", "4=4", "5=5"]


def test_the_steps_of_a_loop_pair_in_order() -> None:
    loop = flat(("llm", "a"), ("tool", "b"), ("llm", "c"))
    assert drawn(loop, flat(("llm", "x"), ("tool", "y"), ("llm", "z"))) == ["a=x", "b=y", "c=z"]


def test_where_one_of_equal_steps_is_gone_the_inputs_say_which() -> None:
    three = flat(("look", "abc"), ("look", "def"), ("look", "ghi"))
    assert drawn(three, flat(("look", "abc"), ("look", "ghi"))) == ["abc=abc", "-def", "ghi=ghi"]
    assert drawn(three, flat(("look", "dez"), ("look", "ghz"))) == ["-abc", "def=dez", "ghi=ghz"]


def test_a_renamed_root_is_still_compared() -> None:
    a, b = flat(("look", "1")), flat(("look", "1"))
    b[0] = Step(-1, ("agent", "better root"))
    assert [(each.a, each.b) for each in align(a, b, nothing_alike)] == [(0, 0), (1, 1)]


def test_what_hangs_below_an_added_step_is_added_too() -> None:
    a = [Step(-1, KEYS[0])]
    b = [Step(-1, KEYS[0]), Step(0, KEYS[1]), Step(1, KEYS[1]), Step(2, KEYS[1])]
    assert [(each.a, each.depth) for each in align(a, b, nothing_alike)] == [(0, 0), (None, 1), (None, 2), (None, 3)]


def test_a_very_deep_tree_is_aligned() -> None:
    deep = [Step(place - 1, KEYS[0], place) for place in range(5_000)]
    assert all(each.a == each.b for each in align(deep, deep, nothing_alike))


@pytest.mark.parametrize("insert_at", [0, 1_000, 2_001, 3_999])
def test_beyond_the_bound_an_inserted_step_still_shifts_nothing(insert_at: int) -> None:
    """Thousands of children, none with an input of before: likeness is not asked for any more."""
    names = ["llm", "tool"] * 2_000
    assert len(names) ** 2 > MOST_CELLS
    a = flat(*((name, f"a{place}") for place, name in enumerate(names)))
    names.insert(insert_at, "tool")
    b = flat(*((name, f"b{place}") for place, name in enumerate(names)))
    asked = 0

    def likeness(i: int, j: int) -> float:
        nonlocal asked
        asked += 1
        return 0.0

    found = align(a, b, likeness)
    assert sum(each.b is not None and each.a is None for each in found) == 1
    assert all(each.a is not None for each in found if each.b is None)
    assert asked <= MOST_CELLS


def test_lists_that_have_little_in_common_end_soon() -> None:
    """Minutes without a bound; the limit here only tells those two apart."""
    shuffled = random.Random(7)
    a = flat(*((str(shuffled.randrange(40)), f"a{place}") for place in range(6_000)))
    b = flat(*((str(shuffled.randrange(40)), f"b{place}") for place in range(6_000)))
    start = time.monotonic()
    found = align(a, b, nothing_alike)
    assert time.monotonic() - start < 30
    assert sum(each.a is not None and each.b is not None for each in found) > 100
