from __future__ import annotations

from jupyter_mlops.reports.pointers import BrokenPointer, LackingContent, check_pointers


def test_no_pointers_no_findings() -> None:
    assert check_pointers([]) == []


def test_a_pointer_that_is_not_valid_keeps_its_words() -> None:
    (found,) = check_pointers([BrokenPointer("data", "It is not valid.", "git checkout HEAD")])
    assert (found.rule, found.severity, found.notebook) == ("pointer-unresolvable", "error", None)
    assert (found.subject, found.why, found.fix) == (
        "data",
        "It is not valid.",
        "git checkout HEAD",
    )


def test_lacking_content_is_counted() -> None:
    (found,) = check_pointers([LackingContent("data", 3, 2048, is_here=False)])
    assert found.why == "The store lacks 3 files (2.0 KiB) of data."
    assert found.fix == "jupyter mlops pull data"


def test_what_is_on_disk_can_be_kept_again() -> None:
    (found,) = check_pointers([LackingContent("my data", 1, 1, is_here=True)])
    assert found.fix == "jupyter mlops snapshot 'my data'"


def test_a_lacking_manifest_has_no_counts() -> None:
    (found,) = check_pointers([LackingContent("data", None, None, is_here=False)])
    assert found.why == "The store lacks the list of files of data."
