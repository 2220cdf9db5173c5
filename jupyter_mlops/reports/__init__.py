"""Checks as values: rules that are given what was read, and return findings; no I/O."""
