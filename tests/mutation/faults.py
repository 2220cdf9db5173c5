"""Where a small fault can be put into a module, and the module with it."""

from __future__ import annotations

import difflib
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.provider import OperatorProvider
from parso.python.tree import Keyword

from tests.mutation.sameness import runs_alike

_Position = tuple[int, int]


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
    """Return ``source`` with the fault in it, None where it makes no difference here."""
    changed: str | None = mutate_code(source, OPERATORS[fault.operator], fault.occurrence)
    return None if changed is None or runs_alike(source, changed) else changed


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
