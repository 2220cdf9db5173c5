"""Bytes to values and back, for everything that is written; no I/O. The documents are in docs/formats."""
