"""The receiver: telemetry of other processes and languages, over HTTP, into the store. Off until it is started.

Served by tornado: it is in every Jupyter kernel already, reads HTTP/1.1 (keep-alive, chunks, limits, time-outs) with
well-kept code, and runs on one thread beside the kernel's. ``POST`` only:

- ``/v1/traces``, ``/v1/logs``: OTLP/HTTP, protobuf or JSON, plain or compressed (gzip, deflate). ``/v1/metrics`` is
  answered, with the warning that metrics are not kept.
- ``/api/public/otel/v1/traces``: the same, for Langfuse's SDKs from version 3 on.
- ``/api/public/ingestion``, ``/api/public/scores``: Langfuse's older SDKs, and scores of all of them.

An answer 200 (207) means that what it acknowledges is committed to the store.
"""

from __future__ import annotations

from ._receiver import Receiver

__all__ = ["Receiver"]
