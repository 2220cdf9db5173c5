"""Bytes to values and back, for all that is written; no I/O. The documents are in docs/formats."""
