"""Values that a client wrote as Python does (``str(value)``) instead of as JSON; read without evaluating anything."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from ..model.values import parse_json
from ._parts import MAX_JSON_DEPTH

#: A text in either kind of quotes, a constant, or what JSON writes in the same way.
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<word>None|True|False)|(?P<same>[\[\]{}:,]|-?\d[\d.eE+-]*))""",
    re.DOTALL,
)
_WORDS: Final = {"None": "null", "True": "true", "False": "false"}
_ESCAPE: Final = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r"}
_LONGEST: Final = 8 << 20


def parsed_python(text: str) -> Any:
    """Return the lists, objects, texts, numbers and constants that a text writes; None when it writes anything else."""
    if len(text) > _LONGEST:
        return None
    out: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        at = token.end()
        if token["text"] is not None:
            out.append(json.dumps(_ESCAPE.sub(_unescaped, token["text"][1:-1])))
        else:
            out.append(_WORDS[token["word"]] if token["word"] else token["same"])
    try:
        return parse_json("".join(out), MAX_JSON_DEPTH)
    except ValueError:
        return None


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    if code is None:
        return _ESCAPED.get(found[4], found[4])
    number = int(code, 16)
    return chr(number) if number < 0x110000 else "\ufffd"
