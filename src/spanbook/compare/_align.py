"""Two trees of steps, aligned by structure. Pure functions.

Children of two paired steps are aligned as two sequences: a step pairs only with one of its own key (kind and name),
pairs never cross, and there are as many of them as can be (a longest common subsequence). So an inserted step shifts
nothing, and the steps of a loop pair in order. Where that leaves a choice, steps that were given more alike inputs
pair. One root on each side pairs whatever the keys are: a renamed agent is still what is compared.

What it costs is bounded. Likeness is asked for in at most ``MOST_CELLS`` places of one comparison, enough for two
lists of 600 children; beyond that the shortest edit script by keys alone is taken (Myers, 1986), and lists that differ
in more than ``MOST_EDITS`` steps pair the n-th step of a key with the n-th of that key, as far as these do not cross.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from itertools import count
from typing import Final, NamedTuple

MOST_CELLS: Final = 360_000
MOST_EDITS: Final = 200

#: How alike the inputs of a step of the first and one of the second tree are, 0 to 1; symmetric.
Similarity = Callable[[int, int], float]
#: Two places, one in each of two lists.
Places = tuple[int, int]


class Step(NamedTuple):
    """One step of a tree that is given as a list in order of start."""

    parent: int  # its place in the list; anything that is no other place makes it a root
    key: tuple[str, ...]  # only steps of one key pair
    given: Hashable = None  # equal where what they were given is known to be the same


class Aligned(NamedTuple):
    """A pair, or a step without one; ``parent`` is the place of the pair above in the list of all."""

    a: int | None
    b: int | None
    parent: int
    depth: int


def align(a: Sequence[Step], b: Sequence[Step], similarity: Similarity) -> list[Aligned]:
    """Return every step of both trees exactly once, depth first, what is only in ``a`` before what is only in ``b``."""
    below_a, below_b = _children(a), _children(b)
    matcher = _Matcher(a, b, similarity)
    roots = (below_a.get(-1, []), below_b.get(-1, []))
    first = [(roots[0][0], roots[1][0])] if len(roots[0]) == len(roots[1]) == 1 else matcher.merged(*roots)
    found: list[Aligned] = []
    waiting = [Aligned(i, j, -1, 0) for i, j in reversed(first)]
    while waiting:
        pair = waiting.pop()
        own_a = [] if pair.a is None else below_a.get(pair.a, [])
        own_b = [] if pair.b is None else below_b.get(pair.b, [])
        children = matcher.merged(own_a, own_b)
        waiting += [Aligned(i, j, len(found), pair.depth + 1) for i, j in reversed(children)]
        found.append(pair)
    return found


def _children(steps: Sequence[Step]) -> dict[int, list[int]]:
    """Return the places of each step's children in order; roots are those of -1."""
    below: dict[int, list[int]] = {-1: []}
    for place, step in enumerate(steps):
        is_root = not 0 <= step.parent < len(steps) or step.parent == place
        below.setdefault(-1 if is_root else step.parent, []).append(place)
    reached = [False] * len(steps)

    def walk(start: int) -> None:
        waiting = list(below.get(start, ())) if start < 0 else [start]
        while waiting:
            place = waiting.pop()
            reached[place] = True
            waiting += below.get(place, ())

    walk(-1)
    for place, step in enumerate(steps):
        if not reached[place]:  # it hangs in a cycle: the earliest step of one becomes a root
            below[step.parent].remove(place)
            below[-1].append(place)
            walk(place)
    below[-1].sort()
    return below


class _Matcher:
    """Aligns lists of children, all out of one budget."""

    def __init__(self, a: Sequence[Step], b: Sequence[Step], similarity: Similarity) -> None:
        self._a, self._b, self._similarity = a, b, similarity
        self._cells = MOST_CELLS

    def merged(self, left: Sequence[int], right: Sequence[int]) -> list[tuple[int | None, int | None]]:
        """Return all of both lists, paired where they pair, in an order that is that of each."""
        if not left or not right:
            return [*((i, None) for i in left), *((None, j) for j in right)]
        merged: list[tuple[int | None, int | None]] = []
        x = y = 0
        for i, j in [*self._paired(left, right), (len(left), len(right))]:
            merged += [(each, None) for each in left[x:i]]
            merged += [(None, each) for each in right[y:j]]
            if i < len(left):
                merged.append((left[i], right[j]))
            x, y = i + 1, j + 1
        return merged

    def _paired(self, left: Sequence[int], right: Sequence[int]) -> list[Places]:
        a, b = [self._a[i] for i in left], [self._b[j] for j in right]
        keys_a, keys_b = [step.key for step in a], [step.key for step in b]
        if keys_a == keys_b:
            return [(place, place) for place in range(len(a))]
        start = _alike(a, b)
        end = _alike(a[start:][::-1], b[start:][::-1])
        keys_a, keys_b = keys_a[start : len(a) - end], keys_b[start : len(b) - end]
        middle_a, middle_b = left[start : len(left) - end], right[start : len(right) - end]
        # Of two answers that are as good, the same is given whichever trace is named first.
        if keys_a <= keys_b:
            middle = self._middle(keys_a, keys_b, lambda i, j: self._likeness(middle_a[i], middle_b[j]))
        else:
            turned = self._middle(keys_b, keys_a, lambda j, i: self._likeness(middle_a[i], middle_b[j]))
            middle = [(i, j) for j, i in turned]
        head = [(place, place) for place in range(start)]
        tail = [(len(a) - back, len(b) - back) for back in range(end, 0, -1)]
        return [*head, *((start + i, start + j) for i, j in middle), *tail]

    def _likeness(self, i: int, j: int) -> float:
        return 1.0 if self._a[i].given == self._b[j].given else self._similarity(i, j)

    def _middle(
        self, a: Sequence[tuple[str, ...]], b: Sequence[tuple[str, ...]], likeness: Callable[[int, int], float]
    ) -> list[Places]:
        cells = len(a) * len(b)
        if cells <= self._cells:
            self._cells -= cells
            return most_alike(a, b, likeness)
        found = fewest_edits(a, b)
        return in_order(a, b) if found is None else found


def _alike(a: Sequence[Step], b: Sequence[Step]) -> int:
    """Return how many steps both begin with that are the same in key and in what they were given."""
    found = 0
    for one, other in zip(a, b, strict=False):
        if one.key != other.key or one.given != other.given:
            break
        found += 1
    return found


def most_alike(a: Sequence[Hashable], b: Sequence[Hashable], likeness: Callable[[int, int], float]) -> list[Places]:
    """Return the longest common subsequence of two lists; of several the one whose pairs are the most alike."""
    if not a or not b:
        return []
    share = 1 / (2 * min(len(a), len(b)))  # all likenesses together are worth less than one pair
    best = [0.0] * (len(b) + 1)
    turns: list[bytearray] = []
    for i in range(len(a) - 1, -1, -1):
        below, best, turn = best, [0.0] * (len(b) + 1), bytearray(len(b))
        for j in range(len(b) - 1, -1, -1):
            value, way = below[j], 1
            if best[j + 1] > value:
                value, way = best[j + 1], 2
            if a[i] == b[j]:
                paired = below[j + 1] + 1 + share * likeness(i, j)
                if paired >= value:
                    value, way = paired, 0
            best[j], turn[j] = value, way
        turns.append(turn)
    turns.reverse()
    found: list[Places] = []
    i = j = 0
    while i < len(a) and j < len(b):
        way = turns[i][j]
        if way == 0:
            found.append((i, j))
        i, j = i + (way != 2), j + (way != 1)
    return found


def fewest_edits(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Places] | None:
    """Return a longest common subsequence of two lists that differ in few places; None beyond ``MOST_EDITS``."""
    reach = {1: 0}
    rounds: list[dict[int, int]] = []
    for edits in range(min(len(a) + len(b), MOST_EDITS) + 1):
        rounds.append(dict(reach))
        for k in range(-edits, edits + 1, 2):
            is_down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
            x = reach[k + 1] if is_down else reach[k - 1] + 1
            while x < len(a) and x - k < len(b) and a[x] == b[x - k]:
                x += 1
            reach[k] = x
            if x >= len(a) and x - k >= len(b):
                return _way_back(rounds, len(a), len(b))
    return None


def _way_back(rounds: Sequence[dict[int, int]], x: int, y: int) -> list[Places]:
    found: list[Places] = []
    for edits in range(len(rounds) - 1, -1, -1):
        reach, k = rounds[edits], x - y
        is_down = k == -edits or (k != edits and reach[k - 1] < reach[k + 1])
        start = 0 if edits == 0 else reach[k + 1] if is_down else reach[k - 1] + 1
        while x > start:
            x, y = x - 1, y - 1
            found.append((x, y))
        if is_down:
            y -= 1
        else:
            x -= 1
    return found[::-1]


def in_order(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Places]:
    """Pair the n-th of a key with the n-th of that key, as many as do not cross; n log n for lists of any kind."""
    seen: dict[Hashable, count[int]] = {}
    places = {(key, next(seen.setdefault(key, count()))): j for j, key in enumerate(b)}
    seen = {}
    wanted = [(key, next(seen.setdefault(key, count()))) for key in a]
    pairs = [(i, places[each]) for i, each in enumerate(wanted) if each in places]
    ends: list[int] = []  # of the longest rising sequences of each length, the lowest last place
    at: list[int] = []
    before: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        ends[length : length + 1] = [j]
        at[length : length + 1] = [number]
        before.append(at[length - 1] if length else -1)
    found: list[Places] = []
    number = at[-1] if at else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]
