from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.lab import Lab, OpenNotebook, open_notebook, write_notebook
from tests.support.project import Project

if TYPE_CHECKING:
    from playwright.sync_api import Page, Response

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOAD = "%load_ext jupyter_mlops"


@pytest.fixture
def notebook(lab: Lab, project: Project, page: Page) -> OpenNotebook:
    """An open notebook with three cells, of which the second takes a snapshot."""
    project.write("model.bin", "model")
    cells = (LOAD, "s = %snapshot model.bin\nprint(s.id, s.notebook)", "x = 1")
    return open_notebook(page, lab, write_notebook(project, "first.ipynb", cells))


def kept_notebooks(project: Project, snapshot: str) -> dict[str, list[str]]:
    """Return the notebooks that a snapshot holds, as the sources of their cells."""
    ref = f"refs/mlops/snapshots/{snapshot}"
    names = project.git("ls-tree", "--name-only", ref, "--", "first.ipynb", "renamed.ipynb")
    return {
        name: [
            "".join(cell["source"])
            for cell in json.loads(project.git("show", f"{ref}:{name}"))["cells"]
        ]
        for name in names.split()
    }


def newest(project: Project) -> str:
    """Return the id of the newest snapshot."""
    listed = json.loads(project.mlops("log", "--json").stdout)["snapshots"]
    return str(listed[0]["id"])


def test_a_renamed_notebook_with_unsaved_edits_is_kept_as_it_is_on_the_screen(
    lab: Lab, project: Project, page: Page, notebook: OpenNotebook
) -> None:
    notebook.run_all()
    assert "saved=True" in notebook.output(1).inner_text()
    notebook.rename("renamed.ipynb")
    notebook.cell(2).locator(".cm-line").click()
    page.keyboard.press("End")
    page.keyboard.type("23  # not saved yet")
    assert (project.root / "renamed.ipynb").read_text().count("not saved yet") == 0
    notebook.run_cell(1)
    kept = kept_notebooks(project, newest(project))
    assert list(kept) == ["renamed.ipynb"]
    assert kept["renamed.ipynb"][2] == "x = 123  # not saved yet"
    record = json.loads(
        project.git("show", f"refs/mlops/snapshots/{newest(project)}:.mlops/snapshot.json")
    )
    assert record["notebook"] == "renamed.ipynb"


def test_a_second_view_that_is_closed_leaves_the_first_to_save(
    project: Project, page: Page, notebook: OpenNotebook
) -> None:
    notebook.run_all()
    notebook.save()
    with page.expect_response(_announces):
        notebook.open_second_view()
    with page.expect_response(_announces):
        notebook.close()
    notebook.cell(2).locator(".cm-line").click()
    page.keyboard.press("End")
    page.keyboard.type("23")
    notebook.run_cell(1)
    assert kept_notebooks(project, newest(project))["first.ipynb"][2] == "x = 123"


def _announces(response: Response) -> bool:
    return response.request.method == "PUT" and "/clients/" in response.url


def test_a_notebook_that_was_closed_is_waited_for_no_more(
    lab: Lab, project: Project, page: Page, notebook: OpenNotebook
) -> None:
    notebook.run_all()
    first = newest(project)
    notebook.save()
    with page.expect_response(
        lambda one: one.request.method == "DELETE" and "/clients/" in one.url
    ):
        notebook.close()
    assert kept_notebooks(project, first)["first.ipynb"][2] == "x = 1"
