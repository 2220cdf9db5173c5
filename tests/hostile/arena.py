"""Commands on hostile projects, in a process that notes what they write and what they start.

A case is planted into a copy of a project that has neighbours: files beside it and in the home
folder that no command has any business with. Then each of the case's commands must succeed or
refuse in one sentence with a hint, in bounded time and memory, lose nothing of the user's, write
nothing outside of the project, and start nothing but Git with arguments of ours.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import signal
import stat
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jupyter_mlops.commands.failure import explain_failure
from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.run import encode_error, encode_result, run_invocation
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import Execution
from jupyter_mlops.document.render_html import render_html
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.reader import has_file
from jupyter_mlops.objects.store import open_store
from jupyter_mlops.text import visible
from tests.architecture.sources import Source, iter_texts, sources, text_of
from tests.support.data_project import DataProject

SECONDS = 40
"""How long one command may take, on a machine that has much else to do."""

MEMORY_BYTES = 1024**3
"""How much address space the process with all its cases may take beyond what it began with."""

_READ_BYTES = 64 * 1024**2

_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_ACTIVE_TAGS = frozenset({"img", "iframe", "object", "embed", "link", "base", "form", "a"})

_CARRIED_IMAGE = re.compile(r"data:image/(?:png|jpeg|svg\+xml);base64,[A-Za-z0-9+/=]*")

READING = frozenset(" ".join(command.words) for command in COMMANDS if command.reads)
OWN_FILES = {"notes.txt": b"not kept anywhere\n", "data/mine.csv": b"mine, not kept anywhere\n"}
"""Files of the user's that no state has: no command may touch them."""

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arena:
    """A project and what lies beside it."""

    root: Path

    @property
    def project(self) -> DataProject:
        """The project that a case changes."""
        return DataProject(self.root / "project")

    @property
    def outside(self) -> Path:
        """A folder beside the project."""
        return self.root / "outside"


@dataclass(frozen=True, slots=True)
class Case:
    """What is planted, and the commands that meet it; words as typed in the project's root."""

    name: str
    plant: Callable[[Arena], object]
    commands: tuple[Words, ...]


@dataclass(slots=True)
class Verdict:
    """What became of some cases: how many commands ran, and what each failure was."""

    commands: int = 0
    failures: list[str] = field(default_factory=list)
    refusals: int = 0


class _TookTooLong(BaseException):
    pass


def try_cases(
    cases: Sequence[Case],
    template: Path,
    room: Path,
    prepare: Callable[[], object] = lambda: None,
) -> Verdict:
    """Try each case on a copy of ``template`` in ``room``, all in one process of their own.

    ``prepare`` is called there first: it may break something on purpose.
    """
    told = room / "verdict"
    room.mkdir(parents=True, exist_ok=True)
    known_words()  # which takes longer than most cases: once, not in each process
    child = os.fork()
    if child == 0:
        status = 70
        try:
            status = _try_all(cases, template, room, prepare, told)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, ended = os.waitpid(child, 0)
    status = os.waitstatus_to_exitcode(ended)
    if status != 0:
        at = (room / "at").read_text() if (room / "at").exists() else "the beginning"
        return Verdict(0, [f"the process ended with status {status} at {at}"])
    return Verdict(**json.loads(told.read_text()))


def _try_all(
    cases: Sequence[Case],
    template: Path,
    room: Path,
    prepare: Callable[[], object],
    told: Path,
) -> int:
    verdict = Verdict()
    signal.signal(signal.SIGALRM, _stop)
    os.environ["HOME"] = str(room / "arena/home")
    os.environ["GIT_CONFIG_GLOBAL"] = str(room / "gitconfig")
    (room / "gitconfig").write_text("[init]\n\tdefaultBranch = main\n")
    watch = Watch(room / "arena/project")
    sys.addaudithook(watch.see)
    limit = _address_space_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    prepare()
    for case in cases:
        (room / "at").write_text(case.name, errors="backslashreplace")
        arena = Arena(room / "arena")
        shutil.rmtree(arena.root, ignore_errors=True)
        shutil.copytree(template, arena.root, symlinks=True)
        case.plant(arena)
        outside = _list_outside(arena)
        for words in case.commands:
            verdict.commands += 1
            what = f"{case.name}: {' '.join(words)}"[:300]
            verdict.failures += [f"{what}: {one}" for one in _try(arena, words, watch, verdict)]
            if _list_outside(arena) != outside:
                verdict.failures.append(f"{what}: something outside of the project has changed")
    shutil.rmtree(room / "arena", ignore_errors=True)
    failures = [visible(one, keep_lines=True) for one in verdict.failures]
    told.write_text(json.dumps(asdict(replace(verdict, failures=failures))))
    return 0


def _try(arena: Arena, words: Words, watch: Watch, verdict: Verdict) -> Iterator[str]:
    """Run one command; yield what is wrong with what it did."""
    project = arena.project
    before = list_files(project.root)
    refused = False
    os.chdir(project.root)
    signal.alarm(SECONDS)
    try:
        with watch.watching():
            said = run_words(words, project.root)
        refused = said is not None
        verdict.refusals += refused
        if said is not None:
            yield from _judge_refusal(said, typed=sum(map(len, words)))
    except _TookTooLong:
        yield f"took more than {SECONDS} s"
    except BaseException as error:
        yield "".join(traceback.format_exception(error)[-3:])
    finally:
        signal.alarm(0)
    yield from watch.take_found()
    after = list_files(project.root)
    if (refused or " ".join(words[:2]) in READING or words[0] in READING) and after != before:
        names = [
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        ]
        yield f"it changed {sorted(names)[:5]}"
    for name, content in OWN_FILES.items():
        lost = _holds(before, name, content) and not _holds(after, name, content)
        if lost and not _is_kept(project, after, name):
            yield f"{name} is lost"


def _holds(files: dict[str, object], name: str, content: bytes) -> bool:
    what = files.get(name)
    return isinstance(what, tuple) and what[1] == content


def _is_kept(project: DataProject, files: dict[str, object], name: str) -> bool:
    """Return whether a file's content is there under another name, or kept in the store."""
    content = OWN_FILES[name]
    if any(_holds(files, other, content) for other in files):
        return True
    entry = Entry(Mode.FILE, hash_bytes(content), len(content))
    return has_file(open_store(project.root / ".git/mlops"), entry)


def run_words(words: Words, start: Path) -> MlopsError | None:
    """Run a command as its front ends do, and show its result in every form; return a refusal."""
    try:
        invocation = parse_words(words, COMMANDS)
        result = run_invocation(invocation, start=start, execution=Execution(command=words))
        if result is not None:
            encode_result(result)
            document = result.describe()
            judge_shown(render_text(document), render_html(document))
    except MlopsError as error:
        encode_error(error)
        return error
    except MemoryError as error:
        return explain_failure(error)
    return None


def judge_shown(text: str, html: str) -> None:
    """See to it that nothing in a result steers a terminal or runs in a page.

    Raises:
        AssertionError: something does.
    """
    assert not (found := _CONTROLS.search(text)), f"{found[0]!r} is printed"
    assert "alert(1)</script>" not in html  # a chart brings a script of ours
    _PageJudge().feed(html)


class _PageJudge(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Refuse what loads or runs something; an image may be carried in the page."""
        carried = tag == "img" and _CARRIED_IMAGE.fullmatch(dict(attrs).get("src") or "")
        assert carried or tag not in _ACTIVE_TAGS, f"<{tag}> is in the page"
        for name, value in attrs:
            runs = name.startswith("on") or (value or "").strip().startswith("javascript:")
            assert not runs, f"{name}={value} is in the page"


def _judge_refusal(error: MlopsError, typed: int) -> Iterator[str]:
    shown = visible(error.message)
    if error.code in ("defect", "internal", "out-of-memory"):
        yield f"{error.code}: {shown}"
    if not shown.strip() or len(shown) > 4000 + 8 * typed:
        yield f"a message of {len(shown)} characters"
    if not error.hints:
        yield f"no hint with {error.code}: {shown[:200]}"


def _address_space_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[0])
    return pages * resource.getpagesize()


def _stop(*_: object) -> None:
    raise _TookTooLong


def _list_outside(arena: Arena) -> dict[str, object]:
    """Return all that lies beside the project, in the home folder too."""
    return {
        **{f"outside/{name}": what for name, what in list_files(arena.outside).items()},
        **{f"home/{name}": what for name, what in list_files(arena.root / "home").items()},
        **{name: "there" for name in os.listdir(arena.root)},
    }


def list_files(folder: Path) -> dict[str, object]:
    """Return all that is in and below ``folder`` but ``.git``: content, link, or kind and size."""
    found: dict[str, object] = {}
    top = os.fspath(folder)
    for here, folders, names in os.walk(top):
        if here == top and ".git" in folders:
            folders.remove(".git")
        for name in (*folders, *names):
            if name.startswith(STAGED_PREFIX):  # any command may clear what a dead one has left
                continue
            full = f"{here}/{name}"
            status = os.lstat(full)
            if stat.S_ISREG(status.st_mode) and status.st_size <= _READ_BYTES:
                what: object = (status.st_mode, Path(full).read_bytes())
            elif stat.S_ISLNK(status.st_mode):
                what = os.readlink(full)
            else:
                is_folder = stat.S_ISDIR(status.st_mode)
                what = (status.st_mode, 0 if is_folder else status.st_size)
            found[full[len(top) + 1 :]] = what
    return found


class Watch:
    """An audit hook that looks at writes and at processes; it cannot be taken away again.

    A file that is opened relative to a folder's descriptor is not told by its folder: what lies
    beside the project is compared in addition.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.realpath(root)
        self._found: list[str] = []
        self._on = False
        self._known = known_words()
        self._inside = threading.local()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at what happens in the block."""
        self._on = True
        try:
            yield
        finally:
            self._on = False

    def take_found(self) -> list[str]:
        """Return what was found since the last call."""
        found, self._found = self._found, []
        return found

    def see(self, event: str, args: tuple[Any, ...]) -> None:
        """Look at one event; see the table of audit events in Python's documentation."""
        if not self._on or getattr(self._inside, "busy", False):
            return
        self._inside.busy = True
        try:
            self._look(event, args)
        finally:
            self._inside.busy = False

    def _look(self, event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
            if isinstance(flags, int) and flags & writes and path != os.devnull:
                self._check_place(event, path, None)
        elif event in _PLACES:
            for at, folder in _PLACES[event]:
                self._check_place(event, args[at], args[folder] if folder is not None else None)
        elif event == "subprocess.Popen":
            self._check_process(args[1], args[2])
        elif event in _PROGRAMS:
            self._found.append(f"{event} {args!r}"[:300])

    def _check_place(self, event: str, path: Any, folder: Any) -> None:
        if isinstance(path, int):
            return
        name = os.fsdecode(path)
        if not os.path.isabs(name):
            if isinstance(folder, int) and folder >= 0:
                name = os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)
            elif "/" not in name and name != "..":
                return
        if os.path.realpath(name) == self._root:
            return
        parent = os.path.realpath(os.path.dirname(os.path.abspath(name)))
        if not f"{parent}/".startswith(f"{self._root}/"):
            self._found.append(f"{event} outside of the project: {name}")

    def _check_process(self, words: Sequence[Any], folder: Any) -> None:
        command = [os.fsdecode(word) for word in words]
        if os.path.basename(command[0]) != "git":
            self._found.append(f"started {command}"[:300])
            return
        place = os.path.realpath(folder or ".")
        if place != "/" and os.path.commonpath([place, self._root]) not in (place, self._root):
            self._found.append(f"started Git in {folder}")
        for word in command[1:]:
            if word in ("--", "--end-of-options"):
                return
            if word.startswith("-") and not self._is_known(word):
                self._found.append(f"gave Git the option {word!r}: {command}"[:300])

    def _is_known(self, word: str) -> bool:
        name, equals, _ = word.partition("=")
        return word in self._known or f"{name}{equals}" in self._known


_PLACES: dict[str, tuple[tuple[int, int | None], ...]] = {
    "os.chmod": ((0, 2),),
    "os.chown": ((0, 3),),
    "os.link": ((1, 3),),
    "os.mkdir": ((0, 2),),
    "os.remove": ((0, 1),),
    "os.rename": ((0, 2), (1, 3)),
    "os.rmdir": ((0, 1),),
    "os.symlink": ((1, 2),),
    "os.truncate": ((0, None),),
    "os.utime": ((0, 3),),
}
"""Events that write: which argument is a path, and which one the folder it is relative to."""

_PROGRAMS = frozenset({"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"})


@cache
def known_words() -> frozenset[str]:
    """Return every text in the package's sources, up to the first hole of those that have one."""
    texts = {
        text.split("\0")[0]
        for source in sources()
        for node in iter_texts(Source(source.name).tree)  # no tree is kept for each process to copy
        if (text := text_of(node, hole="\0"))
    }
    return frozenset(texts)
