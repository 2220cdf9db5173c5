"""The package's sources as syntax trees, and the documents beside them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "jupyter_mlops"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Source:
    """One module: its path within the package, and its tree, read when it is asked for."""

    name: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse((PACKAGE / self.name).read_text("utf-8"))


@cache
def sources() -> tuple[Source, ...]:
    """Return every module of the package."""
    return tuple(
        Source(path.relative_to(PACKAGE).as_posix()) for path in sorted(PACKAGE.rglob("*.py"))
    )


def iter_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Yield every call in ``tree``."""
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def iter_texts(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield every literal text and f-string in ``tree``, an f-string without its pieces."""
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.JoinedStr | ast.Constant):
            yield child
        else:
            yield from iter_texts(child)


def text_of(node: ast.expr, hole: str = "x") -> str | None:
    """Return the text a literal or an f-string stands for, with ``hole`` for each expression."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(
                part.value if isinstance(part, ast.Constant) else hole  # type: ignore[misc]
                for part in parts
            )
        case _:
            return None


def documents() -> list[Path]:
    """Return every Markdown file that a reader of the project may open."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *ROOT.glob("C*.md")]


def code_blocks(document: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of ``document`` in one of ``languages``."""
    found = _FENCE.findall(document.read_text("utf-8"))
    return [text for language, text in found if language in languages]
