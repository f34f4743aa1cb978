"""The version, read by the build as well as at run time (looking it up in the metadata costs 10 ms)."""

__version__ = "0.1.0"
