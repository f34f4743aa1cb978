"""CRC-32 as zlib has it, by the processor's own instructions where they can be had: a third of the price."""

from __future__ import annotations

try:
    from isal.isal_zlib import crc32
except ImportError:  # no wheel for this machine, or another Python
    from zlib import crc32

__all__ = ["crc32"]
