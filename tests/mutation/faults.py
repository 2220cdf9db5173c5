"""Where a small fault can be put into a module, and the module with it."""

from __future__ import annotations

import ast
import difflib
import operator
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Keyword

_Position = tuple[int, int]
_COMPARE: dict[type[ast.cmpop], Callable[[str, str], bool]] = {
    ast.Eq: operator.eq,
    ast.Is: operator.eq,
    ast.NotEq: operator.ne,
    ast.IsNot: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One change of one module: the ``occurrence``-th place of the operator of that name."""

    module: str
    operator: str
    occurrence: int
    first_line: int
    last_line: int


class DropStatement:
    """Leaves out a call, an augmented assignment or a ``raise`` that is a statement of its own."""

    def mutation_positions(self, node: Any) -> Iterator[tuple[_Position, _Position]]:
        """Yield the place of ``node`` if it is such a statement."""
        if node.type == "simple_stmt" and _can_go(node.children[0]):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return ``node`` with ``pass`` in its place."""
        prefix = node.get_first_leaf().prefix
        node.children[0] = Keyword("pass", node.start_pos, prefix)
        return node


def _can_go(statement: Any) -> bool:
    if statement.type == "expr_stmt":
        return (
            len(statement.children) == 3
            and statement.children[1].type == "operator"
            and (statement.children[1].value != "=")
        )
    return statement.type in {"atom_expr", "raise_stmt"}


def _operators() -> dict[str, Any]:
    provider = OperatorProvider()
    found = {name: provider[name]() for name in provider if not provider[name].arguments()}
    return {**found, "DropStatement": DropStatement()}


OPERATORS = _operators()


def put(fault: Fault, source: str) -> str | None:
    """Return ``source`` with the fault in it, None where it makes no difference here.

    Annotations, the texts of docstrings, and code for other systems make none.
    """
    changed: str | None = mutate_code(source, OPERATORS[fault.operator], fault.occurrence)
    if changed is None:
        return None
    try:
        tree = ast.parse(changed)
    except SyntaxError:
        return None
    return None if _what_runs(tree) == _what_runs(ast.parse(source)) else changed


def show(root: Path, fault: Fault) -> str:
    """Return where the fault is and what it changes, on lines that begin with - and +."""
    source = (root / fault.module).read_text("utf-8")
    changed = put(fault, source) or source
    lines = difflib.unified_diff(source.splitlines(), changed.splitlines(), n=0, lineterm="")
    return "\n    ".join([f"{fault.module}:{fault.first_line}", *list(lines)[3:]])


def choose(root: Path, modules: Iterable[str], count: int, seed: int) -> list[Fault]:
    """Return about ``count`` faults, spread over ``modules`` by their size, one a place at most."""
    rng = random.Random(seed)
    places = {module: _places(root, module) for module in modules}
    total = sum(map(len, places.values()))
    chosen: list[Fault] = []
    for module, found in places.items():
        source = (root / module).read_text("utf-8")
        wanted = max(1, round(count * len(found) / total))
        for faults in rng.sample(found, len(found)):
            if wanted == 0:
                break
            rng.shuffle(faults)
            fault = next((one for one in faults if put(one, source) is not None), None)
            if fault is not None:
                chosen.append(fault)
                wanted -= 1
    rng.shuffle(chosen)
    return chosen


def _places(root: Path, module: str) -> list[list[Fault]]:
    tree = get_ast((root / module).read_text("utf-8"))
    nodes = list(ast_nodes(tree))
    found: dict[_Position, list[Fault]] = defaultdict(list)
    for name, chosen in OPERATORS.items():
        spans = (span for node in nodes for span in chosen.mutation_positions(node))
        for occurrence, (start, end) in enumerate(spans):
            found[start].append(Fault(module, name, occurrence, start[0], end[0]))
    return [found[start] for start in sorted(found)]


def _what_runs(tree: ast.Module) -> str:
    return ast.dump(_OnlyHere().visit(tree))


class _OnlyHere(ast.NodeTransformer):
    """Takes away what makes no difference: annotations, docstrings, slots, other systems."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant):
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if ast.unparse(node.func) == "getattr" and ast.unparse(node.args[0]) == "os":
            del node.args[2:]
        if ast.unparse(node.func) == "dataclass":
            node.keywords = [keyword for keyword in node.keywords if keyword.arg != "slots"]
        return self.generic_visit(node)

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
        node.defaults = [*node.defaults, *filter(None, node.kw_defaults)]
        node.posonlyargs, node.kwonlyargs, node.kw_defaults = [], [], []
        return self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        match node:
            case ast.Compare(
                left=ast.Attribute(value=ast.Name(id="sys"), attr="platform"),
                ops=[compare],
                comparators=[ast.Constant(value=str(system))],
            ) if type(compare) in _COMPARE:
                return ast.Constant(_COMPARE[type(compare)]("linux", system))
        return self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
            return ast.Constant(not node.operand.value)
        return node

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return (node.body if node.test.value else node.orelse) or [ast.Pass()]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        return node
