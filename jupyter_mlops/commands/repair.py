"""The command ``repair``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.check import describe_damages
from jupyter_mlops.commands.erase import erase_there
from jupyter_mlops.commands.notebook_outputs import OutputKeeper
from jupyter_mlops.commands.remote import choose_known, with_remote
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace, open_workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.git.launcher import read_nbstripout_settings
from jupyter_mlops.git.worktrees import list_worktrees
from jupyter_mlops.ids import format_hash, hash_bytes
from jupyter_mlops.notebooks.outputs import Removed
from jupyter_mlops.notebooks.strip import resolve_settings, strip
from jupyter_mlops.objects.check import PackDamage
from jupyter_mlops.objects.repair import mend_index, mend_packs
from jupyter_mlops.snapshots.apply import clear_leftovers
from jupyter_mlops.snapshots.check import Damage, check_project
from jupyter_mlops.snapshots.outputs import read_keep_rules
from jupyter_mlops.snapshots.repair import Sources, find_sources, is_in_store, take_back
from jupyter_mlops.sync.places import open_remote
from jupyter_mlops.sync.remote import Remote
from jupyter_mlops.sync.repair import (
    find_given,
    plan_remote_repair,
    repair_remote,
    take_from_remote,
)
from jupyter_mlops.units import plural

_SET_ASIDE = frozenset({"pack", "index", "record"})
"""What is no damage any more once its pack is set aside, or its segment made anew."""

_WAY_OUT = (
    "put the file back at its path, or copy the folder .git/mlops/packs from a clone that has it,"
    " and repair again",
    "jupyter mlops repair --yes --remote NAME  # in a clone that has the content",
)
"""For the store, and for a remote."""


@dataclass(frozen=True, slots=True)
class RepairResult:
    """What was, or without ``done`` would be, mended.

    ``rebuilt`` are segments of the index made anew, ``saved_records`` counts what is copied out of
    damaged packs, ``quarantined`` the packs that are set aside, ``taken_back`` what is read again
    from the working trees, ``fetched`` what comes from the default remote; ``remaining`` is the
    damage that is left. Where a ``remote`` was mended, ``rebuilt`` names its packs too that no
    segment named, and ``pushed_records`` counts what this clone puts there again.
    """

    done: bool
    rebuilt: tuple[str, ...]
    saved_records: int
    quarantined: tuple[str, ...]
    taken_back: tuple[Damage, ...]
    remaining: tuple[Damage, ...]
    fetched: tuple[Damage, ...] = ()
    pushed_records: int = 0
    remote: str | None = None

    @property
    def exit_status(self) -> int:
        """5 while there is damage."""
        return 5 if self.remaining or (self._plans and not self.done) else 0

    @property
    def _plans(self) -> bool:
        return bool(
            self.rebuilt
            or self.quarantined
            or self.taken_back
            or self.fetched
            or self.pushed_records
        )

    def describe(self) -> Document:
        """Return the plan or what was done, and what nothing here can mend."""
        blocks: list[Block] = []
        if not self._plans and not self.remaining:
            return Document((Note("All is whole; there is nothing to repair.", "good"),))
        steps = tuple((what, Code(which)) for what, which in self._steps())
        if steps:
            head = "Repaired." if self.done else "This is the plan; nothing has been changed yet."
            blocks.append(Note(head, "good" if self.done else "plain"))
            blocks.append(Table(("step", "what"), steps))
        if self.remaining:
            left = plural(len(self.remaining), "problem")
            blocks.append(Note(f"{left} cannot be mended with what is at hand:", "bad"))
            blocks += describe_damages(self.remaining)
            blocks.append(Hint("Mend it all the same", _WAY_OUT[self.remote is not None]))
        if steps and not self.done:
            command = with_remote("jupyter mlops repair --yes", self.remote)
            blocks.append(Hint("Do it", command))
        return Document(tuple(blocks))

    def _steps(self) -> Iterator[tuple[str, str]]:
        for name in self.rebuilt:
            yield "make the index anew from the packs", name
        if self.saved_records:
            yield "copy what is whole out of damaged packs", plural(self.saved_records, "chunk")
        for damage in self.taken_back:
            yield "take back from the working tree", ", ".join(damage.paths[:1]) or damage.id
        for damage in self.fetched:
            yield "fetch from the remote", ", ".join(damage.paths[:1]) or damage.id
        if self.pushed_records:
            yield "push again", plural(self.pushed_records, "chunk")
        for name in self.quarantined:
            yield "set the damaged pack aside", name


def repair(
    ws: Workspace,
    *,
    remote: Annotated[str | None, Arg("Mend this remote, not the store.")] = None,
    yes: Annotated[bool, Arg("Carry the plan out; without it, it is only shown.")] = False,
) -> RepairResult:
    """Mend the store out of itself, of the working trees, and of the default remote.

    Checks as check --read-data does, then shows what it would do: make the index anew, copy what is
    whole out of damaged packs, take back lost content that tracked files still have, fetch what is
    still lacking, and set damaged packs aside in the store's folder quarantine. Nothing is ever
    deleted, and killed at any moment it can be run again. The exit status is 5 while damage is
    left.

    With --remote: reads all of that remote, makes its index anew, and puts again what this clone
    has of what is damaged or gone there.
    """
    if remote is not None:
        return _repair_remote(ws, remote, yes=yes)
    found = check_project(ws, read_data=True)
    trees = [ws, *_other_worktrees(ws)]
    sources = [find_sources(tree, found) for tree in trees]
    outputs = [one for one in found.damages if one.what == "outputs"]
    in_store = [one for one in found.damages if one.what in _SET_ASIDE or is_in_store(found, one)]
    others = [one for one in found.damages if one not in outputs and one not in in_store]
    taken = [one for one in outputs if any(_iter_outputs(ws, one))]
    taken += [one for one in others if any(source.give_back(found, one) for source in sources)]
    packs = found.store.damaged_packs
    remaining = [one for one in (*outputs, *others) if one not in taken]
    with _open_default(ws, wanted=bool(remaining)) as there:
        fetched = find_given(there, found, remaining) if there is not None else []
        remaining = [one for one in remaining if one not in fetched]
        if yes:

            def take_from_elsewhere() -> None:
                _take_all_back(trees, sources, packs)
                if there is not None and fetched:
                    take_from_remote(ws, there, found, fetched)

            mend_index(ws.store)
            mend_packs(ws.store, packs, take_from_elsewhere)
            _keep_outputs(ws, outputs)
            remaining = list(check_project(ws, read_data=True).damages)
    return RepairResult(
        done=yes,
        rebuilt=found.store.damaged_segments,
        saved_records=sum(len(one.whole) for one in packs),
        quarantined=tuple(
            one.pack.hash.hex()
            for one in packs
            if one.on_disk and one.folder not in ws.store.alternates
        ),
        taken_back=tuple(taken),
        remaining=tuple(remaining),
        fetched=tuple(fetched),
    )


def _repair_remote(ws: Workspace, name: str, *, yes: bool) -> RepairResult:
    named = choose_known(ws, name, yes=False)
    clear_leftovers(ws)
    with open_remote(ws, named, to_write=yes) as there:
        known = frozenset(there.erasures)
        if yes:
            there.prepare()
        plan = plan_remote_repair(ws, there)
        remaining = repair_remote(ws, there, plan) if yes else plan.remaining
        meanwhile = there.erasures - known
    if meanwhile:  # it may have been copied into a new pack
        erase_there(ws, named)
    return RepairResult(
        done=yes,
        rebuilt=plan.rebuilt,
        saved_records=0,
        quarantined=(),
        taken_back=(),
        remaining=remaining,
        pushed_records=plan.push.records_count,
        remote=named.name,
    )


@contextmanager
def _open_default(ws: Workspace, *, wanted: bool) -> Iterator[Remote | None]:
    """Yield the default remote, None where there is none or it cannot be had."""
    with ExitStack() as stack:
        there = None
        if wanted and ws.config.remotes:
            with suppress(MlopsError):
                named = choose_known(ws, None, yes=False)
                there = stack.enter_context(open_remote(ws, named))
        yield there


def _take_all_back(
    trees: Iterable[Workspace], sources: Iterable[Sources], packs: Iterable[PackDamage]
) -> None:
    """Take back what the working trees have."""
    damaged = [one.pack for one in packs]
    for tree, source in zip(trees, sources, strict=True):
        tree.store.distrust_packs(damaged)
        take_back(tree, source.paths)


def _other_worktrees(ws: Workspace) -> list[Workspace]:
    """Return the project as other worktrees have it, as far as they can be opened."""
    others = []
    for folder in list_worktrees(ws.git):
        if folder.resolve() != ws.root.resolve():
            with suppress(MlopsError):
                others.append(open_workspace(folder, clock=ws.clock, progress=ws.progress))
    return others


def _keep_outputs(ws: Workspace, damages: Iterable[Damage]) -> None:
    """Keep the outputs of notebooks again that the working tree still has."""
    rules = read_keep_rules(ws.git, ws.config.notebooks)
    with OutputKeeper(ws.store, ws.clock, rules) as keeper:
        for damage in damages:
            for stripped, removed in _iter_outputs(ws, damage):
                keeper.keep(stripped, removed)


def _iter_outputs(ws: Workspace, damage: Damage) -> Iterator[tuple[bytes, Removed]]:
    """Yield the notebooks of the working tree whose outputs are the damaged ones, stripped."""
    settings = resolve_settings(*read_nbstripout_settings(ws.git))
    for path in damage.paths:
        with suppress(MlopsError):
            result = strip(WorkTree(ws.root).read(path), settings)
            is_it = format_hash(hash_bytes(result.notebook)) == damage.id
            if result.removed is not None and is_it:
                yield result.notebook, result.removed
