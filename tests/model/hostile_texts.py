"""Texts that patterns written without care take quadratic or exponential time over: a unit, said again and again."""

from __future__ import annotations

from typing import Final

_DASHES: Final = "-" * 5  # in pieces: no secret stands here, and none that looks like one
_BEGIN: Final = f"{_DASHES}BEGIN "

UNITS: Final = (
    # what the classic patterns for e-mail, URLs, numbers and quoted strings go back and forth over
    *'a 1 A 0 . @ = : - _ \\ " / + % # é ✓ 👍 a@ a@a. a@a@a@ a.a. @@ 1. 1.1.1. 1- 12- 1,1 +1 :: a: a=b= a&b='.split(),
    *"?a= \\n ://a: ://:@ ://a:b@ a://a:a@a:a http://a:b http://@ \\u0000 %3D \\\\ '' \"' \\\" <a> [] {}( ((((".split(),
    # what our own look for: names, marks, beginnings of tokens
    *'bearer bearer: key key= key: "key": key=key= pwd: pwd= pwd=" pwd=a1 password=\' [redacted: token='.split(),
    *"token=[redacted: cookie:a= cookie:a=b; api_key:str= api_key:str|None= --pwd --a --password= sk- sk-a".split(),
    *"SK AKIA AKIAA eyJ .eyJaaaaaaaaaaaaaaaaa eyJaaaaaaaaaaaaaaa.eyJa. hf_ ghp_ xoxb- SG. ya29. AA".split(),
    *"123456789:AA hooks.slack.com/ /api/webhooks/1/ hooks.slack.com/a/ 123-45-".split(),
    *("Bearer ", "bearer  a", "authorization: basic ", "Authorization: ", "aaaaaaaaaaaaaaaa ", "aaaaaaaaaaaaaaa-"),
    *("key = ", "a a a ", "4111 1111 ", "GB82 WEST ", "(555) ", "0 1 2 ", "::1 ", "\n", "\r\n", " \t", "\0", "\x7f"),
    *(_DASHES, _BEGIN, f"{_BEGIN}A ", f"{_BEGIN}PRIVATE KEY", f"{_BEGIN}PRIVATE KEY{_DASHES}", f"{_DASHES}END "),
    f"{_BEGIN}PRIVATE KEY{_DASHES}{_DASHES}END ",
    *("QUJD" * 8 + "==", "QUJD" * 10 + " ", "AKIA" + "A" * 16 + " " + "aB3/" * 10),
)


def hostile(unit: str, size: int) -> str:
    """Return so many characters of a unit."""
    return (unit * (size // len(unit) + 1))[:size]
