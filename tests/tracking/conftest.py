"""What tests of logging share: only what this package says counts as said."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Yield pytest's own, deaf for other packages, whose remains may speak at any time."""
    with caplog.filtering(logging.Filter("jupyter_mlops")):
        yield caplog
