"""Notebooks that no Jupyter would write, through stripping, snapshots and the filter."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.clock import SystemClock
from jupyter_mlops.commands.notebook_changes import describe_changes
from jupyter_mlops.commands.notebook_outputs import OutputKeeper
from jupyter_mlops.document import Document
from jupyter_mlops.document.render_html import render_html
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import MlopsError
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.compare import compare_notebooks
from jupyter_mlops.notebooks.journal import hash_source
from jupyter_mlops.notebooks.outputs import attach_outputs, decode_outputs, encode_outputs
from jupyter_mlops.notebooks.readable import format_readable, read_notebook
from jupyter_mlops.notebooks.strip import StripSettings, find_unstripped, strip
from jupyter_mlops.objects.outputs import write_outputs
from jupyter_mlops.objects.store import open_store
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.snapshots.listing import find_snapshot
from tests.hostile.arena import Arena, Case, judge_shown, try_cases
from tests.hostile.conftest import Attack
from tests.hostile.corpus import MANY, PATHS, mutated, notebook, words, write
from tests.notebooks.journals import seal
from tests.support.project import Project
from tests.support.scoreboard import Scoreboard

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("git_starts_forks")]

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def _nested(data: bytes, depth: int, shape: str) -> bytes:
    """Return JSON with lists or tables so deep in place of ``"HERE"``."""
    begin, end = (b"[", b"]") if shape == "list" else (b'{"a":', b"}")
    return data.replace(b'"HERE"', begin * depth + b"1" + end * depth)


def _cell(**fields: Any) -> dict[str, Any]:
    return {**json.loads(notebook())["cells"][0], **fields}


_FIELDS: dict[str, Any] = {
    "a text": "x",
    "a number": 3,
    "null": None,
    "a list": [[]],
    "true": True,
    "a table": {"a": {"b": []}},
    "a list of nulls": [None, 3, "x", {}],
    "NaN": float("nan"),
    "infinity": float("-inf"),
    "a huge number": 10**4000,
    "a lone surrogate": "\ud800",
    "control characters": "\x00\x1b[2J\u2028\u202e",
    "a script": "<script>alert(1)</script>",
    "long": "x" * 2_000_000,
}


def notebooks() -> dict[str, bytes]:
    """Return files named ``.ipynb`` by what is wrong with them."""
    found: dict[str, bytes] = {
        "nothing": b"",
        "blank": b" \n",
        "NULs": b"\0" * 1000,
        "not UTF-8": b'{"cells": "\xff"}',
        "byte order mark": b"\xef\xbb\xbf" + notebook(),
        "UTF-16": notebook().decode().encode("utf-16"),
        "no JSON": b"{",
        "conflict": b"<<<<<<< HEAD\n" + notebook() + b"=======\n>>>>>>> x\n",
        "deep": b"[" * MANY,
        "deep and closed": b'{"cells": ' + b"[" * MANY + b"]" * MANY + b"}",
        "deep tables": b'{"a":' * MANY,
        "a number": b"1e400",
        "a list": b"[]",
        "no cells": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
        "cells twice": notebook().replace(b'"cells"', b'"cells": 3, "cells"'),
        "id twice": notebook(cells=[_cell(), _cell()]),
        "many cells": notebook(cells=[_cell(id=f"c{n}") for n in range(3000)]),
        "worksheets in 4": notebook(worksheets=[{"cells": []}]),
        "3 without worksheets": notebook(nbformat=3),
        "3 with odd worksheets": notebook(nbformat=3, worksheets=[3]),
        "3 with odd cells": notebook(
            nbformat=3, worksheets=[{"cells": [3, {"cell_type": "code"}]}]
        ),
        "3 with odd prompts": notebook(
            nbformat=3,
            worksheets=[{"cells": [{"cell_type": "code", "input": [3], "prompt_number": "x"}]}],
        ),
        "huge escapes": b'{"cells": [], "x": "' + b"\\u0000" * MANY + b'"}',
        "floats at the edge": notebook().replace(
            b'"execution_count": 1', b'"execution_count": 1e999'
        ),
        "a number too long": notebook().replace(b": 1,", b": 1" + b"0" * 5000 + b","),
        "attachments": notebook(
            cells=[_cell(cell_type="markdown", attachments={"../../x": {"image/png": "x" * 9999}})]
        ),
        "tags against each other": notebook(
            cells=[_cell(metadata={"tags": ["keep_output"], "keep_output": False})]
        ),
        "output of everything": notebook(
            cells=[
                _cell(
                    outputs=[
                        {
                            "output_type": "display_data",
                            "metadata": {},
                            "data": {"text/html": ["<script>", 3], "image/png": 3, "": None},
                        }
                    ]
                )
            ]
        ),
        "output of nothing": notebook(cells=[_cell(outputs=[{}, None, 3, {"output_type": 3}])]),
    }
    for version in (
        -1,
        0,
        1,
        2,
        5,
        10**30,
        4.0,
        "4",
        None,
        True,
        [4],
        {"a": 4},
    ):
        found[f"version {version!r}"[:40]] = notebook(nbformat=version)
        found[f"minor version {version!r}"[:40]] = notebook(nbformat_minor=version)
    for name, value in _FIELDS.items():
        found |= {
            f"{name} as cells": notebook(cells=value),
            f"{name} as a cell": notebook(cells=[value]),
            f"{name} as metadata": notebook(metadata=value),
            f"{name} in metadata": notebook(metadata={"kernelspec": value, "widgets": value}),
        }
        for field in ("metadata", "outputs", "source", "id", "cell_type", "execution_count"):
            found[f"{name} as {field}"] = notebook(cells=[_cell(**{field: value})])
    for depth in (100, 300, 330, 480, 600, 900, 960):
        for shape in ("list", "table"):
            outputs = [{"output_type": "error", "x": "HERE"}]
            inside = notebook(cells=[_cell(outputs=outputs)])
            beside = notebook(
                metadata={"widgets": "HERE"}, cells=[_cell(metadata={"execution": "HERE"})]
            )
            found[f"{shape} {depth} deep in an output"] = _nested(inside, depth, shape)
            found[f"{shape} {depth} deep in metadata"] = _nested(beside, depth, shape)
            found[f"version {shape} {depth} deep"] = _nested(
                notebook(nbformat="HERE"), depth, shape
            )
    return found


@pytest.mark.parametrize("part", range(2))
def test_commands(attack: Attack, scale: int, part: int) -> None:
    commands = words(
        "strip evil.ipynb",
        "strip --check",
        "snapshot",
        "status",
        "doctor",
        "strip",
        "restore --code first",
    )
    cases = []
    for number, (name, content) in enumerate(notebooks().items()):

        def plant(arena: Arena, content: bytes = content) -> None:
            write("evil.ipynb", content)(arena)
            arena.project.git("add", "evil.ipynb")

        chosen = tuple(commands[(number + step) % 7] for step in range(min(7, 1 + scale)))
        cases.append(Case(name, plant, chosen))
    chosen_cases = cases[:: max(1, 3 - scale)]
    attack(chosen_cases[part::2])


_EVIL = "<img src=x onerror=alert(1)>\x1b[2J\u202e"


def test_names_are_shown_as_text(template: Path, tmp_path: Path) -> None:
    """Branches, a notebook's path and its cells' ids are text, in all commands that name them."""

    def plant(arena: Arena) -> None:
        project = arena.project
        project.git("switch", "--quiet", "-c", "<script>alert(1)</script>")
        project.write(f"{_EVIL}.ipynb", notebook(cells=[_cell(id=_EVIL, source=_EVIL)]))
        project.write("x\n\x1b[31m.ipynb", "<<<<<<<")
        project.commit("<script>\x1b[31m")

    commands = words(
        *("status", "doctor", "log", "snapshot --name evil", "snapshot list", "strip --check"),
        *("metrics history", "metrics show", "diff first", "strip", "check", "restore first"),
    )
    verdict = try_cases([Case("names", plant, commands)], template, tmp_path / "room")
    assert verdict.failures == [], "\n\n".join(verdict.failures)
    refused = sum(words[0] == "strip" for words in commands)  # it takes no such name
    assert (verdict.commands, verdict.refusals) == (len(commands), refused)


def test_what_the_filter_says_is_text(template: Path, tmp_path: Path) -> None:
    project = Project(Path(shutil.copytree(template / "project", tmp_path / "project")))
    project.mlops("init")
    names = (f"{_EVIL}.ipynb", "x\njupyter-mlops: all is well.ipynb")
    for name in names:
        project.write(name, b"<<<<<<< \x1b[2J")
    command = ["git", "add", "--", *names]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True)
    assert len(done.stderr.splitlines()) == len(names)
    assert done.stderr.count("is not JSON; Git gets it as it is.") == len(names)
    judge_shown(done.stderr, "")


@pytest.mark.parametrize("part", range(2))
def test_the_filter_gives_back_what_it_took(
    tmp_path: Path, scale: int, scoreboard: Scoreboard, part: int
) -> None:
    """What Git gets can be stripped again without a change; outputs come back or are refused."""
    samples = list(notebooks().values())
    small = [data for data in samples if len(data) < 5000]
    samples += mutated(part, small, 300 * scale)
    settings = StripSettings()
    with OutputKeeper(open_store(tmp_path / "store"), SystemClock()) as keeper:
        for content in samples[part::2]:
            stripped = strip(content, settings)
            find_unstripped(content)
            assert strip(stripped.notebook, settings).notebook == stripped.notebook
            if stripped.removed is None:
                continue
            try:
                payload = encode_outputs(stripped.removed, SystemClock().now())
                keeper.keep(stripped.notebook, stripped.removed)
                joined = attach_outputs(stripped.notebook, decode_outputs(payload))
                assert strip(joined, settings).notebook == stripped.notebook
                keeper.join(stripped.notebook, settings)
            except MlopsError as error:
                assert error.hints, error.code
    scoreboard.add("hostile inputs", len(samples[part::2]))


def test_what_is_shown_of_them(scale: int, scoreboard: Scoreboard) -> None:
    """A notebook is shown or refused, and nothing that is shown steers a terminal or a page."""
    whole = notebooks()
    small = [data for data in whole.values() if len(data) < 5000]
    samples = [*whole.values(), *mutated(3, small, 300 * scale)]
    before = read_notebook(notebook())
    for content in samples:
        try:
            after = read_notebook(content)
        except ValueError as error:
            assert str(error).startswith("is ")
            continue
        changes = compare_notebooks(before, after)
        document = Document(tuple(describe_changes(changes.fields, changes.cells)))
        for shown in (format_readable(after), render_text(document), render_html(document)):
            assert not CONTROLS.search(shown)
            assert shown.encode() or not shown
        assert "<script" not in render_html(document)
        assert not compare_notebooks(after, after).any
    scoreboard.add("hostile inputs", len(samples))


def test_payloads_of_outputs(tmp_path: Path, scale: int, scoreboard: Scoreboard) -> None:
    """Whatever the store holds as a notebook's outputs, the notebook stays what Git has."""
    settings = StripSettings()
    stripped = strip(notebook(), settings)
    assert stripped.removed is not None
    good = encode_outputs(stripped.removed, SystemClock().now())
    payloads = [
        b"",
        b"{}",
        b"[" * MANY,
        good.replace(b'"format":0', b'"format":1'),
        good.replace(b'"format":0', b'"format":-1'),
        good.replace(b'"format":0', b'"format":' + b"9" * 400),
        good.replace(b'\\"outputs\\"', b'\\"cells\\"'),
        good.replace(b'\\"outputs\\"', b'\\"source\\"'),
        good.replace(b'\\"outputs\\"', b'\\"cell_type\\"'),
        good.replace(b'"notebook":""', b'"notebook":"{\\"nbformat\\":3,\\"cells\\":3}"'),
        good.replace(b'"notebook":""', b'"notebook":"' + b"[" * 900 + b'"'),
        good.replace(
            b'"notebook":""', b'"notebook":"' + b'{\\"a\\":' * 900 + b"1" + b"}" * 900 + b'"'
        ),
        *mutated(2, [good], 50 * scale),
    ]
    key = hash_bytes(stripped.notebook)
    for number, payload in enumerate(payloads):
        store = open_store(tmp_path / str(number))
        with open_writer(store) as writer:
            write_outputs(writer, key, payload)
            writer.finish()
        with OutputKeeper(open_store(store.folder), SystemClock()) as keeper:
            try:
                joined = keeper.join(stripped.notebook, settings)
            except MlopsError as error:
                assert error.hints, error.code
            else:
                assert strip(joined, settings).notebook == stripped.notebook, payload
    scoreboard.add("hostile inputs", len(payloads))


def _bodies(*lines: dict[str, Any], **head: Any) -> list[bytes]:
    """Return lines of a journal, of which any may be odd."""
    first = {
        "what": "session",
        "format": 0,
        "id": "0" * 32,
        "began_at": "2026-01-01T00:00:00.000000Z",
        "pid": 1,
        **head,
    }
    return [
        json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        for line in (first, *lines)
    ]


def _ran(source: str, cell: str | None = None, number: int = 1) -> list[dict[str, Any]]:
    hash = hash_source(source)
    run = {"what": "run", "number": number, "hash": hash, **({"cell": cell} if cell else {})}
    return [
        {"what": "source", "hash": hash, "text": source},
        run,
        {"what": "end", "number": number, "outcome": "ok", "seconds": 0.5},
    ]


def journals() -> dict[str, bytes]:
    """Return journals of what a kernel ran by what is odd in them; their checks are right."""
    notebook = {"what": "notebook", "path": "evil.ipynb"}
    evil = "\x1b]0;x\x07<script>alert(1)</script>\u202e"
    good = _bodies(notebook, *_ran("print(1)", "c1"))
    found = {
        "nothing": b"",
        "no line": b"\n",
        "good": seal(good),
        "no check": b"\n".join(good) + b"\n",
        "no end": seal(good)[:-1],
        "deep": seal([good[0], b"[" * MANY]),
        "newer": seal(_bodies(format=1)),
        "format of text": seal(_bodies(format="0")),
        "format too big": seal(_bodies(format=10**300)),
        "two in one": seal(good) * 2,
        "many": seal(good) * 2000,
        "hostile texts": seal(_bodies(notebook, *_ran(evil, evil), *_ran("print(1)", "c1", 2))),
        "a megabyte": seal(_bodies(notebook, *_ran("x" * 10**6, "c1"))),
        "many runs": seal(
            _bodies(notebook, *(one for n in range(1, 20_000) for one in _ran(f"{n}", "c", n)))
        ),
        "paths": seal(
            _bodies(*({"what": "notebook", "path": path} for path in PATHS if "\x00" not in path))
        ),
        "NUL in a path": seal(_bodies({"what": "notebook", "path": "a\0b"})),
        "infinite": seal([*good[:-1], good[-1].replace(b"0.5", b"1e999")]),
        "a number too long": seal([*good[:-1], good[-1].replace(b"0.5", b"9" * 5000)]),
    }
    mutations = mutated(5, [b"\n".join(good)], 60)
    return found | {f"mutation {n}": seal(m.split(b"\n")) for n, m in enumerate(mutations)}


def _put_journal(content: bytes) -> Callable[[Arena], object]:
    """Return what leaves a journal in the worktree, and another in the snapshot ``first``."""

    def plant(arena: Arena) -> None:
        project = arena.project
        write("evil.ipynb", notebook(cells=[_cell(id="c1")]))(arena)
        project.git("add", "evil.ipynb")
        name = f"20260101T000000.000000Z-{'0' * 32}.jsonl"
        write(f".git/mlops-worktree/journals/{name}", content)(arena)
        ref = find_snapshot(open_repository(project.root), "first").ref
        index = {"GIT_INDEX_FILE": str(arena.root / "index")}
        project.git("read-tree", ref, env=index)
        for path, file in ((".mlops/journal.jsonl", name), ("evil.ipynb", "evil.ipynb")):
            folder = ".git/mlops-worktree/journals/" if file == name else ""
            oid = project.git("hash-object", "-w", "--no-filters", f"{folder}{file}").strip()
            project.git("update-index", "--add", "--cacheinfo", f"100644,{oid},{path}", env=index)
        tree = project.git("write-tree", env=index).strip()
        (arena.root / "index").unlink()
        project.git("update-ref", ref, project.git("commit-tree", "-m", "x", tree).strip())

    return plant


@pytest.mark.parametrize("part", range(2))
def test_journals(attack: Attack, scale: int, part: int) -> None:
    commands = words(
        "notebook verdict",
        "notebook verdict evil.ipynb --rev first",
        "snapshot",
        "snapshot branch first other",
        "restore first --code",
        "notebook verdict evil.ipynb",
        "check --read-data",
    )
    cases = []
    for number, (name, content) in enumerate(journals().items()):
        chosen = tuple(commands[(number + step) % 7] for step in range(min(7, 2 + scale)))
        cases.append(Case(f"journal: {name}", _put_journal(content), chosen))
    attack(cases[:: max(1, 3 - scale)][part::2])
