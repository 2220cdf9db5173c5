"""The command ``erase``."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.remote import choose_known
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Bytes, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UsageError
from jupyter_mlops.files.durable import open_staging
from jupyter_mlops.formats.erasure import EMPTY_FILE, MAX_TEXT_LETTERS
from jupyter_mlops.ids import Hash, format_hash, parse_hash
from jupyter_mlops.objects.erase import Marks, Swept
from jupyter_mlops.objects.erased import Erased
from jupyter_mlops.objects.store import create_store
from jupyter_mlops.snapshots.erase import (
    ErasurePlan,
    find_alternates,
    find_in_worktree,
    keep_erasures,
    make_erasures,
    needed_names,
    plan_erasure,
    require_own_store,
    sweep_store,
)
from jupyter_mlops.snapshots.listing import resolve_revision
from jupyter_mlops.snapshots.referrers import Referrer
from jupyter_mlops.sync.erase import SweptRemote, find_pieces_there, sweep_remote
from jupyter_mlops.sync.erased import known_there, take_over, tell
from jupyter_mlops.sync.places import Named, open_remote
from jupyter_mlops.sync.snapshots import count_waiting
from jupyter_mlops.units import format_bytes, plural

_SHOWN = 20
_SHOWN_NAMES = 3
_ID_LETTERS = 19
_REF_PREFIXES = (
    "refs/heads/",
    "refs/tags/",
    "refs/remotes/",
    "refs/mlops/snapshots/",
    "refs/mlops/remotes/",
)


@dataclass(frozen=True, slots=True)
class ReferrerResult:
    """A file, or a notebook whose outputs are meant, in all versions that have one content.

    ``size_bytes`` is null for outputs. ``commits`` are the full ids of those that brought it,
    ``refs`` the branches, tags and snapshots that reach one of them.
    """

    path: str
    hash: str
    size_bytes: int | None
    commits: tuple[str, ...]
    refs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoteResult:
    """What became of a remote: ``failure`` says why it still has the content, null where not.

    Of the bytes of erased files ``shared_bytes`` stay, as other content there needs them;
    ``holders`` are files there that need some of them and that nothing here names. ``not_fetched``
    are snapshots there, as Git bundles, that are not here, so that nobody looked into them.
    """

    name: str
    failure: str | None
    packs: int = 0
    destroyed_bytes: int = 0
    shared_bytes: int = 0
    holders: tuple[str, ...] = ()
    not_fetched: int = 0


@dataclass(frozen=True, slots=True)
class EraseResult:
    """What was erased, or without ``done`` would be; with ``lifted``, what may be kept again.

    ``hashes`` are all contents, ``referrers`` what names them. ``packs`` were written anew or
    deleted in the store, ``destroyed_bytes`` is the size of the records that are gone from it.
    ``shared_bytes`` of these contents stay, because what ``sharers`` tells has the same bytes.
    ``in_worktree``, ``in_alternates`` and ``in_git`` still have some of it; ``unread`` are tracked
    paths of which some version is not known here.
    """

    done: bool
    lifted: bool
    hashes: tuple[str, ...]
    referrers: tuple[ReferrerResult, ...]
    shared_bytes: int
    sharers: tuple[ReferrerResult, ...]
    packs: int = 0
    destroyed_bytes: int = 0
    remotes: tuple[RemoteResult, ...] = ()
    in_worktree: tuple[str, ...] = ()
    in_alternates: tuple[str, ...] = ()
    in_git: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    confirmation: str | None = None

    @property
    def exit_status(self) -> int:
        """4 where it waits for the user's word, 6 where a remote still has what was erased."""
        if self.confirmation is not None:
            return 4
        return 6 if any(one.failure is not None for one in self.remotes) else 0

    def describe(self) -> Document:
        """Return what refers to it, what was done, and what still has it."""
        what = f"the content of {plural(len(self.hashes), 'file')}"
        if self.lifted:
            said = f"It may be kept again: {what}."
            return Document((Note(said, "good"), *self._remotes()))
        blocks: list[Block] = []
        if self.done:
            destroyed = f"{plural(self.packs, 'pack')} here, {format_bytes(self.destroyed_bytes)}"
            blocks.append(Note(f"Erased {what}: {destroyed}.", "good"))
        else:
            blocks.append(Note(f"Would destroy {what} for good, in every version.", "warning"))
        blocks += _table("named by", self.referrers)
        if self.shared_bytes:
            stay = f"{format_bytes(self.shared_bytes)} of it stay, as other content has them too"
            blocks.append(Note(f"{stay}; erase that as well where they matter:", "warning"))
            blocks += _table("has the same bytes", self.sharers)
        blocks += self._remotes()
        blocks += self._still()
        if self.confirmation is not None:
            blocks.append(Hint("Do it; nothing brings it back", self.confirmation))
        return Document(tuple(blocks))

    def _remotes(self) -> Iterator[Block]:
        for one in self.remotes:
            if one.failure is not None:
                yield Note(f"{one.name} still has it: {one.failure}", "bad")
                continue
            done = f"{plural(one.packs, 'pack')}, {format_bytes(one.destroyed_bytes)}"
            yield Note(f"On {one.name}: {'told' if self.lifted else done}.", "good")
            if one.shared_bytes:
                stay = format_bytes(one.shared_bytes)
                yield Note(f"On {one.name} {stay} of it stay, in other content.", "warning")
            for holder in one.holders[:_SHOWN_NAMES]:
                command = f"jupyter mlops erase --hash {holder} --yes"
                yield Hint(
                    "Erase a file there that has some of it, and nothing here names", command
                )
            if one.not_fetched:
                count = plural(one.not_fetched, "snapshot")
                yield Note(f"{count} in bundles on {one.name} were not looked at.", "warning")
                yield Hint("Fetch them, then erase again", "jupyter mlops fetch --snapshots")

    def _still(self) -> Iterator[Block]:
        if self.in_worktree:
            yield Note(f"Your working tree has it still: {_few(self.in_worktree)}.", "warning")
            command = f"rm -- {shlex.join(self.in_worktree[:_SHOWN_NAMES])}"
            yield Hint("Delete it there", command)
        if self.in_git:
            yield Note(f"Git's own history has content of {_few(self.in_git)}.", "bad")
            command = f"git log --all -- {shlex.join(self.in_git[:_SHOWN_NAMES])}"
            yield Hint("See where; a tool such as git filter-repo takes it out", command)
        for folder in self.in_alternates:
            yield Note(f"The alternate {folder} has it still, and is only read from here.", "bad")
        if self.unread:
            names = _few(self.unread)
            yield Note(f"Some versions of {names} are not here, so not looked into.", "warning")
            yield Hint("Bring them", "jupyter mlops fetch --all-branches --tags")
        if self.done:
            yield Note(
                "Other clones destroy theirs when they next fetch, pull or push. Backups, and old"
                " versions that a bucket keeps, are not reached.",
                "quiet",
            )


def erase(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...],
        Arg("Tracked files and folders, or some in them; notebooks.", "PATH", complete="tracked"),
    ] = (),
    *,
    rev: Annotated[
        str | None, Arg("Only what they were at this revision.", "REV", complete="revision")
    ] = None,
    hash: Annotated[
        tuple[str, ...], Arg("Erase this content, whatever it is called.", metavar="HASH")
    ] = (),
    reason: Annotated[
        str | None, Arg("Why, for whoever looks for it; everybody can read it.", metavar="TEXT")
    ] = None,
    remote: Annotated[tuple[str, ...], Arg("Only on these remotes.", metavar="NAME")] = (),
    local_only: Annotated[bool, Arg("On no remote, and tell none.")] = False,
    lift: Annotated[bool, Arg("Let content be kept again that was erased.")] = False,
    dry_run: Annotated[bool, Arg("Only show what would go, and what refers to it.")] = False,
    yes: Annotated[bool, Arg("Do it.")] = False,
) -> EraseResult:
    """Destroy content for good, in every version, here and on remotes.

    Shows all that names it first, and what else has some of the same bytes: that stays. With --yes
    the packs that hold it are written anew without it, and the old ones are deleted at once, from
    trash and quarantine too; undo does not bring it back. What stays is a note that says when, who
    and why. From then on nobody who reads that note can keep, push or fetch that content: reading
    it says that it was erased, and restoring a revision leaves it out. Other clones destroy theirs
    when they next fetch, pull or push. Of a notebook its outputs are erased. The file in the
    working tree stays, and is named. --lift takes the note back, not the content.
    """
    if not (paths or hash):
        raise UsageError(
            "Nothing was named that should be erased.",
            code="missing-argument",
            hints=("jupyter mlops erase PATH --dry-run",),
        )
    if len(reason or "") > MAX_TEXT_LETTERS:
        raise UsageError("The reason is too long to be kept.", code="message-invalid")
    require_own_store(ws)
    commit = resolve_revision(ws.git, rev) if rev is not None else None
    plan = plan_erasure(ws, resolve_paths(ws, paths), [_parse(one) for one in hash], commit)
    names = () if local_only else remote or tuple(ws.config.remotes)
    if lift:
        return _lift(ws, plan, names, here_only=local_only, reason=reason)
    if dry_run or not yes:
        return _result(ws, plan, done=False, confirmation=None if dry_run else _confirmation(ws))
    swept, remotes = _carry_out(ws, plan, names, here_only=local_only, reason=reason)
    if local_only:
        remotes += [RemoteResult(one, "it was not told.") for one in ws.config.remotes]
    return _result(ws, plan, done=True, swept=swept, remotes=remotes)


def erase_there(ws: Workspace, named: Named) -> SweptRemote:
    """Destroy on a remote what is erased, after it was told.

    Raises:
        ConflictError, NotFoundError, UnavailableError: the remote still has it.
    """
    with open_remote(ws, named) as there:
        take_over(ws.store, there)
        tell(ws.store, there)
        marks = Marks.of(known_there(ws.store, there))
    needed = needed_names(ws)
    create_store(ws.store)
    with (
        open_remote(ws, named) as there,
        open_staging(ws.store.staging_folder, shared=ws.store.is_shared) as staging,
        ws.progress.task(f"Erasing on {named.name}", None) as task,
    ):
        swept = sweep_remote(ws.store, there, marks, needed, staging, task)
        swept.not_fetched = count_waiting(ws.git, there)
        return swept


def _carry_out(
    ws: Workspace, plan: ErasurePlan, names: Sequence[str], *, here_only: bool, reason: str | None
) -> tuple[Swept, list[RemoteResult]]:
    """Note what is erased, then destroy it on each remote and here."""
    found = {id: ws.store.erased.find(id) for id in plan.ids}
    new = [id for id, known in found.items() if known is None or known.here_only > here_only]
    pieces = set(plan.pieces)
    failures: dict[str, MlopsError] = {}
    for name in names:
        try:
            with open_remote(ws, choose_known(ws, name, yes=False)) as there:
                take_over(ws.store, there)
                pieces |= find_pieces_there(ws.store, there, new)
        except MlopsError as error:
            failures[name] = error
    keep_erasures(ws, make_erasures(ws, new, pieces, reason=reason, here_only=here_only))
    swept, unswept = Swept(), None
    try:
        swept = sweep_store(ws)
    except MlopsError as error:  # remotes are to be told all the same
        unswept = error
    remotes = []
    for name in names:
        try:
            if name in failures:
                raise failures[name]
            there_swept = erase_there(ws, choose_known(ws, name, yes=False))
            remotes.append(_remote_result(name, there_swept))
        except MlopsError as error:
            remotes.append(RemoteResult(name, error.message))
    if unswept is not None:
        raise unswept
    return swept, remotes


def _lift(
    ws: Workspace, plan: ErasurePlan, names: Sequence[str], *, here_only: bool, reason: str | None
) -> EraseResult:
    ids = [id for id in plan.ids if id in ws.store.erased]
    if not ids:
        raise NotFoundError(
            "Nothing of that was erased, so nothing was lifted.",
            code="not-erased",
            hints=("jupyter mlops fetch",),
        )
    lifts = make_erasures(ws, ids, (), reason=reason, here_only=here_only, lift=True)
    keep_erasures(ws, lifts)
    remotes = []
    for name in names:
        try:
            with open_remote(ws, choose_known(ws, name, yes=False)) as there:
                tell(ws.store, there)
            remotes.append(RemoteResult(name, None))
        except MlopsError as error:
            remotes.append(RemoteResult(name, error.message))
    hashes = tuple(format_hash(id) for id in sorted(ids))
    return EraseResult(
        done=True,
        lifted=True,
        hashes=hashes,
        referrers=(),
        shared_bytes=0,
        sharers=(),
        remotes=tuple(remotes),
    )


def _parse(text: str) -> Hash:
    digits = text.removeprefix("blake3:").removeprefix("b3:")
    try:
        found = parse_hash(f"blake3:{digits}")
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no content hash: blake3: and 64 hexadecimal digits.",
            code="hash-invalid",
            hints=("b3sum FILE",),
        ) from error
    if found == EMPTY_FILE:
        raise ConflictError(
            "The empty file cannot be erased: there is nothing in it.", code="nothing-to-erase"
        )
    return found


def _confirmation(ws: Workspace) -> str:
    named = shlex.join(ws.execution.command[1:]) or "PATH"
    return f"jupyter mlops erase {named} --yes"


def _result(
    ws: Workspace,
    plan: ErasurePlan,
    *,
    done: bool,
    swept: Swept | None = None,
    remotes: Iterable[RemoteResult] = (),
    confirmation: str | None = None,
) -> EraseResult:
    marks = Marks(frozenset(plan.ids), plan.pieces)
    files = Erased({"": make_erasures(ws, plan.ids, (), reason=None, here_only=True)[0]})
    return EraseResult(
        done=done,
        lifted=False,
        hashes=tuple(format_hash(id) for id in sorted(plan.ids)),
        referrers=tuple(map(_referrer, plan.referrers)),
        shared_bytes=plan.shared_bytes,
        sharers=tuple(map(_referrer, plan.sharers)),
        packs=swept.packs if swept is not None else 0,
        destroyed_bytes=swept.destroyed_bytes if swept is not None else 0,
        remotes=tuple(remotes),
        in_worktree=tuple(find_in_worktree(ws, files)),
        in_alternates=tuple(find_alternates(ws.store, marks)),
        in_git=plan.in_git,
        unread=plan.unread,
        confirmation=confirmation,
    )


def _remote_result(name: str, swept: SweptRemote) -> RemoteResult:
    return RemoteResult(
        name,
        None,
        swept.packs,
        swept.destroyed_bytes,
        sum(swept.shared.values()),
        tuple(format_hash(id) for id in sorted(swept.holders)),
        swept.not_fetched,
    )


def _referrer(one: Referrer) -> ReferrerResult:
    refs = []
    for ref in one.refs:
        short = next((ref.removeprefix(p) for p in _REF_PREFIXES if ref.startswith(p)), None)
        if short is not None:
            refs.append(short)
    hash = format_hash(one.id)
    return ReferrerResult(one.path, hash, one.size_bytes, one.commits, tuple(refs))


def _table(title: str, referrers: Sequence[ReferrerResult]) -> list[Block]:
    if not referrers:
        return []
    rows = tuple(
        (
            Code(one.path),
            Code(one.hash[:_ID_LETTERS]),
            Bytes(one.size_bytes) if one.size_bytes is not None else "outputs",
            len(one.commits),
            _few(one.refs),
        )
        for one in referrers[:_SHOWN]
    )
    blocks: list[Block] = [Table((title, "content", "size", "commits", "reached by"), rows)]
    others = len(referrers) - len(rows)
    if others:
        blocks.append(Note(f"And {others} more; --json lists them all."))
    return blocks


def _few(names: Sequence[str]) -> str:
    others = len(names) - _SHOWN_NAMES
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"{shown} and {others} more" if others > 0 else shown
