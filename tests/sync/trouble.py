"""Places that go wrong in each way, whatever they stand on: by what passes, or by their files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal

from tests.support.faults import Fault, FaultyProxy, open_faulty
from tests.support.relay import Relay, open_relay
from tests.support.sites import OVER_HTTP, Site

Trouble = Literal[
    "corrupt packs",
    "corrupt index",
    "cut packs",
    "delays",
    "busy now and then",
    "busy for ever",
    "lost answers",
    "a proxy's page",
    "packs not listed",
    "packs listed with other sizes",
    "packs listed that are not there",
    "objects of others",
    "names that lead elsewhere",
    "connections that break",
]

LISTINGS: tuple[Trouble, ...] = (
    "packs not listed",
    "packs listed with other sizes",
    "packs listed that are not there",
    "objects of others",
)
ON_THE_WAY: tuple[Trouble, ...] = (
    "corrupt packs",
    "corrupt index",
    "cut packs",
    "delays",
    "busy now and then",
    "busy for ever",
    "lost answers",
    "a proxy's page",
    "names that lead elsewhere",
)
BY_FILES: tuple[Trouble, ...] = ("corrupt packs", "corrupt index", "cut packs")

_READS = ("GET", "HEAD", "PROPFIND")
_WRITES = ("PUT", "POST", "MOVE", "MKCOL", "DELETE")
_ELEMENT = re.compile(
    rb"<(Contents|Blob|D:response)>(?:(?!</\1>).)*?packs/?(?:(?!</\1>).)*?"
    rb"([0-9a-f]{64}\.(?:pack|plain))(?:(?!</\1>).)*?</\1>",
    re.DOTALL,
)
_LINK = re.compile(rb'<a href="([0-9a-f]{64}\.(?:pack|plain))">.*\r?\n')
_SIZE = re.compile(rb"(<(?:\w+:)?(?:Size|Content-Length|getcontentlength)>)([0-9]+)")


class Troubled:
    """A place and what can go wrong with it; made by :func:`open_troubled`.

    Attributes:
        site: the place as clones are to see it.
    """

    def __init__(self, real: Site, site: Site, way: FaultyProxy | Relay | None) -> None:
        self.real = real
        self.site = site
        self._way = way
        self._undo: list[Callable[[], object]] = []

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """What can be done to a place of this kind."""
        if isinstance(self._way, FaultyProxy):
            known = (*ON_THE_WAY, *LISTINGS)
            # a plain web server tells sizes by a request for each object
            return tuple(t for t in known if self.real.kind != "http" or "sizes" not in t)
        broken: tuple[Trouble, ...] = ("connections that break",) if self._way else ()
        return (*BY_FILES, *LISTINGS, *broken)

    @contextmanager
    def going_wrong(self, trouble: Trouble) -> Iterator[None]:
        """Let it go wrong in the block."""
        try:
            if isinstance(self._way, FaultyProxy):
                for fault in _faults(trouble):
                    self._way.inject(fault)
            elif isinstance(self._way, Relay) and trouble == "connections that break":
                self._way.budgets += [60_000] * 50
            else:
                self._alter(trouble)
            yield
        finally:
            if isinstance(self._way, FaultyProxy):
                self._way.clear()
            elif isinstance(self._way, Relay):
                self._way.budgets.clear()
            while self._undo:
                self._undo.pop()()

    def _alter(self, trouble: Trouble) -> None:
        """Change the files that the place stands on."""
        folder = self.real.folder
        assert folder is not None
        part = "index" if trouble == "corrupt index" else "packs"
        for file in sorted(path for path in (folder / part).rglob("*") if path.is_file()):
            content = file.read_bytes()
            match trouble:
                case "corrupt packs" | "corrupt index":
                    self._write(file, content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
                case "cut packs":
                    self._write(file, content[: len(content) // 2])
                case "packs listed with other sizes":
                    self._write(file, content + b"\0")
                case "packs not listed":
                    self._move(file, folder.parent / f"away-{file.name}")
                case "packs listed that are not there":
                    self._write(file.with_name(f"{file.name[:2]}{'0' * 62}.pack"), content[:99])
                case _:
                    self._write(file.with_name("README.txt"), b"of somebody else")

    def _write(self, file: Path, content: bytes) -> None:
        former = file.read_bytes() if file.exists() else None
        if former is not None:
            file.chmod(0o644)
            self._undo.append(lambda: _put_back(file, former, content))
        else:
            self._undo.append(lambda: file.unlink(missing_ok=True))
        file.write_bytes(content)

    def _move(self, file: Path, target: Path) -> None:
        file.rename(target)
        self._undo.append(lambda: target.unlink() if file.exists() else target.rename(file))


def _put_back(file: Path, former: bytes, changed: bytes) -> None:
    """Undo a change unless the file was mended meanwhile."""
    if file.read_bytes() == changed:
        file.write_bytes(former)


def _faults(trouble: Trouble) -> Iterator[Fault]:
    match trouble:
        case "corrupt packs":
            yield Fault("corrupt", path="packs")
        case "corrupt index":
            yield Fault("corrupt", path="index")
        case "cut packs":
            yield Fault("truncate", path="packs")
            yield Fault("short-put", ("PUT",), path="packs")
        case "delays":
            yield Fault("delay", (*_READS, *_WRITES), seconds=0.05)
        case "busy now and then":
            for status in (503, 429, 500, 503):
                yield Fault("status", (*_READS, *_WRITES), times=1, status=status)
        case "busy for ever":
            yield Fault("status", (*_READS, *_WRITES), status=503)
        case "lost answers":
            yield Fault("lose-answer", _WRITES, path="packs")
            yield Fault("lose-answer", path="packs")
        case "a proxy's page":
            yield Fault("html", (*_READS, *_WRITES))
        case _:
            yield Fault("rewrite", ("GET", "PROPFIND"), change=lambda answer: _lie(trouble, answer))


def _lie(trouble: Trouble, answer: bytes) -> bytes:
    """Return a listing that does not tell the truth; any other answer as it is."""

    def element(match: re.Match[bytes]) -> bytes:
        whole, name = match[0], match[2]
        match trouble:
            case "packs not listed":
                return b""
            case "packs listed with other sizes":
                return _SIZE.sub(lambda size: size[1] + b"%d" % (int(size[2]) + 1), whole)
            case "packs listed that are not there":
                return whole + whole.replace(name, name[:2] + b"0" * 62 + b".pack")
            case "objects of others":
                return whole + whole.replace(name, b"README.txt")
        return whole + whole.replace(name, b"..%2F..%2F..%2Fescape" if b"href" in whole else _UP)

    def link(match: re.Match[bytes]) -> bytes:
        whole, name = match[0], match[1]
        match trouble:
            case "packs not listed":
                return b""
            case "packs listed that are not there":
                return whole + whole.replace(name, name[:2] + b"0" * 62 + b".pack")
            case "objects of others":
                return whole + whole.replace(name, b"README.txt")
        return whole + whole.replace(name, b"..%2F..%2Fescape")

    return _LINK.sub(link, _ELEMENT.sub(element, answer))


_UP = b"../../../../escape"


@contextmanager
def open_troubled(site: Site) -> Iterator[Troubled]:
    """Yield ``site`` behind something by which it can go wrong."""
    if site.kind in OVER_HTTP:
        assert site.port is not None
        with open_faulty(site.port) as proxy:
            yield Troubled(site, site.through(proxy.port), proxy)
    elif site.kind == "ssh":
        port = int(site.url.rpartition("127.0.0.1:")[2].partition("/")[0])
        known = Path.home() / ".ssh/known_hosts"
        line = next(line for line in known.read_text().splitlines() if f":{port} " in line)
        with open_relay(port) as relay:
            with open(known, "a") as file:
                file.write(f"{line.replace(f':{port} ', f':{relay.port} ')}\n")
            url = site.url.replace(f":{port}/", f":{relay.port}/")
            yield Troubled(site, replace(site, url=url), relay)
    else:
        yield Troubled(site, site, None)
