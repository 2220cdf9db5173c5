"""Stripping beside nbstripout's own command line: equal bytes wherever that succeeds."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.notebooks.nbstripout import DEFAULTS, parse_command
from jupyter_mlops.notebooks.outputs import (
    attach_cells,
    attach_outputs,
    decode_outputs,
    encode_outputs,
)
from jupyter_mlops.notebooks.strip import StripSettings, divide_removed, resolve_settings, strip
from tests.notebooks.conftest import NOT_NOTEBOOKS, NOTEBOOKS, code, notebook_bytes
from tests.support.clock import HandClock
from tests.support.nbstripout_peer import strip_with_nbstripout
from tests.support.notebook_corpus import Sample, make_huge, make_samples

COUNT = 500
OPTIONS = (
    "--keep-output",
    "--keep-count",
    "--keep-output --keep-count",
    "--extra-keys 'metadata.toc.a.b metadata.toc.nested.deep cell.metadata.own.k none'",
    "--extra-keys 'metadata.kernelspec.name cell.attachments'",
    "--keep-metadata-keys 'cell.metadata.scrolled metadata.widgets'",
    "--drop-empty-cells",
    "--drop-tagged-cells=skip",
    "--strip-init-cells",
    "--keep-output --drop-output-type error stream:stderr",
    "--keep-output-type stream:stdout display_data --keep-count",
    "--max-size 100 --drop-output-type=stream",
    "--max-size=1k --keep-c",
)
"""What users write behind ``nbstripout`` in Git's configuration."""


def is_same(sample: Sample, ours: bytes, theirs: bytes) -> bool:
    """Return whether both are equal, but for ids that nbformat makes up."""
    return ours == theirs or (sample.ids_are_made and _without_ids(ours) == _without_ids(theirs))


def _without_ids(notebook: bytes) -> str:
    tree = json.loads(notebook)
    for cell in tree["cells"]:
        cell.pop("id", None)
    return json.dumps(tree)


def test_notebooks_of_every_kind_are_stripped_as_nbstripout_does(
    tmp_path: Path, scale: int
) -> None:
    samples = list(make_samples(COUNT * scale))
    theirs = strip_with_nbstripout(tmp_path, [(sample.content, ()) for sample in samples])
    for sample, peer in zip(samples, theirs, strict=True):
        ours = strip(sample.content, StripSettings())
        assert (ours.problem is None) == sample.is_notebook, sample.name
        if peer is not None:
            assert is_same(sample, ours.notebook, peer), sample.name
        elif not sample.is_notebook:
            assert ours.notebook == sample.content
        again = strip(ours.notebook, StripSettings())
        assert (again.notebook, again.removed) == (ours.notebook, None), sample.name
    assert sum(peer is not None for peer in theirs) >= COUNT * scale * 3 // 4


def test_an_output_of_fifty_megabytes_is_stripped(tmp_path: Path) -> None:
    huge = make_huge(50_000_000)
    ours = strip(huge.content, StripSettings())
    assert [ours.notebook] == strip_with_nbstripout(tmp_path, [(huge.content, ())])
    assert len(ours.notebook) < 1000


def test_bytes_are_those_of_nbstripout_for_edges_too(tmp_path: Path) -> None:
    edges = [*NOTEBOOKS.values(), *NOT_NOTEBOOKS.values()]
    odd: list[Any] = [[], {}, "", "text", [{}], [{"output_type": ""}], [""], None, 3]
    edges += [
        notebook_bytes([code("x", outputs=outputs) | {"cell_type": kind}])
        for outputs in odd
        for kind in ("code", "raw")
    ]
    edges.append(b'{"cells": {}, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}')
    for data, peer in zip(
        edges, strip_with_nbstripout(tmp_path, [(data, ()) for data in edges]), strict=True
    ):
        if peer is not None:
            assert strip(data, StripSettings()).notebook == peer


def test_every_option_does_what_it_does_in_nbstripout(tmp_path: Path, scale: int) -> None:
    samples = list(make_samples(30 * scale, seed=1))
    pairs = [(options, sample) for options in OPTIONS for sample in samples]
    calls = [(sample.content, shlex.split(options)) for options, sample in pairs]
    changed = set()
    for (options, sample), peer in zip(pairs, strip_with_nbstripout(tmp_path, calls), strict=True):
        ours = strip(sample.content, resolve_settings(command=f"nbstripout {options}"))
        again = strip(ours.notebook, resolve_settings(command=f"nbstripout {options}"))
        assert (again.notebook, again.removed) == (ours.notebook, None), (options, sample.name)
        if ours.notebook != strip(sample.content, StripSettings()).notebook:
            changed.add(options)
        if "drop-empty" in options and sample.name.endswith(" 3"):
            continue  # nbstripout drops all code cells of that format, as they have no "source"
        if peer is not None:
            assert is_same(sample, ours.notebook, peer), (options, sample.name)
    assert changed == set(OPTIONS)


def test_of_several_tags_each_drops_its_cells(tmp_path: Path) -> None:
    """nbstripout 0.9.1 drops those of the last only; what it drops for one is what is meant."""
    tags = ("one", "two", "three")
    data = notebook_bytes([code(tag, metadata={"tags": [tag]}) for tag in tags] + [code("none")])
    ours = strip(data, resolve_settings(command="nbstripout --drop-tagged-cells 'one two'"))
    calls = [(data, ["--drop-tagged-cells", tag]) for tag in tags[:2]]
    first, second = map(_cells, strip_with_nbstripout(tmp_path, calls))
    assert _cells(ours.notebook) == [cell for cell in first if cell in second]
    assert [cell["source"] for cell in _cells(ours.notebook)] == [["three"], ["none"]]


def _cells(notebook: bytes | None) -> list[Any]:
    assert notebook is not None
    cells: list[Any] = json.loads(notebook)["cells"]
    return cells


@pytest.mark.parametrize("name", ["plain", "no ids", "old"])
def test_cells_that_are_dropped_come_back_with_the_outputs(name: str) -> None:
    settings = resolve_settings(command="nbstripout --drop-tagged-cells x --drop-empty-cells")
    tree = json.loads(NOTEBOOKS[name])
    cells = tree["cells"] if "cells" in tree else tree["worksheets"][0]["cells"]
    cells.insert(1, cells[0] | {"id": "dropped", "metadata": {"tags": ["x"]}})
    data = (json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=name == "old") + "\n").encode()
    stripped = strip(data, settings)
    assert stripped.removed is not None
    assert stripped.notebook == strip(NOTEBOOKS[name], settings).notebook
    payload = encode_outputs(stripped.removed, HandClock().now())
    assert attach_outputs(stripped.notebook, decode_outputs(payload)) == data
    assert strip(data, settings).notebook == stripped.notebook


@pytest.mark.parametrize("name", ["plain", "no ids"])
def test_another_version_gets_the_outputs_and_the_dropped_cells(name: str) -> None:
    settings = resolve_settings(command="nbstripout --drop-tagged-cells x")
    ran = json.loads(NOTEBOOKS[name])
    bare = json.dumps(ran | {"cells": [*ran["cells"], ran["cells"][0] | {"source": "new"}]})
    version = strip(bare.encode(), settings).notebook
    dropped = [ran["cells"][0] | {"source": f"x{at}", "metadata": {"tags": ["x"]}} for at in (0, 1)]
    if name == "plain":
        dropped = [cell | {"id": cell["source"]} for cell in dropped]
    ran["cells"] = [dropped[0], ran["cells"][0], dropped[1], *ran["cells"][1:]]
    removed = strip(json.dumps(ran).encode(), settings).removed
    assert removed is not None
    run = divide_removed(removed, settings)
    joined = _cells(attach_cells(version, [run], sides=1))
    assert [_bare(cell) for cell in joined[:-1]] == [_bare(cell) for cell in ran["cells"]]
    assert attach_cells(version, [run, run], sides=2) == attach_cells(version, [run], sides=1)
    untagged = divide_removed(removed, resolve_settings())
    assert not untagged.dropped


def _bare(cell: dict[str, Any]) -> tuple[object, object]:
    return "".join(cell["source"]), cell.get("outputs")


@pytest.mark.parametrize(
    "command",
    [
        "",
        "nbstripout",
        '"/usr/bin/python3" -m nbstripout',
        "jq --keep-output",
        "nbstripout 'unfinished",
        "nbstripout --keep-id -t -m jupyter --none-such | cat --keep-output",
        "nbstripout --max-size",
        "nbstripout --max-size x",
        "nbstripout --keep",
        "nbstripout --",
    ],
)
def test_commands_that_ask_for_nothing_have_the_defaults(command: str) -> None:
    assert parse_command(command) == DEFAULTS


def test_options_are_found_however_the_program_is_called() -> None:
    for program in (
        "nbstripout",
        "/opt/my\\ env/bin/nbstripout",
        '"C:/Program Files/Python/python.exe" -m nbstripout',
        "C:/Python/Scripts/nbstripout.exe",
        "env X=1 nbstripout",
    ):
        assert parse_command(f"{program} --keep-output").keep_output, program
