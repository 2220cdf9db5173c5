"""Places for objects on real servers, one session of them for each process of the tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jupyter_mlops.storage.backend import Backend
from tests.support.sites import KINDS, WRITABLE, Kind, Site, Sites


@pytest.fixture(params=KINDS)
def site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    """A new place of every kind."""
    kind: Kind = request.param
    return sites.make(kind)


@pytest.fixture
def backend(site: Site) -> Iterator[Backend]:
    """A backend of :func:`site`."""
    with site.open() as backend:
        yield backend


@pytest.fixture(params=WRITABLE)
def writable_site(request: pytest.FixtureRequest, sites: Sites) -> Site:
    """A new place of every kind that can be written."""
    kind: Kind = request.param
    return sites.make(kind)


@pytest.fixture
def writable(writable_site: Site) -> Iterator[Backend]:
    """A backend of :func:`writable_site`."""
    with writable_site.open() as backend:
        yield backend
