"""What the policies replace, what they leave, and that they are linear."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanbook.model.errors import UsageError
from spanbook.model.redaction import POLICIES, make_redactor
from tests.model.hostile_texts import UNITS, hostile
from tests.model.secret_corpus import HARMLESS
from tests.model.secret_corpus import SECRETS as SECRET_CORPUS

LETTERS = "aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5z"
SECRETS = make_redactor("secrets")
PII = make_redactor("secrets+pii")
METADATA = make_redactor("metadata-only")
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA75pZ\nqrs==\n-----END RSA PRIVATE KEY-----"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4"

#: Text with a secret between « and »; the rest has to stay.
TEXTS = [
    f"use «sk-proj-{LETTERS}» please",
    f"«sk-ant-api03-{LETTERS}»",
    "«sk-abcdefghijklmnop»",
    f'key "«sk_live_{LETTERS}»"',
    "«AKIAIOSFODNN7EXAMPLE» «wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY»",
    f"«ghp_{LETTERS}», «gho_{LETTERS}»; «github_pat_{LETTERS}»",
    "«xoxb-1234567890-abcdefghij»",
    f"(«AIzaSyA{LETTERS}»)",
    f"«glpat-{LETTERS[:20]}» «hf_{LETTERS}» «npm_{LETTERS}» «pypi-AgEIcHlwaS5vcmc{LETTERS}»",
    f"«SG.{LETTERS[:22]}.{LETTERS}x»",
    "«SK0123456789abcdef0123456789abcdef»",
    f"token «{JWT}»",
    f"before\n«{PEM}»\nafter",
    json.dumps("key: " + PEM)[:6] + "«" + json.dumps(PEM)[1:-1] + "»",
    "Authorization: Bearer «abc123.def»",
    "Authorization: Basic «dXNlcjpwYXNz»",
    "send bearer «abcdef123456» on",
    "postgresql://admin:«p@ss:w0rd»@db.local:5432/app?sslmode=require",
    "redis://:«hunter2»@cache/0",
    'client = OpenAI(api_key="«literal»", timeout=3)',
    "client = OpenAI(api_key='«literal»')",
    'api_key: str | None = "«literal»"',
    "os.environ['OPENAI_API_KEY'] = '«x»'",
    '{"api_key": "«abc»", "user": "bob"}',
    r"{\"password\": \"«abc»\", \"n\": 1}",
    r'"{\"args\": \"{\\\"password\\\": \\\"«abc»\\\"}\"}"',
    '{"password": "«with \\" quote»"}',
    "{'X-Api-Key': '«abc»', 'Accept': 'json'}",
    "if password == '«hunter»': pass",
    "password=«hunter2» user=bob",
    "export DB_PASSWORD=«letmein»",
    "host=x password=«letmein» port=5",
    "password: «letmein»\nuser: bob",
    "  - client_secret: «abc-def»",
    "GET /v1?api_key=«abcd»&q=refund&sig=«xyz%2B»",
    "mysql --user root --password «hunter2» db",
    "Cookie: «session=abc; theme=dark»\nHost: x",
    "Endpoint=sb://x/;SharedAccessKeyName=Root;SharedAccessKey=«ab+/12cdef==»;EntityPath=q",
    "DefaultEndpointsProtocol=https;AccountKey=«ab+/12cdefgh==»;EndpointSuffix=core.windows.net",
    "AWS_SECRET_ACCESS_KEY=«wJalrXUtnFEMIK7MDENG»",
    f"https://hooks.slack.com/services/«T0000/B0000/{LETTERS[:24]}»",
    f"https://discord.com/api/webhooks/123456789012345678/«{LETTERS}»",
    f"line\\n«sk-proj-{LETTERS}»\\tend",
    f"q=%22«sk-proj-{LETTERS}»%22",
    'naïve “pässwörd”: password="«pässwörd»" ✓',
]
#: Text that has nothing to hide.
CLEAN = [
    "The password is needed, and the token: it expires. Your key = your responsibility.",
    "client = OpenAI(api_key=get_key(), organization=org)",
    "password = self.password\ntoken = read_token(path)",
    "def login(user: str, password: str, token: Token | None = None) -> None:",
    "api_key=os.environ['OPENAI_API_KEY']",
    '{"max_tokens": 1000, "input_tokens": 12345678, "token_count": "99999999"}',
    "input_tokens=1234567 next_page_token=abc123456 eos_token: '<|endoftext1|>'",
    '{"password": {"type": "string", "description": "at least 8"}}',
    "550e8400-e29b-41d4-a716-446655440000 call_abcdefghijklmnopqrstuvwx chatcmpl-9abcdefghijklmnop",
    "https://example.com/a/b?q=1#risk-averse-and-task-specific-state-of-the-art",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "models voyage-multilingual-2, pplx-70b-online; function hf_hub_download_url_for_model",
    "postgresql://admin@db.local:5432/app, mail bob@example.com, at 10:30:15",
    "",
]


@pytest.mark.parametrize("text", TEXTS)
def test_secrets_in_text(text: str) -> None:
    kept = [piece.partition("»")[2] if number else piece for number, piece in enumerate(text.split("«"))]
    hidden = [piece.partition("»")[0] for piece in text.split("«")[1:]]
    made, count = SECRETS.text(text.replace("«", "").replace("»", ""))
    assert count == len(hidden)
    assert [
        piece.partition("]")[2] if number else piece for number, piece in enumerate(made.split("[redacted:"))
    ] == kept
    assert SECRETS.text(made) == (made, 0)


@pytest.mark.parametrize("text", CLEAN)
def test_text_without_secrets_is_the_same_object(text: str) -> None:
    made, count = SECRETS.text(text)
    assert (made, count) == (text, 0)
    value = {"input": [text]}
    assert SECRETS.value(value)[0] is value


SECRET_NAMES = (
    "authorization Authorization api_key apikey API-KEY x-api-key apiKey OPENAI_API_KEY openai.api_key cookie "
    "set-cookie password PASSWORD db_password dbpassword passwd pwd secret client_secret clientSecret token "
    "access_token accessToken refresh_token github_token X-Amz-Security-Token private_key privateKey auth "
    "connection_string ConnectionString credentials aws_secret_access_key http.request.header.authorization "
    "password_hash api_key_2 passphrase"
).split()
PLAIN_NAMES = (
    "input_tokens output_tokens max_tokens token_count total_tokens cached_tokens tokens eos_token max_token "
    "next_page_token author key keys cache_key primary_key authority session_id user_id secretary passage string "
    "tokenizer secret_name password_policy_url cost_per_token monkey"
).split()


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_values_under_secret_names(name: str) -> None:
    value = {name: "abc", "kept": [1, {name: ["x", "y"]}]}
    made, count = SECRETS.value(value)
    assert count == 2
    assert made[name].startswith("[redacted:")
    assert made["kept"] == [1, {name: made[name]}]
    assert value == {name: "abc", "kept": [1, {name: ["x", "y"]}]}
    assert SECRETS.value(made) == (made, 0)


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_values_under_plain_names(name: str) -> None:
    value = {name: "abc", "n": {name: 3}}
    assert SECRETS.value(value)[0] is value


def test_pairs_headers_and_attributes_are_names_too() -> None:
    headers = [["X-Api-Key", "abc"], ["Accept", "json"]]
    attributes = [{"key": "password", "value": {"stringValue": "abc"}}, {"name": "k", "value": 3}]
    assert SECRETS.value({"headers": headers, "attributes": attributes, "required": ["password", "user"]}) == (
        {
            "headers": [["X-Api-Key", "[redacted:api_key]"], ["Accept", "json"]],
            "attributes": [{"key": "password", "value": "[redacted:password]"}, {"name": "k", "value": 3}],
            "required": ["password", "user"],
        },
        2,
    )


@pytest.mark.parametrize(
    "value",
    [
        {"token": None, "password": "", "secret": False, "cookies": {}, "credentials": []},
        {"usage": {"token": 3, "access_token": 1.5, "prompt_tokens": 10}},
        {"logprobs": [{"token": "Hello", "logprob": -0.1, "top_logprobs": []}]},
        {"properties": {"password": {"type": "string"}, "token": {"anyOf": []}}},
        {"password": {"$type": "not_captured", "reason": "reading it raised RuntimeError"}},
        {"password": "[redacted:password]"},
    ],
)
def test_what_is_no_secret_under_a_secret_name(value: Any) -> None:
    assert SECRETS.value(value)[0] is value


def test_secrets_in_keys_keep_both_values() -> None:
    made, count = SECRETS.value({f"sk-proj-{LETTERS}": 1, f"sk-proj-{LETTERS[::-1]}": 2})
    assert (made, count) == ({"[redacted:api_key]": 1, "[redacted:api_key]'": 2}, 2)


def test_media_are_not_looked_into() -> None:
    blob = {"type": "blob", "mime_type": "image/png", "content": f"sk-proj-{LETTERS}"}
    url = "data:image/png;base64," + "AKIAIOSFODNN7EXAMPLE/" * 9
    value = {"parts": [blob, {"$type": "blob", "content": f"sk-{LETTERS}"}], "url": url, "data": LETTERS * 200}
    assert SECRETS.value(value)[0] is value
    assert SECRETS.value({"url": f"data:;base64,AAAA and sk-proj-{LETTERS}"})[1] == 1


def test_errors_are_searched_too() -> None:
    error = {"type": "ValueError", "message": f"bad key sk-proj-{LETTERS}", "traceback": '  connect(password="abc")\n'}
    made, count = SECRETS.value(error)
    assert (count, made["traceback"]) == (2, '  connect(password="[redacted:password]")\n')


PERSONAL = [
    "write to «bob.o'neil+x@mail.example.co.uk».",
    "call «+44 20 7946 0958» or «(555) 123-4567», «555-123-4567», «020 7946 0958»",
    "card «4111 1111 1111 1111» exp 12/27",
    "IBAN «GB82 WEST 1234 5698 7654 32» ok",
    "ssn «123-45-6789»",
    "from «192.168.10.3» and «2001:db8::8a2e:370:7334»",
]
IMPERSONAL = [
    "on 2026-01-31 12:30:45, 31-01-2026, 1700000000000, v1.2.3.4.5, 0.123456789, 3.14",
    "order 4111 1111 1111 1112, uuid 550e8400-e29b-41d4-a716-446655440000, 127.0.0.1, std::vector, a@b",
    "GB82 WEST 1234 5698 7654 33",
]


@pytest.mark.parametrize("text", PERSONAL)
def test_personal_data(text: str) -> None:
    plain = text.replace("«", "").replace("»", "")
    made, count = PII.text(plain)
    assert count == text.count("«")
    assert not any(piece.partition("»")[0] in made for piece in text.split("«")[1:])
    assert PII.text(made) == (made, 0)
    assert SECRETS.text(plain) == (plain, 0)


@pytest.mark.parametrize("text", IMPERSONAL)
def test_numbers_that_are_not_personal(text: str) -> None:
    assert PII.text(text) == (text, 0)


def test_metadata_only_keeps_the_form_of_messages() -> None:
    message = {
        "role": "assistant",
        "finish_reason": "stop",
        "parts": [
            {"type": "text", "content": "My name is Bob"},
            {"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"query": "Bob", "k": 3}},
            {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AAAA"},
        ],
    }
    left_out = {"$type": "not_captured", "reason": "metadata-only"}
    made, count = METADATA.value([message])
    assert made == [
        {
            "role": "assistant",
            "finish_reason": "stop",
            "parts": [
                {"type": "text", "content": left_out | {"size": 14}},
                {
                    "type": "tool_call",
                    "id": "call_1",
                    "name": "search",
                    "arguments": {"query": left_out | {"size": 3}, "k": 3},
                },
                {"type": "blob", "modality": "image", "mime_type": "image/png"},
            ],
        }
    ]
    assert count == 3
    assert METADATA.value(made) == (made, 0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"name": "Bob", "age": 54}, {"name": {"size": 3}, "age": 54}),
        ({"Bob Smith": 1}, {"key_0": 1}),
        ({"type": "ValueError", "module": "builtins", "message": "Bob", "traceback": "Bob"}, {"type": "ValueError"}),
        ({"$type": "dataframe", "shape": [1, 1], "columns": ["a"], "head": [{"a": "Bob"}]}, {"shape": [1, 1]}),
        ({"$type": "cut", "size": 9, "head": "Bob"}, {"size": 9}),
        ({"$type": "float", "text": "nan"}, {"text": "nan"}),
        ({"input_tokens": 3, "cost_usd": 0.1}, {"input_tokens": 3}),
        ("Bob", {"reason": "metadata-only", "size": 3}),
    ],
)
def test_metadata_only_leaves_out_texts(value: Any, expected: dict[str, Any]) -> None:
    made = METADATA.value(value)[0]
    assert "Bob" not in json.dumps(made)
    for key, item in expected.items():
        assert made[key].items() >= item.items() if isinstance(item, dict) else made[key] == item


def test_metadata_only_keeps_what_describes_a_span() -> None:
    assert not METADATA.keeps_media
    value = {"tier": "pro", "password": "abc"}
    assert METADATA.value(value, "metadata") == ({"tier": "pro", "password": "[redacted:password]"}, 1)
    assert METADATA.value({"tier": "pro"}, "input")[1] == 1


def test_a_callable_gets_a_copy_and_may_return_anything() -> None:
    def upper(value: Any) -> Any:
        if isinstance(value, dict):
            value["x"] = {1, 2}
            return value
        return value

    redactor = make_redactor(upper)
    value = {"x": "a"}
    assert redactor.value(value) == ({"x": [1, 2]}, 1)
    assert value == {"x": "a"}
    assert redactor.value(["a"])[0] == ["a"]
    assert redactor.text("a") == ("a", 0)
    assert redactor.name.endswith("upper")


def test_redaction_fails_closed() -> None:
    def fail(value: Any) -> Any:
        raise RuntimeError(value)

    redactor = make_redactor(fail)
    assert redactor.value({"a": 1}) == ({"$type": "not_captured", "reason": "redaction failed"}, 1)
    assert redactor.text("abc") == ("[redaction failed]", 1)
    deep: Any = f"sk-proj-{LETTERS}"
    for _ in range(100_000):
        deep = [deep]
    assert SECRETS.value(deep)[0]["reason"] == "redaction failed"


def test_policies_have_names_and_a_version() -> None:
    assert [make_redactor(policy).name for policy in POLICIES] == list(POLICIES)
    assert make_redactor("off").value({"password": "abc"}) == ({"password": "abc"}, 0)
    assert isinstance(SECRETS.version, int)
    with pytest.raises(UsageError, match=r"'secret' is no redaction policy; use 'off', 'secrets'"):
        make_redactor("secret")


# -- properties

PIECES = st.sampled_from(
    [text.replace("«", "").replace("»", "") for text in [*TEXTS, *PERSONAL, *CLEAN]]
    + 'sk- eyJ AKIA key= pwd: "password": token=[redacted: ] [redacted:token] ://a: @ -----BEGIN bearer'.split()
    + "--pwd \\ \" '".split()
    + [" ", "\n", "=", ":", "\\n", "é", "\ud800"]
)
texts = st.lists(PIECES | st.text(max_size=6), max_size=8).map("".join)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts | st.sampled_from([*SECRET_NAMES, *PLAIN_NAMES]), inner),
    max_leaves=8,
)


@pytest.mark.parametrize("policy", POLICIES)
@given(value=values)
def test_redaction_never_raises_and_is_idempotent(policy: str, value: Any) -> None:
    redactor = make_redactor(policy)
    before = json.dumps(value)
    made, count = redactor.value(value)
    assert json.dumps(value) == before
    assert "redaction failed" not in json.dumps(made)
    assert count > 0 or made is value
    again, more = redactor.value(made)
    assert more == 0
    assert again is made


@given(st.dictionaries(st.sampled_from(PLAIN_NAMES[:7]), st.integers() | st.floats(allow_nan=False)))
def test_usage_is_left_alone(usage: dict[str, Any]) -> None:
    value = {"usage": usage, "tokens": usage}
    for policy in POLICIES:
        assert make_redactor(policy).value(value)[0] is value


# -- what secrets look like


@pytest.mark.parametrize("name", SECRET_CORPUS)
def test_secrets_as_they_look_in_the_wild(name: str) -> None:
    """In a sentence, in JSON, in a stack trace; what stands beside them stays."""
    marked = SECRET_CORPUS[name]
    secrets = re.findall("«(.*?)»", marked, re.DOTALL)
    plain = marked.replace("«", "").replace("»", "")
    error = {
        "type": "ValueError",
        "message": plain,
        "traceback": f"  File 'x.py', line 3\n    {plain}\nValueError: {plain}",
    }
    for value in (plain, f"it says:\n{plain}", {"content": [{"text": plain}]}, json.dumps({"a": plain}), error):
        made, count = SECRETS.value(value)
        assert count >= len(secrets)
        assert [secret for secret in secrets if secret in json.dumps(made, ensure_ascii=False)] == []
    assert SECRETS.text(f"before {plain}\nafter")[0].startswith("before ")
    assert SECRETS.text(f"before {plain}\nafter")[0].endswith("\nafter")


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    """By itself and within a value."""
    assert SECRETS.text(text) == (text, 0)
    value = {"messages": [{"role": "user", "content": text}]}
    assert SECRETS.value(value)[0] is value


def test_the_corpus_is_large_enough() -> None:
    """Forty of each at least, all of them different."""
    assert len(SECRET_CORPUS) >= 40
    assert len(set(HARMLESS)) >= 40


# -- cost: compared with itself, in processor time


@pytest.mark.parametrize("unit", UNITS)
def test_cost_grows_with_the_length(unit: str) -> None:
    """Four times the text costs four times as much, not sixteen times; half as much again is left for noise."""
    short, long = hostile(unit, 16_384), hostile(unit, 65_536)
    factors: list[float] = []
    while len(factors) < 5 and not any(factor <= 6 for factor in factors):
        factors.append(processor_time(PII.text, long) / (processor_time(PII.text, short) + 0.0002))
    assert min(factors) <= 6


def processor_time(call: Callable[[str], Any], text: str) -> float:
    """Return the least of three runs, in seconds of this thread."""

    def once() -> float:
        start = time.thread_time()
        call(text)
        return time.thread_time() - start

    return min(once() for _ in range(3))
