"""A client library that spanbook does not know: stands for the one that you write a plugin for."""

__version__ = "1.1"


class Client:
    """Answers in capitals."""

    def complete(self, prompt: str, *, model: str = "acme-1") -> str:
        """Return the answer."""
        return prompt.upper()
