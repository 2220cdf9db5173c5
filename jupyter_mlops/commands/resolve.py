"""The command ``resolve``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from jupyter_mlops.commands.paths import resolve_paths
from jupyter_mlops.commands.spec import Arg
from jupyter_mlops.commands.workspace import Workspace
from jupyter_mlops.document import Block, Code, Document, Hint, Note, Table
from jupyter_mlops.errors import UsageError
from jupyter_mlops.git.revisions import head
from jupyter_mlops.snapshots.resolve import Side, resolve_conflicts
from jupyter_mlops.snapshots.tracked import in_tracked

_LISTED = 20


@dataclass(frozen=True, slots=True)
class ResolveResult:
    """The tracked paths whose merge is concluded.

    ``files_taken`` are the project-relative paths that both sides had changed, of which one side
    was taken. ``conclude`` is the command that ends what Git has begun.
    """

    paths: tuple[str, ...]
    files_taken: tuple[str, ...]
    hints: tuple[str, ...] = ()
    conclude: str = "git commit"

    def describe(self) -> Document:
        """Return what was merged, which files were decided, and the ways on."""
        blocks: list[Block] = [Note(f"{', '.join(self.paths)}: merged.", "good")]
        if self.files_taken:
            rows = tuple((Code(name),) for name in self.files_taken[:_LISTED])
            blocks.append(Table(("of one side",), rows))
        if self.files_taken[_LISTED:]:
            blocks.append(Note(f"{len(self.files_taken) - _LISTED} more.", "quiet"))
        blocks += [Hint("To do", hint) for hint in self.hints]
        blocks.append(Hint("Let the data follow", "jupyter mlops restore"))
        blocks.append(Hint("Conclude the merge", self.conclude))
        return Document(tuple(blocks))


def resolve(
    ws: Workspace,
    paths: Annotated[
        tuple[str, ...],
        Arg("Only these tracked paths.", metavar="PATH", complete="tracked"),
    ] = (),
    *,
    ours: Annotated[
        bool, Arg("Where both sides changed a file, take that of the branch you are on.")
    ] = False,
    theirs: Annotated[
        bool, Arg("Where both sides changed a file, take that of the other branch.")
    ] = False,
) -> ResolveResult:
    """Conclude the merge of pointer files that Git left in a conflict.

    Merges them again from both sides, and stages the result: what one side changed is taken from
    it. Where both changed the same file it wants to know which side counts; ours and theirs are
    Git's words, the other way round in a rebase. A pointer that was merged as text to something
    that is not valid is merged again in the same way. The data follows by ``restore``.
    """
    if ours and theirs:
        raise UsageError(
            "--ours and --theirs exclude one another.",
            code="both-sides",
            hints=("jupyter mlops resolve --ours", "jupyter mlops resolve --theirs"),
        )
    take: Side | None = "ours" if ours else "theirs" if theirs else None
    in_progress = head(ws.git).in_progress
    resolved = resolve_conflicts(ws, resolve_paths(ws, paths), take)
    return ResolveResult(
        paths=tuple(path for path, _ in resolved.paths),
        files_taken=tuple(in_tracked(path, n) for path, names in resolved.paths for n in names),
        hints=resolved.hints,
        conclude=f"git {in_progress} --continue" if in_progress else "git commit",
    )
