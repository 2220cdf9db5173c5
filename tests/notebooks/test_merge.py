"""Three versions of a notebook merged, with Git's own merge of texts."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import nbformat
import pytest

from jupyter_mlops.commands.notebook_merge import merge_sources
from jupyter_mlops.git.repository import open_repository
from jupyter_mlops.git.text_merge import open_text_merger
from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.notebooks.conflict import find_marked
from jupyter_mlops.notebooks.merge import TEXTS_LIMIT, MergedNotebook, merge_notebooks
from jupyter_mlops.notebooks.merge_cells import MergeTexts
from jupyter_mlops.notebooks.merge_values import Versions
from jupyter_mlops.notebooks.strip import StripSettings, strip
from tests.notebooks.conftest import NOT_NOTEBOOKS, NOTEBOOKS, code, notebook_bytes
from tests.support.notebook_merges import Merge, find_lost, lines_of, make_merge
from tests.support.project import make_project

Cells = list[dict[str, Any]]


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MergeTexts]:
    folder = tmp_path_factory.mktemp("texts")
    repo = open_repository(make_project(folder / "project").root)
    with open_text_merger(repo, folder / "merging") as merger:
        yield partial(merge_sources, merger, 7)


def merge(texts: MergeTexts, base: bytes, ours: bytes, theirs: bytes) -> MergedNotebook:
    """Merge, and look at what holds for every merge."""
    merged = merge_notebooks(Versions(base, ours, theirs), texts)
    check_valid(merged.notebook)
    assert strip(merged.notebook, StripSettings()).notebook == merged.notebook
    assert find_marked(merged.notebook) == list(merged.conflicts)
    return merged


def check_valid(notebook: bytes) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbformat.validate(json.loads(notebook))


def cell(source: str, id: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a code cell that was not run."""
    made = code(source, outputs=[], execution_count=None, **fields)
    return made | {"id": id if id is not None else source.split()[0]}


def markdown(source: str, id: str = "m", **fields: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source, **fields}


def merge_cells(
    texts: MergeTexts, base: Cells, ours: Cells, theirs: Cells
) -> tuple[list[str], MergedNotebook]:
    """Merge notebooks of these cells; return the sources, too."""
    merged = merge(texts, *(notebook_bytes(cells) for cells in (base, ours, theirs)))
    return [source_of(one) for one in cells_of(merged)], merged


def cells_of(merged: MergedNotebook) -> Cells:
    cells: Cells = json.loads(merged.notebook)["cells"]
    return cells


def source_of(one: dict[str, Any]) -> str:
    return "".join(one["source"])


# --- Random merges -------------------------------------------------------------------------------


def test_random_merges(texts: MergeTexts, scale: int) -> None:
    silent = 0
    for seed in range(200 * scale):
        case = make_merge(seed)
        merged = merge(texts, case.base, case.ours, case.theirs)
        lost, back = find_lost(case, lines_of(merged.notebook))
        assert not lost, (seed, lost)
        if not merged.conflicts:
            assert not (case.ids and back), (seed, back)
            silent += 1
        assert not (case.apart and merged.conflicts), (seed, merged.conflicts)
    assert 120 * scale <= silent <= 170 * scale


def test_random_merges_the_other_way_round(texts: MergeTexts, scale: int) -> None:
    """The sides differ in the order of what both have added, and in no line."""
    for seed in range(1, 60 * scale, 2):
        case = make_merge(seed)
        one = merge(texts, case.base, case.ours, case.theirs)
        other = merge(texts, case.base, case.theirs, case.ours)
        assert lines_of(one.notebook) == lines_of(other.notebook), seed


@pytest.mark.parametrize("seed", range(4))
def test_what_one_side_alone_has_changed_is_taken(texts: MergeTexts, seed: int) -> None:
    case = make_merge(seed)
    for base, ours, theirs, expected in (
        (case.base, case.base, case.theirs, case.theirs),
        (case.base, case.ours, case.base, case.ours),
        (case.base, case.ours, case.ours, case.ours),
        (b"", case.ours, case.ours, case.ours),
    ):
        merged = merge(texts, base, ours, theirs)
        assert merged.notebook == expected
        assert merged.conflicts == ()


# --- What merges silently ------------------------------------------------------------------------


A, B, C = cell("a = 1\nb = 2\nc = 3\nd = 4\n", "a"), cell("b = 2", "b"), markdown("# C", "c")


def test_edits_of_different_lines_of_one_cell(texts: MergeTexts) -> None:
    ours, theirs = A["source"][0], A["source"][3]
    assert (ours, theirs) == ("a = 1\n", "d = 4\n")
    base = "".join(A["source"])
    sources, merged = merge_cells(
        texts,
        [A, B],
        [cell(base.replace("a = 1", "a = 10"), "a"), B],
        [cell(base.replace("d = 4", "d = 40\ne = 5"), "a"), B],
    )
    assert sources == ["a = 10\nb = 2\nc = 3\nd = 40\ne = 5\n", "b = 2"]
    assert merged.conflicts == ()


def test_a_last_line_without_an_end_is_a_line_like_others(texts: MergeTexts) -> None:
    base = "one\ntwo\nthree"
    sources, merged = merge_cells(
        texts,
        [markdown(base)],
        [markdown(f"{base}\nfour")],
        [markdown(base.replace("one", "1"))],
    )
    assert (sources, merged.conflicts) == (["1\ntwo\nthree\nfour"], ())


def test_a_cell_moved_by_one_side_and_edited_by_the_other(texts: MergeTexts) -> None:
    edited = cell("b = 3", "b")
    assert merge_cells(texts, [A, B, C], [A, C, B], [A, edited, C])[0][2] == "b = 3"
    assert merge_cells(texts, [A, B, C], [A, edited, C], [A, C, B])[0] == [
        "".join(A["source"]),
        "# C",
        "b = 3",
    ]


def test_both_move_other_cells(texts: MergeTexts) -> None:
    base = [markdown(name, name) for name in "abcdef"]
    a, b, c, d, e, f = base
    sources, merged = merge_cells(texts, base, [b, c, a, d, e, f], [a, b, c, f, d, e])
    assert (sources, merged.conflicts) == (["b", "c", "a", "f", "d", "e"], ())


def test_a_cell_that_both_move_stands_where_ours_has_it(texts: MergeTexts) -> None:
    base = [markdown(name, name) for name in "abcdef"]
    a, b, c, d, e, f = base
    assert merge_cells(texts, base, [b, c, a, d, e, f], [b, c, d, e, f, a])[0] == list("bcadef")


def test_what_is_added_behind_a_cell_that_ours_moves_stays_at_its_place(texts: MergeTexts) -> None:
    a, b, c, d, new = (markdown(name, name) for name in ("a", "b", "c", "d", "new"))
    sources, _ = merge_cells(texts, [a, b, c, d], [a, c, d, b], [a, b, new, c, d])
    assert sources == ["a", "new", "c", "d", "b"]


def test_what_both_add_at_one_place_is_there_ours_first(texts: MergeTexts) -> None:
    mine, others = ([markdown(f"{side}{n}", f"{side}{n}") for n in "12"] for side in ("o", "t"))
    for before, after in (([A], [B]), ([], [B]), ([A], []), ([], [])):
        sources, merged = merge_cells(
            texts, before + after, before + mine + after, before + others + after
        )
        assert sources[len(before) : len(before) + 4] == ["o1", "o2", "t1", "t2"]
        assert merged.conflicts == ()


def test_what_both_add_alike_is_there_once(texts: MergeTexts) -> None:
    ours, theirs = cell("import os", "x1"), cell("import os", "x2")
    assert merge_cells(texts, [A], [ours, A], [theirs, A])[0] == ["import os", "".join(A["source"])]
    assert merge_cells(texts, [A], [ours, A], [A, theirs])[0] == [
        "import os",
        "".join(A["source"]),
        "import os",
    ]


def test_an_id_that_both_use_for_different_things_is_given_once(texts: MergeTexts) -> None:
    _, merged = merge_cells(texts, [A], [A, cell("one", "new")], [A, cell("two", "new")])
    ids = [one["id"] for one in cells_of(merged)]
    assert ids[:2] == ["a", "new"]
    assert len(set(ids)) == 3
    assert merged.conflicts == ()


def test_deleted_cells_stay_away_unless_the_other_side_has_edited_them(texts: MergeTexts) -> None:
    tagged = B | {"metadata": {"tags": ["x"]}}
    for theirs in ([A, B, C], [A, C, B], [A, tagged, C], [A, C]):
        sources, merged = merge_cells(texts, [A, B, C], [A, C], theirs)
        assert (sources, merged.conflicts) == (["".join(A["source"]), "# C"], ())


def test_metadata_merges_by_key_and_tags_as_a_set(texts: MergeTexts) -> None:
    def with_metadata(**metadata: Any) -> Cells:
        return [A | {"metadata": metadata}]

    _, merged = merge_cells(
        texts,
        with_metadata(tags=["x", "y"], own={"a": 1, "b": float("nan")}),
        with_metadata(tags=["x", "y", "o"], own={"a": 2, "b": float("nan")}),
        with_metadata(tags=["t", "y"], own={"a": 1, "c": 3}),
    )
    (one,) = cells_of(merged)
    assert one["metadata"] == {"tags": ["y", "o", "t"], "own": {"a": 2, "c": 3}}
    assert merged.conflicts == ()


def kernel(name: str, title: str = "Python") -> dict[str, str]:
    return {"display_name": title, "language": "python", "name": name}


def test_a_kernel_is_taken_whole_and_what_it_writes_is_no_conflict(texts: MergeTexts) -> None:
    def with_kernel(version: str, **spec: Any) -> bytes:
        return notebook_bytes(
            [A], kernelspec=spec, language_info={"name": "python", "version": version}
        )

    merged = merge(
        texts,
        with_kernel("3.11", **kernel("python3")),
        with_kernel("3.12", **kernel("python3", "Python 3 (ipykernel)")),
        with_kernel("3.13", **kernel("python3", "Python 3.13")),
    )
    metadata = json.loads(merged.notebook)["metadata"]
    assert metadata["kernelspec"] == kernel("python3", "Python 3 (ipykernel)")
    assert metadata["language_info"]["version"] == "3.12"
    assert merged.conflicts == ()
    other = with_kernel("3.11", **kernel("mine"))
    base = with_kernel("3.11", **kernel("python3"))
    taken = json.loads(merge(texts, base, base, other).notebook)["metadata"]
    assert taken["kernelspec"] == kernel("mine")


def test_outputs_that_are_kept_in_git_go_with_their_source(texts: MergeTexts) -> None:
    def ran(source: str, text: str) -> Cells:
        output = {"name": "stdout", "output_type": "stream", "text": [text]}
        made = cell(source, "a", metadata={"tags": ["keep_output"]})
        return [made | {"outputs": [output]}]

    def output_of(*versions: Cells) -> list[str]:
        _, merged = merge_cells(texts, *versions)
        return ["".join(output["text"]) for output in cells_of(merged)[0]["outputs"]]

    old = ran("x\n\n\n\ny", "old")
    assert output_of(old, old, ran("x\n\n\n\ny", "again")) == ["again"]
    assert output_of(old, ran("z\n\n\n\ny", "new"), old) == ["new"]
    assert output_of(old, ran("x\n\n\n\ny", "again"), ran("z\n\n\n\ny", "new")) == ["new"]
    assert output_of(old, ran("z\n\n\n\ny", "o"), ran("x\n\n\n\nz", "t")) == []
    tagged = [old[0] | {"metadata": {"tags": ["keep_output", "x"]}}]
    assert output_of(old, tagged, ran("x\n\n\n\ny", "again")) == ["again"]
    assert output_of(old, [], ran("z", "new")) == output_of(old, ran("z", "new"), []) == []


def without_ids(cells: Cells) -> Cells:
    return [{key: value for key, value in one.items() if key != "id"} for one in cells]


def test_versions_before_ids_merge_and_get_ids_where_one_side_has_them(texts: MergeTexts) -> None:
    base = notebook_bytes(without_ids([A, B]), minor=4)
    ours = notebook_bytes([A, B], minor=5)
    theirs = notebook_bytes(without_ids([A, cell("b = 3"), C]), minor=2)
    merged = merge(texts, base, ours, theirs)
    tree = json.loads(merged.notebook)
    assert [one["id"] for one in tree["cells"]][:2] == ["a", "b"]
    assert [source_of(one) for one in tree["cells"]][1:] == ["b = 3", "# C"]
    assert tree["nbformat_minor"] == 5
    assert merge(texts, base, ours, theirs) == merged
    assert json.loads(merge(texts, base, theirs, ours).notebook)["nbformat_minor"] == 5
    assert json.loads(merge(texts, base, base, theirs).notebook)["nbformat_minor"] == 4


def test_a_cell_without_an_id_that_both_have_written_anew_is_one(texts: MergeTexts) -> None:
    def book(middle: str) -> bytes:
        return notebook_bytes(without_ids([A, cell(middle), C]), minor=4)

    merged = merge(texts, book("old words"), book("mine = 1"), book("else\nwhere"))
    assert len(cells_of(merged)) == 3
    assert [place.index for place in merged.conflicts] == [1]


def test_an_id_that_stands_twice_is_given_once(texts: MergeTexts) -> None:
    double = notebook_bytes([cell("one", "x"), cell("two", "x")])
    longer = notebook_bytes([cell("one", "x"), cell("two", "x"), C])
    assert len(cells_of(merge(texts, double, double, longer))) == 3


# --- Conflicts -----------------------------------------------------------------------------------


def test_lines_that_both_have_changed_stand_between_marks_in_their_cell(texts: MergeTexts) -> None:
    base, mine, others = ("x = 1\ny = 2\nz = 3", "x = 1\ny = 20\nz = 3", "x = 1\ny = 22\nz = 3")
    sources, merged = merge_cells(
        texts, [cell(base, "x"), B], [cell(mine, "x"), B], [cell(others, "x"), B, C]
    )
    assert sources == [
        "x = 1\n<<<<<<< ours\ny = 20\n=======\ny = 22\n>>>>>>> theirs\nz = 3",
        "b = 2",
        "# C",
    ]
    assert merged.conflicts == (CellPlace(0, "x"),)
    one = cells_of(merged)[0]
    assert (one["outputs"], one["execution_count"], one["metadata"]) == ([], None, {})
    assert not find_marked(merged.notebook.replace(b"<<<<<<<", b"<<"))


@pytest.mark.parametrize("deleted", ["ours", "theirs"])
def test_a_cell_that_one_side_deleted_and_the_other_edited(texts: MergeTexts, deleted: str) -> None:
    edited = [A, cell("b = 3", "b"), C]
    sides = ([A, C], edited) if deleted == "ours" else (edited, [A, C])
    sources, merged = merge_cells(texts, [A, B, C], *sides)
    marked = {
        "ours": "<<<<<<< ours: the cell is deleted\n=======\nb = 3\n>>>>>>> theirs",
        "theirs": "<<<<<<< ours\nb = 3\n=======\n>>>>>>> theirs: the cell is deleted",
    }
    assert sources == ["".join(A["source"]), marked[deleted], "# C"]
    assert merged.conflicts == (CellPlace(1, "b"),)


def test_a_cell_that_became_two_kinds(texts: MergeTexts) -> None:
    sources, merged = merge_cells(
        texts,
        [cell("text", "x")],
        [{"cell_type": "raw", "id": "x", "metadata": {}, "source": "raw text"}],
        [markdown("some text", "x", attachments={"a.png": {"image/png": "aGk="}})],
    )
    assert sources == [
        "<<<<<<< ours: raw cell\nraw text\n=======\nsome text\n>>>>>>> theirs: markdown cell"
    ]
    assert cells_of(merged)[0]["attachments"] == {"a.png": {"image/png": "aGk="}}


def test_all_else_is_told_in_a_cell_of_its_own(texts: MergeTexts) -> None:
    def book(kernel_name: str, slide: str, picture: str) -> bytes:
        cells = [
            A | {"metadata": {"slideshow": {"slide_type": slide}}},
            markdown("![](attachment:p.png)", attachments={"p.png": {"image/png": picture}}),
        ]
        return notebook_bytes(cells, kernelspec=kernel(kernel_name))

    merged = merge(
        texts, *(book(*side) for side in (("a", "x", "b"), ("m", "y", "o"), ("t", "z", "t")))
    )
    note, code_cell, text = cells_of(merged)
    assert note["cell_type"] == "raw"
    assert merged.conflicts == (CellPlace(0, note["id"]),)
    told = source_of(note)
    for line in (
        f"notebook, metadata.kernelspec: {json.dumps(kernel('t'))}",
        "cell 1, metadata.slideshow.slide_type: z",
        "cell 2, attachments.p.png: is theirs-p.png",
    ):
        assert f"=======\n{line}\n>>>>>>> theirs" in told
    assert code_cell == json.loads(json.dumps(code_cell | {"source": A["source"]}))
    assert code_cell["metadata"] == {"slideshow": {"slide_type": "y"}}
    assert text["attachments"] == {
        "p.png": {"image/png": "o"},
        "theirs-p.png": {"image/png": "t"},
    }
    assert json.loads(merged.notebook)["metadata"]["kernelspec"]["name"] == "m"


def test_metadata_that_one_side_deleted_and_the_other_changed_is_kept(texts: MergeTexts) -> None:
    base, kept = (notebook_bytes([A], own=value) for value in (1, 2))
    for sides in ((notebook_bytes([A]), kept), (kept, notebook_bytes([A]))):
        merged = merge(texts, base, *sides)
        assert json.loads(merged.notebook)["metadata"] == {"own": 2}
        told = source_of(cells_of(merged)[0])
        assert "notebook, metadata.own: is deleted" in told
        assert "notebook, metadata.own: 2" in told


def test_marks_are_as_long_as_git_asks_for(texts: MergeTexts) -> None:
    versions = Versions(
        *(notebook_bytes(cells) for cells in ([A, B], [A], [A, cell("b = 3", "b")]))
    )
    merged = merge_notebooks(versions, texts, mark_bytes=9)
    assert "\n=========\n" in source_of(cells_of(merged)[1])
    assert find_marked(merged.notebook) == list(merged.conflicts)


def test_a_conflict_within_the_ancestor_is_not_decided_by_chance(texts: MergeTexts) -> None:
    """Merges that crossed have a common ancestor with marks in it."""
    open_one = "<<<<<<<<< ours\no\n=========\nt\n>>>>>>>>> theirs"
    _, merged = merge_cells(texts, [cell(open_one, "x")], [cell("o", "x")], [cell("t", "x")])
    assert merged.conflicts == (CellPlace(0, "x"),)


@pytest.mark.parametrize(
    "source", ["a\0b", "\ud83d", "a\r\nb\u2028c\x85d\re", "\n\n", "é" * 9999, "\f"]
)
def test_odd_texts_are_kept(texts: MergeTexts, source: str) -> None:
    versions = [notebook_bytes([cell(text, "x")]) for text in ("x", "HERE1", "HERE2")]
    escaped = json.dumps(source)[1:-1].encode()
    merged = merge(texts, *(version.replace(b"HERE", escaped) for version in versions))
    last = source.rsplit("\n", 1)[-1]
    whole = source_of(cells_of(merged)[0])
    assert f"{last}1\n" in whole
    assert f"{last}2\n" in whole
    assert whole.startswith(source.rpartition("\n")[0])


# --- What is not merged --------------------------------------------------------------------------


@pytest.mark.parametrize("side", range(3))
@pytest.mark.parametrize("name", sorted({*NOT_NOTEBOOKS, "old"} - {"contradiction", "no outputs"}))
def test_what_is_no_notebook_of_version_4_is_refused_with_the_reason(
    texts: MergeTexts, name: str, side: int
) -> None:
    versions = [notebook_bytes([A]), notebook_bytes([A, B]), notebook_bytes([A, C])]
    versions[side] = {**NOTEBOOKS, **NOT_NOTEBOOKS}[name]
    with pytest.raises(ValueError, match=r"^(is|has|comes)\b"):
        merge_notebooks(Versions(*versions), texts)


def test_too_many_cells_that_both_have_changed_are_refused() -> None:
    def book(text: str) -> bytes:
        return notebook_bytes([cell(text, f"c{n}") for n in range(TEXTS_LIMIT + 1)])

    def never(texts: Sequence[Versions[str]]) -> Any:
        raise AssertionError(len(texts))

    with pytest.raises(ValueError, match="has more than 1000 cells"):
        merge_notebooks(Versions(book("a"), book("b"), book("c")), never)


def test_the_random_merges_hold_what_they_say() -> None:
    """Lines that go missing or come back are seen, so that a merge that loses some is."""
    case = next(case for case in map(make_merge, range(1, 99, 2)) if case.ids)
    lost, back = find_lost(case, lines_of(case.base))
    assert lost or back
    assert find_lost(Merge(case.base, case.ours, case.ours, True, True), lines_of(case.ours)) == (
        set(),
        set(),
    )
