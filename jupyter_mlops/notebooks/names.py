"""Names that a notebook's cells use and define, found without running anything."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jupyter_mlops.notebooks.canonical import CellPlace, Notebook, cell_source, iter_cells
from jupyter_mlops.notebooks.python_cells import MALFORMED_SOURCE, parse_cell

_KNOWN = frozenset(dir(builtins)) | {
    *("__name__", "__file__", "__doc__", "__builtins__", "__annotations__", "__loader__"),
    *("get_ipython", "display", "exit", "quit", "In", "Out", "WindowsError"),
}
_OF_IPYTHON = re.compile(r"_+|_i+|_i?\d+|_[ido]h|_exit_code")
_REFLECTION = frozenset({"exec", "globals", "locals"})
_LISTING = ("dir", "vars")
_FORGIVING = frozenset({"NameError", "Exception", "BaseException"})
_LANGUAGES = ("python", "ipython", "python3", "ipython3")
_MAY_SKIP, _MAY_RAISE = "skip-execution", "raises-exception"
_CELLS_LIMIT = 10_000
_DEFINING = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class NameUse(NamedTuple):
    """A name that a cell uses where running the notebook from the top has not defined it.

    ``defined_in`` is the cell below, or the same one, that defines it; None where none does.
    """

    name: str
    cell: CellPlace
    defined_in: CellPlace | None


@dataclass(slots=True)
class _Names:
    """What a piece of code uses and binds, in its own scope.

    ``now`` are names that it reads when it runs, ``later`` those that functions in it read;
    ``midway`` those of ``bound`` that an expression binds, which may read them as well.
    """

    now: dict[str, None] = field(default_factory=dict)
    later: dict[str, None] = field(default_factory=dict)
    bound: dict[str, None] = field(default_factory=dict)
    midway: dict[str, None] = field(default_factory=dict)
    is_open: bool = False
    """It may define any name: ``import *``, ``exec``, a magic that does."""


def find_name_uses(notebook: Notebook) -> list[NameUse]:
    """Return the names that a run from the top would not find, each once, in document order.

    Only code of Python is looked at; what a cell might define in a way that cannot be seen
    (``from x import *``, ``%run``, code that does not parse) ends the search below it.
    """
    if not is_python(notebook):
        return []
    cells = list(_read_cells(notebook))
    defined_in: dict[str, CellPlace] = {}
    for place, _, statements in cells:
        for names in statements:
            for name in names.bound:
                defined_in.setdefault(name, place)
    is_open = any(names.is_open for _, _, statements in cells for names in statements)
    found: dict[str, NameUse] = {}
    defined: set[str] = set()
    for place, may_raise, statements in cells:
        for names in statements:
            if names.is_open:
                return list(found.values())
            for name in names.now if not may_raise else ():
                if name not in defined and name not in found and not _is_known(name):
                    found[name] = NameUse(name, place, defined_in.get(name))
            for name in names.later if not (may_raise or is_open) else ():
                if name not in defined_in and name not in found and not _is_known(name):
                    found[name] = NameUse(name, place, None)
            defined |= names.bound.keys()
    return list(found.values())


def names_bound(source: str) -> frozenset[str]:
    """Return the names that running ``source``, a cell's, defines; none where it does not parse."""
    return frozenset(name for names in _read_source(source) for name in names.bound)


def modules_imported(notebook: Notebook) -> frozenset[str]:
    """Return the dotted names of all modules that the notebook's cells may import."""
    found: set[str] = set()
    if is_python(notebook):
        for cell in iter_cells(notebook):
            if cell.get("cell_type") == "code":
                found |= modules_of(cell_source(cell))
    return frozenset(found)


def modules_of(source: str) -> frozenset[str]:
    """Return the dotted names of the modules that ``source`` may import, relative ones left out."""
    try:
        tree = parse_cell(source).tree
    except MALFORMED_SOURCE:
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def is_python(notebook: Notebook) -> bool:
    """Return whether the notebook's code is Python, as far as it says."""
    metadata = notebook.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    said = [("kernelspec", "language"), ("language_info", "name")]
    for table, key in said:
        entry = metadata.get(table)
        language = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(language, str):
            return language.lower() in _LANGUAGES
    return True


def _is_known(name: str) -> bool:
    return name in _KNOWN or _OF_IPYTHON.fullmatch(name) is not None


def _read_cells(notebook: Notebook) -> Iterator[tuple[CellPlace, bool, list[_Names]]]:
    for index, cell in enumerate(iter_cells(notebook)):
        if index >= _CELLS_LIMIT:
            return
        if cell.get("cell_type") != "code":
            continue
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        tags = tags if isinstance(tags, list) else []
        if _MAY_SKIP not in tags:
            id = cell.get("id")
            place = CellPlace(index, id if isinstance(id, str) else None)
            yield place, _MAY_RAISE in tags, _read_source(cell_source(cell))


def _read_source(source: str) -> list[_Names]:
    """Return what each statement of a cell uses and binds; one that is open, if it cannot be."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parsed = parse_cell(source)
        statements = [_read_statement(node) for node in parsed.tree.body]
    except MALFORMED_SOURCE:
        return [_Names(is_open=True)]
    bound = dict.fromkeys(parsed.bound)
    return [_Names(bound=bound, is_open=parsed.is_open), *statements]


def _read_statement(node: ast.stmt) -> _Names:
    """Return what a statement at the top of a cell uses and binds.

    In one that has others in it (a loop, a condition) each may run before each.
    """
    names = _Names()
    _Reader(names).visit(node)
    first = names.midway
    if isinstance(node, ast.Match) or (hasattr(node, "body") and not isinstance(node, _DEFINING)):
        first = names.bound
    names.now = {name: None for name in names.now if name not in first}
    return names


class _Reader(ast.NodeVisitor):
    """Collects the names of one scope; functions in it are scopes of their own."""

    def __init__(self, names: _Names) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._names.bound[node.id] = None
        elif isinstance(node.ctx, ast.Load):
            self._use(node.id)

    def _use(self, name: str) -> None:
        self._names.is_open |= name in _REFLECTION
        self._names.now[name] = None

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name) and node.func.id in _LISTING and not node.args:
            self._names.is_open = True
        self.generic_visit(node)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.generic_visit(node)
        self._names.midway[node.target.id] = None

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self._use(node.target.id)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)
        elif not isinstance(node.target, ast.Name):
            self.visit(node.target)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._names.bound[alias.asname or alias.name.partition(".")[0]] = None

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self._names.is_open = True
            else:
                self._names.bound[alias.asname or alias.name] = None

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._names.bound[node.name] = None
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        if node.name:
            self._names.bound[node.name] = None
        self.generic_visit(node)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        if node.name:
            self._names.bound[node.name] = None

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        if node.rest:
            self._names.bound[node.rest] = None
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        """Pass over uses of which the code says itself that they may fail."""
        self._visit_tried(node)

    def _visit_tried(self, node: ast.Try | ast.TryStar) -> None:
        if not any(map(_forgives, node.handlers)):
            self.generic_visit(node)
            return
        tried = _Names()
        for statement in node.body:
            _Reader(tried).visit(statement)
        self._names.bound |= tried.bound
        self._names.midway |= tried.midway
        self._names.is_open |= tried.is_open
        for part in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(part)

    def visit_TryStar(self, node: ast.TryStar) -> None:
        """Do the same for groups of exceptions."""
        self._visit_tried(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for part in (*node.decorator_list, *_defaults(node.args)):
            self.visit(part)
        self._names.bound[node.name] = None
        self._enter(node.args, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in _defaults(node.args):
            self.visit(part)
        self._enter(node.args, [node.body])

    def _enter(self, args: ast.arguments, body: Sequence[ast.AST]) -> None:
        inner = _Names(bound=dict.fromkeys(_parameters(args)))
        reader = _Reader(inner)
        for part in body:
            reader.visit(part)
        outside = {name for part in body for name in _declared(part)}
        self._names.is_open |= inner.is_open and not _looks_inside(body)
        self._names.bound |= dict.fromkeys(outside & inner.bound.keys())
        free = {**inner.now, **inner.later}
        self._names.later |= {
            name: None for name in free if name not in inner.bound or name in outside
        }

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(part)
        inner = _Names()
        reader = _Reader(inner)
        for statement in node.body:
            reader.visit(statement)
        self._names.is_open |= inner.is_open
        self._names.now |= {name: None for name in inner.now if name not in inner.bound}
        self._names.later |= {name: None for name in inner.later if name != node.name}
        self._names.bound[node.name] = None

    def _visit_comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp
    ) -> None:
        inner = _Names()
        reader = _Reader(inner)
        targets: dict[str, None] = {}
        for generator in node.generators:
            reader.visit(generator.iter)
            local = _Names()
            _Reader(local).visit(generator.target)
            targets |= local.bound
            inner.now |= local.now
            for condition in generator.ifs:
                reader.visit(condition)
        parts = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        for part in parts:
            reader.visit(part)
        self._names.is_open |= inner.is_open
        self._names.bound |= inner.bound  # of :=
        self._names.midway |= inner.midway
        for kind in ("now", "later"):
            used = getattr(inner, kind)
            getattr(self._names, kind).update(
                {name: None for name in used if name not in targets and name not in inner.bound}
            )

    visit_ListComp = visit_SetComp = visit_GeneratorExp = visit_DictComp = _visit_comprehension


def _looks_inside(body: Sequence[ast.AST]) -> bool:
    """Return whether what reflects in a function's body does so on the function's own names."""
    nodes = (node for part in body for node in ast.walk(part) if isinstance(node, ast.Name))
    return not any(node.id in ("exec", "globals") for node in nodes)


def _forgives(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in _FORGIVING for kind in kinds)


def _defaults(args: ast.arguments) -> Iterable[ast.expr]:
    return (*args.defaults, *(default for default in args.kw_defaults if default is not None))


def _parameters(args: ast.arguments) -> Iterator[str]:
    several = (*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg)
    return (argument.arg for argument in several if argument is not None)


def _declared(part: ast.AST) -> Iterator[str]:
    for node in ast.walk(part):
        if isinstance(node, ast.Global):
            yield from node.names
