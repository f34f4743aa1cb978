"""Real tracing for each test; see ``tests/tracing.py``."""

from tests.tracing import tracing as tracing
from tests.tracing import untraced as untraced
