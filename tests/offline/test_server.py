"""The server itself: errors, cuts, times, headers, its end."""

from __future__ import annotations

import copy
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from spanbook import offline
from spanbook.model import UsageError
from spanbook.offline import OfflineModel, Rule
from spanbook.offline._engine import Engine
from spanbook.offline._types import ApiError

if TYPE_CHECKING:
    import openai

MINI = "gpt-4o-mini"
ASKED: Any = [{"role": "user", "content": "x"}]


def ask(client: openai.OpenAI, **fields: Any) -> Any:
    """One chat completion."""
    return client.chat.completions.create(**{"model": MINI, "messages": ASKED, **fields})


def send(model: OfflineModel, method: str, path: str, body: str = "{}", **headers: str) -> tuple[int, Any]:
    """A request made by hand: status and decoded JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", model.port, timeout=5)
    connection.request(method, path, body, {"content-type": "application/json", **headers})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    return response.status, answer


def test_a_429_is_retried_until_the_rule_is_used_up(model: OfflineModel) -> None:
    model.rules.extend([Rule(error=(429, "slow down"), times=2, retry_after_s=0.01), Rule(text="done")])
    before = len(model.requests)
    with model.client(max_retries=2) as client:
        assert ask(client).choices[0].message.content == "done"
    retries = [request.headers["x-stainless-retry-count"] for request in model.requests[before:]]
    assert retries == ["0", "1", "2"]


def test_errors_have_the_form_of_openai(model: OfflineModel, client: openai.OpenAI) -> None:
    import openai

    model.rules.append(Rule(error=(429, "slow down"), retry_after_s=2.5))
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client)
    assert caught.value.body == {
        "message": "slow down",
        "type": "requests",
        "param": None,
        "code": "rate_limit_exceeded",
    }
    assert caught.value.request_id
    headers = caught.value.response.headers
    assert (headers["retry-after"], headers["retry-after-ms"]) == ("3", "2500")


def test_a_server_error_is_one(model: OfflineModel, client: openai.OpenAI) -> None:
    import openai

    model.rules.append(Rule(error=(500, "boom")))
    with pytest.raises(openai.InternalServerError, match="boom"):
        ask(client, stream=True)


def test_a_model_that_says_it_is_not_there_is_not_found(client: openai.OpenAI) -> None:
    import openai

    with pytest.raises(openai.NotFoundError) as caught:
        ask(client, model="no-such-model")
    assert caught.value.code == "model_not_found"


def test_only_the_models_named_are_served() -> None:
    import openai

    with offline.start(models=["mine", "gpt-*"], delays=False) as model, model.client() as client:
        assert [item.id for item in client.models.list()] == ["mine"]
        assert ask(client, model="gpt-9").model == "gpt-9"
        with pytest.raises(openai.NotFoundError):
            ask(client, model="other")


def test_models_name_their_owner(client: openai.OpenAI) -> None:
    assert {item.owned_by for item in client.models.list()} == {"spanbook-offline (scripted rules, not a model)"}
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"


def read(stream: Any, into: list[str]) -> None:
    """Read a stream to its end, keeping the text."""
    into.extend(chunk.choices[0].delta.content for chunk in stream)


def test_a_cut_stream_breaks_off(model: OfflineModel, client: openai.OpenAI) -> None:
    import openai

    model.rules.append(Rule(text="one two three", cut_after=2))
    seen: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        read(ask(client, stream=True), into=seen)
    assert seen == ["", "one", " two"]


@pytest.mark.parametrize(("cut_after", "text"), [(0, ""), (2, "one two"), (9, "one two")])
def test_a_cut_comes_before_the_end_is_said(
    model: OfflineModel, client: openai.OpenAI, cut_after: int, text: str
) -> None:
    import openai

    model.rules.append(Rule(text="one two", cut_after=cut_after))
    seen: list[str] = []
    with pytest.raises(openai.APIConnectionError):
        read(ask(client, stream=True), into=seen)
    assert "".join(piece or "" for piece in seen) == text


def test_a_cut_reply_never_comes(model: OfflineModel, client: openai.OpenAI) -> None:
    import openai

    model.rules.append(Rule(text="x", cut_after=0))
    with pytest.raises(openai.APIConnectionError):
        ask(client)


def test_a_chat_stream_can_fail_half_way(model: OfflineModel, client: openai.OpenAI) -> None:
    import openai

    model.rules.append(Rule(text="one two three", error=(500, "boom"), error_after=1))
    seen: list[str] = []
    with pytest.raises(openai.APIError, match="boom"):
        read(ask(client, stream=True), into=seen)
    assert seen == ["", "one"]


def test_a_callable_that_raises_is_a_500_that_says_so(model: OfflineModel, client: openai.OpenAI) -> None:
    import openai

    model.rules.append(Rule(text=lambda asked: str(1 / 0)))
    with pytest.raises(openai.InternalServerError, match="raised ZeroDivisionError"):
        ask(client)


def test_a_rule_without_a_reply_leaves_it_to_the_others(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(finish_reason="content_filter"))
    choice = ask(client, messages=[{"role": "user", "content": "Who are you?"}]).choices[0]
    assert "not a model" in choice.message.content
    assert choice.finish_reason == "content_filter"


def test_times_of_a_rule_are_kept(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text="a b c", delay_s=0.02, first_token_delay_s=0.05, token_delay_s=0.03))
    start = time.perf_counter()
    times = [time.perf_counter() - start for chunk in ask(client, stream=True) if chunk.choices[0].delta.content]
    assert times[0] >= 0.07
    assert times[2] >= 0.13
    start = time.perf_counter()
    ask(client)
    assert time.perf_counter() - start >= 0.13


def test_larger_models_are_slower() -> None:
    from spanbook.offline._models import timing_of
    from tests.offline.asking import request

    small, large, thinking = (timing_of(request("x", model=m), None, 1.0) for m in (MINI, "gpt-4o", "o3"))
    assert 0.03 <= small.first_s < large.first_s < thinking.first_s <= 0.12
    assert small.token_s < large.token_s


def test_a_slow_reader_that_leaves_is_no_trouble(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(match="long", text="word " * 5000, token_delay_s=0.0001))
    stream = ask(client, messages=[{"role": "user", "content": "long"}], stream=True)
    next(stream)
    stream.close()
    assert ask(client).choices[0].message.content


def test_many_clients_at_once(model: OfflineModel, client: openai.OpenAI) -> None:
    model.rules.append(Rule(text=lambda asked: asked.text_of("user")))

    def one(i: int) -> tuple[str, str]:
        reply = ask(client, messages=[{"role": "user", "content": str(i)}])
        return reply.id, reply.choices[0].message.content

    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(one, range(64)))
    assert [text for _, text in replies] == [str(i) for i in range(64)]
    assert len({reply_id for reply_id, _ in replies}) == 64


def test_requests_are_recorded_without_credentials(model: OfflineModel, client: openai.OpenAI) -> None:
    ask(client, temperature=0.5)
    seen = model.requests[-1]
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.body == {"model": MINI, "messages": ASKED, "temperature": 0.5}
    assert "authorization" not in seen.headers
    assert seen.headers["content-type"] == "application/json"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_foreign_host_names_are_refused(model: OfflineModel, host: str) -> None:
    status, answer = send(model, "GET", "/v1/models", host=host)
    assert (status, answer["error"]["code"]) == (403, "forbidden_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.1"])
def test_names_of_this_machine_are_accepted(model: OfflineModel, host: str) -> None:
    assert send(model, "GET", "/v1/models", host=host)[0] == 200


def test_web_pages_get_no_leave(model: OfflineModel) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", model.port, timeout=5)
    connection.request("OPTIONS", "/v1/chat/completions", headers={"origin": "https://evil.example"})
    response = connection.getresponse()
    assert response.status == 501
    assert not any(name.lower().startswith("access-control") for name, _ in response.getheaders())
    connection.close()


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/chat/completions", "{", {}, 400),
        ("/v1/chat/completions", "[]", {}, 400),
        ("/v1/chat/completions", "[" * 200_000, {}, 400),
        ("/v1/chat/completions", "{}", {"content-type": "text/plain"}, 400),
        ("/v1/chat/completions", "{}", {"content-length": "no"}, 411),
        ("/v1/chat/completions", "{}", {"content-length": "99999999999"}, 413),
        ("/chat/completions", "{}", {}, 404),
        ("/v1/audio/speech", "{}", {}, 404),
    ],
)
def test_bad_requests_get_an_error_in_json(
    model: OfflineModel, path: str, body: str, headers: dict[str, str], status: int
) -> None:
    answered, error = send(model, "POST", path, body, **headers)
    assert answered == status
    assert error["error"]["message"]


def test_stopping_wakes_whoever_waits_and_may_be_repeated() -> None:
    import openai

    model = offline.start(rules=[Rule(text="x", delay_s=60)])
    threading.Timer(0.1, model.stop).start()
    start = time.perf_counter()
    with model.client(max_retries=0) as client, pytest.raises(openai.APIConnectionError):
        ask(client)
    assert time.perf_counter() - start < 5
    model.stop()
    model.stop()
    assert "stopped" in repr(model)


def test_two_servers_are_two() -> None:
    with offline.start(delays=False) as one, offline.start(delays=False, name="b") as two:
        one.rules.append(Rule(text="one"))
        with one.client() as a, two.client() as b:
            assert ask(a).choices[0].message.content == "one"
            assert ask(b).choices[0].message.content != "one"
            assert ask(b).id == "chatcmpl-b-000002"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"port": -1}, "port=-1"),
        ({"port": "80"}, "port='80'"),
        ({"delays": "no"}, "delays='no'"),
        ({"models": "gpt-4o"}, "give a list"),
        ({"rules": ["x"]}, "not a rule"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        offline.start(**arguments)


def test_a_taken_port_is_said(model: OfflineModel) -> None:
    with pytest.raises(UsageError, match=f"port {model.port} cannot be used"):
        offline.start(model.port)


def test_the_interpreter_ends_while_it_serves() -> None:
    """Nothing was stopped, a stream is open: the process still ends at once, without a word."""
    code = """
import copy
import http.client
from spanbook import offline
model = offline.start(rules=[offline.Rule(text="a b c", token_delay_s=30)])
connection = http.client.HTTPConnection("127.0.0.1", model.port)
body = '{"model": "m", "stream": true, "messages": [{"role": "user", "content": "x"}]}'
connection.request("POST", "/v1/chat/completions", body, {"content-type": "application/json"})
connection.getresponse().read(10)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_asks_its_parent_and_frees_the_port() -> None:
    """The child's request is answered by the parent; afterwards the port is closed, though the child lives."""
    code = """
import os, socket, time, warnings
warnings.simplefilter("ignore")
from spanbook import offline
model = offline.start(rules=[offline.Rule(text="hello")], delays=False)
ready, done = os.pipe(), os.pipe()
if os.fork() == 0:
    import urllib.request
    urllib.request.urlopen(model.base_url + "/models").read()
    model.stop()
    os.write(ready[1], b"1")
    os.read(done[0], 1)
    os._exit(0)
os.read(ready[0], 1)
assert model.requests
model.stop()
try:
    socket.create_connection(("127.0.0.1", model.port), timeout=5)
except ConnectionRefusedError:
    print("closed")
os.write(done[1], b"1")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == (b"closed\n", b"")


DAMAGE: list[Any] = [None, True, -1, 1e300, "", "x", [], {}, [None], {"a": 1}, {"$ref": "#"}, {"type": "function"}]
TOOL_BODY: Any = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "Context:\n[a.md] Lamps are blue."},
        {"role": "user", "content": [{"type": "text", "text": "Weather in Paris?"}]},
        {
            "role": "assistant",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "{}"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {"name": "weather", "parameters": {"properties": {"city": {"type": "string"}}}},
        }
    ],
    "tool_choice": {"type": "function", "function": {"name": "weather"}},
}
SCHEMA_BODY: Any = {
    "model": "o3",
    "input": [{"role": "user", "content": [{"type": "input_text", "text": "x"}]}],
    "text": {
        "format": {
            "type": "json_schema",
            "schema": {
                "properties": {"a": {"anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}]}},
                "required": ["a"],
                "allOf": [{"properties": {"b": {"type": "array", "items": {"minimum": 1}, "minItems": 1}}}],
                "$defs": {"A": {"type": "string", "pattern": "^a+$"}},
            },
        }
    },
    "reasoning": {"summary": "auto"},
    "stream": True,
}


@pytest.mark.parametrize(("path", "whole"), [("chat/completions", TOOL_BODY), ("responses", SCHEMA_BODY)])
def test_damaged_requests_are_refused_and_never_break_it(path: str, whole: Any) -> None:
    """Each value of a request replaced by each kind of wrong one: an answer or a 4xx, nothing else."""
    engine = Engine((), models=None, factor=0, name="test")
    for place in places(whole):
        for wrong in DAMAGE:
            assert status_of(engine, path, damaged(whole, place, wrong)) < 500, (place, wrong)


def status_of(engine: Engine, path: str, body: Any) -> int:
    """The status of an answer, its stream read to the end."""
    try:
        plan = engine.post(f"/v1/{path}", body)
    except ApiError as error:
        return error.status
    for event in plan.events or ():
        json.dumps(event.data)
    return plan.status


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside ``value``."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, item in items for p in ((*path, key), *places(item, (*path, key)))]


def damaged(value: Any, place: tuple[Any, ...], wrong: Any) -> Any:
    """A copy of ``value`` with something else at ``place``."""
    made = copy.deepcopy(value)
    *way, last = place
    inner = made
    for key in way:
        inner = inner[key]
    inner[last] = copy.deepcopy(wrong)
    return made
