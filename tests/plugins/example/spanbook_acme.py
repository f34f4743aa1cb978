"""A whole plugin: its three parts are named in pyproject.toml, and spanbook loads each when it is first needed."""

import functools
from collections.abc import Callable
from typing import Any

import spanbook as sb
from spanbook.conventions import Draft, SpanMapper
from spanbook.integrations import Integration, Target


def traced(original: Callable[..., str], is_on: Callable[[], bool]) -> Callable[..., str]:
    """Stand in for ``Client.complete``. It changes no argument, no result and no error."""

    @functools.wraps(original)
    def complete(self: Any, prompt: str, *, model: str = "acme-1") -> str:
        if not is_on():  # uninstrumented, while somebody kept the method
            return original(self, prompt, model=model)
        with sb.span(f"complete {model}", kind="llm", input=prompt, model=model, provider="acme") as span:
            answer = original(self, prompt, model=model)
            span.set(output=answer, usage={"input_tokens": len(prompt), "output_tokens": len(answer)})
            return answer

    return complete


#: The library is named, not imported: its methods are wrapped when the program imports it.
INTEGRATION = Integration(
    "acme", package="acme_chat", tested="1.0 to 1.2",
    targets=lambda: {"acme_chat": [Target("Client", "complete", traced)]},
)  # fmt: skip


def read(draft: Draft) -> None:
    """Put what the library's own OpenTelemetry spans say into our fields; what is not taken stays an attribute."""
    draft.put("kind", "llm")
    draft.put("model", draft.text("acme.model"))
    draft.put("output", draft.text("acme.answer"))


MAPPER = SpanMapper("acme", lambda span, roots: "acme" in roots, read)


def is_short(trial: Any) -> dict[str, bool]:
    """Score a trial: whether its output is short."""
    return {"is_short": len(str(trial.output)) < 100}
