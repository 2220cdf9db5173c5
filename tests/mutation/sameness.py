"""Whether a change of a module can make a difference to anybody on Linux."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable

_AT_A_TIME = {
    **dict.fromkeys(("_BATCH_BYTES", "_COPY_BYTES", "_HASH_BYTES", "_READ_BYTES"), 64 << 20),
    **dict.fromkeys(("_AHEAD", "_BATCHES_AHEAD", "_BATCH_FILES", "_THREADS"), 1000),
}
"""Constants that say how much is read or done at a time, not what comes of it; and the most."""

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
_IDLE_KEYWORDS = {"dataclass": ("frozen", "slots"), "zip": ("strict",)}


def runs_alike(source: str, changed: str) -> bool:
    """Return whether ``changed`` does what ``source`` does; what does not compile does nothing.

    Annotations, the texts of docstrings, and code and imports for other systems make no
    difference. Nor do these:

    * ``frozen`` and ``slots`` of a dataclass: nothing assigns to its fields, as mypy sees.
    * ``strict`` of ``zip``: it tells of lengths that differ, which only a fault of ours makes.
    * how much is read, copied or begun at a time, as long as it is something and fits in memory.
    """
    try:
        return _what_runs(source) == _what_runs(changed)
    except SyntaxError:
        return True


def _what_runs(source: str) -> str:
    return ast.dump(_OnlyHere().visit(ast.parse(source)))


def _serves(value: ast.expr, most: int) -> bool:
    """Return whether a number, worked out from others alone, is something and not too much."""
    if any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(value)):
        return False
    try:
        number = eval(ast.unparse(value), {"__builtins__": {}})
    except (ArithmeticError, TypeError, ValueError):
        return False
    return isinstance(number, int) and 0 < number <= most


class _OnlyHere(ast.NodeTransformer):
    """Takes away what makes no difference."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        match node.targets:
            case [ast.Name(id=name)] if _serves(node.value, _AT_A_TIME.get(name, 0)):
                return ast.Pass()
        return self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant):
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if ast.unparse(node.func) == "getattr" and ast.unparse(node.args[0]) == "os":
            del node.args[2:]
        idle = _IDLE_KEYWORDS.get(ast.unparse(node.func), ())
        node.keywords = [keyword for keyword in node.keywords if keyword.arg not in idle]
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
            kept = node.body if node.test.value else node.orelse
            return [one for one in kept if not isinstance(one, ast.Import)] or [ast.Pass()]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.test, ast.Constant):
            return node.body if node.test.value else node.orelse
        return node
