"""Texts that a store, or one of its traces, holds by name: what a filter is completed with, and names of scores."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from ._filter_names import NAMES
from ._read import StoreReader
from ._schema import PAYLOAD_COLUMNS, SPAN_COLUMNS, TRACE_COLUMNS

#: Texts proposed for one name, and the longest of them.
MOST: Final = 50
_LONGEST: Final = 200
#: Rows that are looked at, from the newest: enough for what somebody looks for, whatever the size of the store.
_ROWS: Final = 5_000
_PAYLOAD_ROWS: Final = 300

_SCORE_NAMES: Final = "SELECT name, value_type, max(id) FROM scores GROUP BY name ORDER BY 3 DESC LIMIT ?"
_SCORES: Final = "SELECT DISTINCT name FROM (SELECT name FROM scores WHERE {} ORDER BY id DESC LIMIT ?)"
_TEXTS: Final = "SELECT {0}, count(*) FROM (SELECT {0} FROM {1} WHERE {2} ORDER BY id DESC LIMIT ?) WHERE {0} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?"  # noqa: E501
_PAYLOADS: Final = (
    "SELECT DISTINCT {0} FROM (SELECT p.{0} FROM spans s JOIN payloads p ON p.span = s.id "
    "WHERE {1} AND p.{0} IS NOT NULL ORDER BY s.id DESC LIMIT ?)"
)


class KnownTexts(Mapping[str, tuple[str, ...]]):
    """What ``complete`` takes as ``known``; each name is looked up when it is asked for, and only then.

    Values of columns and tags, the likeliest first; keys of ``metadata``, ``attributes`` and ``model_parameters``;
    names of ``scores``.
    """

    def __init__(self, reader: StoreReader, on: Literal["spans", "traces"], trace_id: str | None = None) -> None:
        """Look into one trace, or into the newest rows of the store."""
        self._reader, self._on = reader, on
        self._where, self._values = ("1", []) if trace_id is None else ("trace_id = ?", [trace_id])
        columns = SPAN_COLUMNS if on == "spans" else TRACE_COLUMNS
        self._columns = {name.name for name in NAMES[on].values()
                         if name.type in ("text", "tags", "map") and name.name in columns}  # fmt: skip
        self._payloads = {name.name for name in NAMES[on].values()
                          if name.type == "map" and on == "spans" and name.name in PAYLOAD_COLUMNS}  # fmt: skip

    def __getitem__(self, name: str) -> tuple[str, ...]:
        """Return the texts of a name.

        Raises:
            KeyError: texts of this name are not looked up.
            StoreError: the store cannot be read.
        """
        if name == "scores":
            return _short(row[0] for row in self._rows(_SCORES.format(self._where)))
        if name in self._payloads:
            rows = self._rows(_PAYLOADS.format(name, self._where.replace("trace_id", "s.trace_id")), _PAYLOAD_ROWS)
            return _short(key for row in rows for key in _keys(self._reader.json(row[0])))
        if name not in self._columns:
            raise KeyError(name)
        rows = self._rows(_TEXTS.format(name, self._on, self._where), _ROWS, 4 * MOST)
        if name in ("tags", "metadata"):  # JSON texts: a list, an object
            return _short(key for row in rows for key in _keys(_json(row[0])))
        return _short(row[0] for row in rows)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({"scores", *self._columns, *self._payloads}))

    def __len__(self) -> int:
        return len({"scores", *self._columns, *self._payloads})

    def _rows(self, query: str, *limits: int) -> list[tuple[Any, ...]]:
        return self._reader.rows(query, [*self._values, *(limits or (_ROWS,))])


def score_names(reader: StoreReader) -> list[tuple[str, str]]:
    """Return (name, type of its last value) of the scores in a store, those given last first, at most ``MOST``."""
    return [(name, kind) for name, kind, _ in reader.rows(_SCORE_NAMES, [MOST])]


def _short(texts: Iterable[Any]) -> tuple[str, ...]:
    found = dict.fromkeys(text for text in texts if isinstance(text, str) and 0 < len(text) <= _LONGEST)
    return tuple(list(found)[:MOST])


def _keys(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (dict, list)) else ()


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
