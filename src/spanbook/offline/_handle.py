"""The handle of a running offline model."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..model import UsageError, check_port
from ..store._platform import close_in_child
from ._rules import Rule, RuleList

if TYPE_CHECKING:
    from types import TracebackType

    import anthropic
    import openai

    from ._server import Received

_KEY = "offline-needs-no-key"


class OfflineModel:
    """A running server that answers like OpenAI's and Anthropic's APIs, from scripted rules: it is not a model.

    It serves as soon as it exists and listens on 127.0.0.1 only. Use it as a context manager or call
    `stop`; a server that is never stopped ends with the process.

    Args:
        port: Port to listen on; 0 takes a free one.
        rules: Your rules, asked before the built-in ones; `rules` can be changed at any time.
        delays: Answer as slowly as a model would (True), at once (False), or with the usual times
            multiplied by a number. Times stated in a rule are kept as they are.
        models: Globs of the model names served; others get 404. None serves every name, except those
            that say they do not exist (``no-such-...``, ``...does-not-exist``).
        name: Part of every id (``chatcmpl-offline-000001``); ids are unique within one server.

    Raises:
        UsageError: A rule, the port or ``delays`` is wrong, or the port is taken.
    """

    def __init__(
        self,
        port: int = 0,
        rules: Iterable[Rule] | None = None,
        *,
        delays: bool | float = True,
        models: Sequence[str] | None = None,
        name: str = "offline",
    ) -> None:
        from ._engine import Engine
        from ._server import Server

        check_port(port)
        if not isinstance(delays, (bool, int, float)) or not 0 <= delays < 1000:
            raise UsageError(f"delays={delays!r} is neither True, False nor a factor; give e.g. 0.5.")
        if isinstance(models, str):
            raise UsageError(f"models={models!r} is one text; give a list of names, [{models!r}].")
        engine = Engine(rules or (), models=models, factor=float(delays), name=name)
        try:
            self._server = Server(port, engine)
        except OSError as error:
            raise UsageError(f"port {port} cannot be used ({error.strerror}); give port=0 for a free one.") from error
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._is_stopped = False
        self.port: int = self._server.server_address[1]
        #: Your rules, first match first; append, insert and delete as in a list.
        self.rules: RuleList = engine.rules
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.1},
            name=f"spanbook-offline-{self.port}",
            daemon=True,
        )
        self._thread.start()
        close_in_child(self._server.socket)

    @property
    def base_url(self) -> str:
        """Address for OpenAI clients, ``http://127.0.0.1:PORT/v1``."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def azure_endpoint(self) -> str:
        """Address for AzureOpenAI clients; the deployment's name is taken as the model's."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def anthropic_url(self) -> str:
        """Address for Anthropic clients (``base_url``), which add ``/v1/messages`` to it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Received]:
        """What was asked, oldest first: method, path, headers (no credentials) and JSON body.

        A copy; the latest 256 are kept.
        """
        return list(self._server.received)

    def client(self, **options: Any) -> openai.OpenAI:
        """An `openai.OpenAI` client of this server; ``options`` go to its constructor."""
        import openai

        return openai.OpenAI(**{"base_url": self.base_url, "api_key": _KEY, **options})

    def async_client(self, **options: Any) -> openai.AsyncOpenAI:
        """An `openai.AsyncOpenAI` client of this server; ``options`` go to its constructor."""
        import openai

        return openai.AsyncOpenAI(**{"base_url": self.base_url, "api_key": _KEY, **options})

    def anthropic_client(self, **options: Any) -> anthropic.Anthropic:
        """An `anthropic.Anthropic` client of this server; ``options`` go to its constructor."""
        import anthropic

        return anthropic.Anthropic(**{"base_url": self.anthropic_url, "api_key": _KEY, **options})

    def async_anthropic_client(self, **options: Any) -> anthropic.AsyncAnthropic:
        """An `anthropic.AsyncAnthropic` client of this server; ``options`` go to its constructor."""
        import anthropic

        return anthropic.AsyncAnthropic(**{"base_url": self.anthropic_url, "api_key": _KEY, **options})

    def stop(self) -> None:
        """Stop serving and close all connections; answers being sent are broken off. May be called twice."""
        with self._lock:
            if self._is_stopped:
                return
            self._is_stopped = True
        if os.getpid() == self._pid:  # a forked child has no thread to wait for
            self._server.stopping.set()
            self._server.shutdown()
            self._server.close_connections()
        self._server.server_close()

    def __enter__(self) -> OfflineModel:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "stopped" if self._is_stopped else f"serving at {self.base_url}"
        return f"<OfflineModel {state}: scripted rules, not a model>"
