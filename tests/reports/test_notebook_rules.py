from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.notebooks.canonical import CellPlace
from jupyter_mlops.reports.findings import Finding
from jupyter_mlops.reports.notebook_rules import (
    Counts,
    check_marks,
    check_order,
    check_outputs,
    find_failed_cell,
    find_failed_run,
    find_invalid,
    find_outdated,
)


def counted(*counts: int) -> Counts:
    return [(CellPlace(index, f"id{index}"), count) for index, count in enumerate(counts)]


def places(*indexes: int) -> list[CellPlace]:
    return [CellPlace(index, None) for index in indexes]


class TestOutputsInGit:
    def test_a_stripped_notebook_is_fine(self) -> None:
        assert check_outputs("a.ipynb", "index", [], has_attribute=True) == []

    def test_the_first_cell_is_named_and_all_are_told(self) -> None:
        (found,) = check_outputs("a.ipynb", "index", places(1, 4, 5), has_attribute=True)
        assert (found.rule, found.severity) == ("outputs-in-git", "error")
        assert found.why == "cells 2, 5 and 6 carry outputs or counts in Git's index."
        assert found.cell == CellPlace(1, None)
        assert found.fix == "jupyter mlops init && git add --renormalize -- a.ipynb"

    def test_one_cell_has_its_id(self) -> None:
        (found,) = check_outputs("a", "HEAD", [CellPlace(0, "x")], has_attribute=True)
        assert found.why == "cell 1 (x) carries outputs or counts in HEAD."

    def test_many_cells_are_counted(self) -> None:
        (found,) = check_outputs("a", "index", places(*range(20)), has_attribute=True)
        assert found.why.startswith("cells 1, 2, 3, 4, 5, 6 and 14 more carry ")

    def test_without_the_attribute_the_file_itself_is_stripped(self) -> None:
        (found,) = check_outputs("my a.ipynb", "index", places(0), has_attribute=False)
        assert found.fix == "jupyter mlops strip 'my a.ipynb' && git add -- 'my a.ipynb'"

    @pytest.mark.parametrize(
        ("has_attribute", "fix"), [(True, "jupyter mlops init"), (False, "jupyter mlops strip a")]
    )
    def test_what_git_does_not_know_yet_is_not_added(self, has_attribute: bool, fix: str) -> None:
        (found,) = check_outputs("a", "untracked", places(0), has_attribute=has_attribute)
        assert "as `git add` would take it" in found.why
        assert found.fix == fix


class TestMarks:
    def test_cells_that_nobody_has_decided_on_are_told(self) -> None:
        assert check_marks("a.ipynb", []) == []
        (found,) = check_marks("my a.ipynb", [CellPlace(1, "x")])
        assert (found.rule, found.severity) == ("conflict-marks", "error")
        assert found.why == "Marks of a merge conflict stand in cell 2 (x)."
        assert (found.cell, found.fix) == (CellPlace(1, "x"), "jupyter lab 'my a.ipynb'")


class TestOrder:
    @given(st.integers(0, 30))
    def test_a_fresh_run_is_in_order(self, cells: int) -> None:
        assert check_order("a.ipynb", counted(*range(1, cells + 1))) == []

    @given(st.lists(st.integers(1, 20), min_size=1, max_size=8))
    def test_anything_else_is_found_once(self, counts: list[int]) -> None:
        rules = [found.rule for found in check_order("a.ipynb", counted(*counts))]
        if counts == list(range(1, len(counts) + 1)):
            assert rules == []
        elif counts == sorted(set(counts)):
            assert rules == ["executed-with-gaps"]
        else:
            assert rules == ["executed-out-of-order"]

    def test_both_cells_are_named(self) -> None:
        (found,) = check_order("my a.ipynb", counted(1, 4, 2, 3))
        assert found.why == "cell 3 (id2) ran as [2], cell 2 (id1) above it as [4]."
        assert found.cell == CellPlace(2, "id2")
        assert found.severity == "warning"
        assert found.fix == ("jupyter nbconvert --to notebook --execute --inplace 'my a.ipynb'")

    def test_further_cells_are_counted(self) -> None:
        (found,) = check_order("a.ipynb", counted(5, 4, 3, 2))
        assert found.why.endswith("above it as [5]; 2 more cells likewise.")

    def test_the_same_count_twice_is_of_two_kernels(self) -> None:
        (found,) = check_order("a.ipynb", counted(1, 1))
        assert found.rule == "executed-out-of-order"

    def test_a_jump_is_named_and_all_lost_runs_are_counted(self) -> None:
        (found,) = check_order("a.ipynb", counted(1, 4, 5, 7))
        assert found.rule == "executed-with-gaps"
        assert found.why == (
            "counts jump from [1] to [4] at cell 2 (id1); 3 runs in all of cells that were run"
            " again or deleted."
        )

    def test_a_late_start_is_a_gap(self) -> None:
        (found,) = check_order("a.ipynb", counted(3, 4))
        assert found.why.startswith("counts start with [3] at cell 1 (id0); 2 runs of cells")


class TestInvalid:
    def test_it_says_which_and_why(self) -> None:
        found = find_invalid("my a.ipynb", "is not JSON")
        assert (found.rule, found.notebook) == ("notebook-invalid", "my a.ipynb")
        assert found.why == "my a.ipynb is not JSON."
        assert found.fix == "git log --oneline -- 'my a.ipynb'"

    def test_an_old_format_is_upgraded_by_nbconvert(self) -> None:
        found = find_outdated("a.ipynb", 3)
        assert "nbformat 3" in found.why
        assert found.fix == "jupyter nbconvert --to notebook --inplace a.ipynb"


class TestFailed:
    def test_a_cell_is_told_with_its_exception(self) -> None:
        found = find_failed_cell("a.ipynb", CellPlace(2, "x"), "ValueError", "no such thing.\nmore")
        assert found.rule == "cell-failed"
        assert found.why == "cell 3 (x) raised ValueError: no such thing."
        assert found.cell == CellPlace(2, "x")

    def test_a_message_may_be_missing(self) -> None:
        found = find_failed_cell("a.ipynb", CellPlace(0, None), "KeyboardInterrupt", " \n")
        assert found.why == "cell 1 raised KeyboardInterrupt."

    def test_a_hostile_message_is_cut_and_made_visible(self) -> None:
        found = find_failed_cell("a.ipynb", CellPlace(0, None), "E", "\x1b[2J" + "x" * 10_000)
        assert "\x1b" not in found.why
        assert len(found.why) < 250

    def test_a_run_that_ended_names_the_cell_under_way(self) -> None:
        found = find_failed_run("a.ipynb", "DeadKernelError: Kernel died", cell=CellPlace(1, None))
        assert found.why == "The run ended in cell 2: DeadKernelError: Kernel died."

    def test_a_run_that_never_began(self) -> None:
        found = find_failed_run("a.ipynb", "there is no kernel", fix="jupyter kernelspec list")
        expected = "The notebook could not be run: there is no kernel."
        assert found == Finding(
            "run-failed", "error", expected, "jupyter kernelspec list", "a.ipynb"
        )
