"""litellm for tests: imported without its look at the network, asking the offline model."""

from __future__ import annotations

import gc
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import spanbook as sb
from spanbook.offline import OfflineModel
from tests.integrations.conftest import Spans

MODEL = "openai/gpt-4o-mini"
UNKNOWN = "openai/no-such-model"
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


def load() -> Any:
    """Return the module; importing it takes seconds, the first time, and what it makes is left out of collections."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    if "litellm" not in sys.modules:
        gc.disable()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import litellm
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return litellm


@contextmanager
def traced(spans: Spans) -> Iterator[Spans]:
    """Trace litellm inside the block, whose end puts its functions back."""
    load()
    sb.instrument("litellm")
    try:
        yield spans
    finally:
        sb.uninstrument("litellm")


def openai_at(model: OfflineModel) -> dict[str, Any]:
    """Return the arguments by which litellm asks the offline model as OpenAI."""
    return {"api_base": model.base_url, "api_key": "sk-offline"}


def anthropic_at(model: OfflineModel) -> dict[str, Any]:
    """Return the same for Anthropic."""
    return {"api_base": model.base_url.removesuffix("/v1"), "api_key": "sk-offline"}


def text_of(span: Any) -> str:
    """Return the first part of a span's output."""
    return str(span.output[0]["parts"][0]["content"])
