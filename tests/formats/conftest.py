"""Hypothesis on a shared machine: an example may take as long as it needs."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried")
settings.load_profile("unhurried")
