"""JSON of somebody else, parsed in bounded memory."""

from __future__ import annotations

import re
from typing import Any, Final

from ..model import OtlpError
from ..model.values import MAX_DOCUMENT_DEPTH, parse_json
from ._refusal import MAX_IN_TEXTS, MAX_INFLATED, MAX_JSON, MAX_RECORDS, MAX_VALUES, Budget, Refusal

#: A string as a whole (also one that does not end, so that none is looked at twice), or what makes one more value.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|([\[{,])', re.DOTALL)
_MAKES_VALUE: Final = (b"[", b"{", b",")
#: Texts shorter than this cannot ask for more memory than a transaction may take.
_LONG: Final = 64 << 10


def parse(data: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        OtlpError: it is no JSON, or nested too deep.
        Refusal: it is too large, or would become too many objects.
    """
    if len(data) > MAX_JSON:
        most = f"at most {MAX_JSON:,} are read, compressed or not (of protobuf, {MAX_INFLATED:,})"
        raise Refusal(413, f"the request has {len(data):,} bytes of JSON; {most}; send smaller batches")
    if sum(map(data.count, _MAKES_VALUE)) > MAX_VALUES:  # in texts, too; so look closer
        values = Budget(MAX_VALUES, "values")
        for token in _TOKEN.finditer(data):
            if token.lastindex:
                values.take()
    try:
        return parse_json(data, MAX_DOCUMENT_DEPTH)
    except ValueError as error:
        raise OtlpError("", f"is no JSON that can be read ({error})") from None


def check_texts(*values: Any) -> None:
    """See to it that texts in the values of a record, which mappers may parse as JSON, do not become too many objects.

    Raises:
        OtlpError: they would.
    """
    left, waiting = MAX_IN_TEXTS, list(values)
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind is str:
            if len(value) > _LONG:
                left -= sum(map(value.count, "[{,"))
        elif kind is dict:
            waiting += value.values()
        elif kind is list:
            waiting += value
    if left < 0:
        raise OtlpError("", f"has texts that may be JSON of more than {MAX_IN_TEXTS:,} values")


def check_count(request: Any, names: tuple[str, str, str]) -> None:
    """See to it that an OTLP/JSON request holds no more records than one may.

    Raises:
        Refusal: it holds too many.
    """
    budget = Budget(MAX_RECORDS, "records")
    level = [request]
    for name in names:
        level = [item for one in level for item in _items(one, name)]
        budget.take(len(level))


def _items(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []
