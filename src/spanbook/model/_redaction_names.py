"""Which names announce a secret: keys of objects, headers, arguments, variables in text."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_MAX_NAME: Final = 96  # what is longer is prose

#: Last word of a name -> label.
_WORDS: Final = {
    "auth": "authorization",
    "authorization": "authorization",
    "cookie": "cookie",
    "cookies": "cookie",
    "credential": "credentials",
    "credentials": "credentials",
    "creds": "credentials",
    "passcode": "password",
    "passphrase": "password",
    "passwd": "password",
    "password": "password",
    "passwords": "password",
    "pwd": "password",
    "secret": "secret",
    "secrets": "secret",
}
#: Last two words of a name -> label.
_PAIRS: Final = {
    ("amz", "signature"): "signature",
    ("connection", "string"): "connection_string",
    ("conn", "str"): "connection_string",
    ("goog", "signature"): "signature",
    **{(word, "tokens"): "token" for word in "access api auth bearer refresh".split()},
    **{
        (word, key): f"{word}_key"
        for word in (
            "access account api auth client deploy encryption functions hmac license master private project "
            "secret service shared signing ssh subscription"
        ).split()
        for key in ("key", "keys")
    },
}
#: Ends of a last word written without separators (``dbpassword``, ``openaiapikey``) -> label.
_ENDS: Final = {
    "accesskey": "access_key",
    "accesstoken": "token",
    "apikey": "api_key",
    "apikeys": "api_key",
    "apitoken": "token",
    "authtoken": "token",
    "clientsecret": "secret",
    "connectionstring": "connection_string",
    "passphrase": "password",
    "passwd": "password",
    "password": "password",
    "privatekey": "private_key",
    "refreshtoken": "token",
    "secretkey": "secret_key",
    "sessiontoken": "token",
}
#: Before "token": a piece of text, a place in a list or a price, not a secret.
_TOKENS_OF_TEXT: Final = frozenset(
    "audio bos cached cls completion continuation each end eos every first image input last mask max min new next "
    "output pad page per prompt reasoning sep special start stop target total unk".split()
)
#: Words at the end of a name that leave its meaning: ``password_hash``, ``api_key_2``.
_ADDITIONS: Final = frozenset("b64 base64 env hash header pem plain plaintext raw text value".split())

#: What the names above end with, in lower case: a cheap first test of names in text.
NAME_ENDS: Final = tuple(
    end.encode()
    for end in (
        "key keys auth authorization cookie cookies credential credentials creds code phrase passwd word words pwd "
        "secret secrets token tokens string str signature value hash header sig env"
    ).split()
)
#: Every such name holds one of these.
NAME_STEMS: Final = tuple(
    stem.encode() for stem in "key auth cookie cred pass pwd secret token conn signature sig=".split()
)


def secret_name(name: str) -> str | None:
    """Return the label of the secret that a name announces, None for any other name.

    Case and separators do not matter: ``x-api-key``, ``OPENAI_API_KEY``, ``apiKey``. Counts of tokens and tokens of
    text (``max_tokens``, ``eos_token``) are no secrets.
    """
    return _secret_name(name) if len(name) <= _MAX_NAME else None


@lru_cache(maxsize=4096)
def _secret_name(name: str) -> str | None:
    if "[redacted:" in name:
        return None
    words = [word.lower() for word in _WORD.findall(name)]
    while words and (words[-1].isdigit() or words[-1] in _ADDITIONS):
        words.pop()
    if not words:
        return None
    last = words[-1]
    before = words[-2] if len(words) > 1 else ""
    if last == "token":
        return None if before in _TOKENS_OF_TEXT else "token"
    label = _WORDS.get(last) or _PAIRS.get((before, last))
    if label is None:
        label = next((found for end, found in _ENDS.items() if last.endswith(end)), None)
    return label
