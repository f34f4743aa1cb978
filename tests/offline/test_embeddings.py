"""Embeddings: texts that share words are near."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spanbook.offline import OfflineModel
from spanbook.offline._embeddings import vector

if TYPE_CHECKING:
    import openai

SMALL = "text-embedding-3-small"


def near(a: str, b: str) -> float:
    """Cosine of the angle between two texts."""
    return sum(x * y for x, y in zip(vector(a, 1536), vector(b, 1536), strict=True))


def test_texts_that_share_words_are_near() -> None:
    question = "How long do refunds take?"
    assert near(question, "A refund takes five days.") > 0.5
    assert near(question, "Lamps are shipped from Oslo.") < 0.15


def test_spellings_of_a_word_are_nearer_than_other_words() -> None:
    assert near("organisation", "organization") > near("organisation", "weather") + 0.1


@pytest.mark.parametrize("text", ["x", "the", "!?", "\ud800", "é " * 3000])
def test_every_vector_has_length_one(text: str) -> None:
    assert near(text, text) == pytest.approx(1, abs=1e-5)


def test_base64_and_floats_say_the_same(client: openai.OpenAI, model: OfflineModel) -> None:
    base64 = client.embeddings.create(model=SMALL, input="some words")
    assert model.requests[-1].body["encoding_format"] == "base64"
    floats = client.embeddings.create(model=SMALL, input="some words", encoding_format="float")
    assert base64.data[0].embedding == pytest.approx(floats.data[0].embedding)
    assert base64.usage.prompt_tokens == 3


def test_vectors_have_the_size_of_the_model_or_as_asked(client: openai.OpenAI) -> None:
    assert len(client.embeddings.create(model=SMALL, input="x").data[0].embedding) == 1536
    assert len(client.embeddings.create(model="text-embedding-3-large", input="x").data[0].embedding) == 3072
    assert len(client.embeddings.create(model=SMALL, input="x", dimensions=64).data[0].embedding) == 64


def test_many_texts_keep_their_order(client: openai.OpenAI) -> None:
    reply = client.embeddings.create(model=SMALL, input=["one", "two", "one"])
    assert [item.index for item in reply.data] == [0, 1, 2]
    assert reply.data[0].embedding == reply.data[2].embedding != reply.data[1].embedding


def test_token_numbers_are_texts_too(client: openai.OpenAI) -> None:
    assert len(client.embeddings.create(model=SMALL, input=[[1, 2], [3]]).data) == 2


@pytest.mark.parametrize("value", ["", [], [""], 3, {"a": 1}, [[]]])
def test_empty_input_is_refused(client: openai.OpenAI, value: str) -> None:
    import openai

    with pytest.raises(openai.BadRequestError, match="expected"):
        client.embeddings.create(model=SMALL, input=value)


def test_more_dimensions_than_the_model_has_are_refused(client: openai.OpenAI) -> None:
    import openai

    with pytest.raises(openai.BadRequestError, match="at most 1536"):
        client.embeddings.create(model=SMALL, input="x", dimensions=4000)
