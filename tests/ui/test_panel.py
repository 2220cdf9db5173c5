from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.lab import Lab, OpenNotebook, open_path, write_notebook
from tests.support.panel import Panel, is_panel_request, open_panel
from tests.support.project import Project, make_project

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HTML = "<img src=x onerror=alert(1)>"
LOAD = "%load_ext jupyter_mlops\nimport jupyter_mlops as mlops"


@pytest.fixture
def measured(project: Project) -> Project:
    """A project with tracked data, one snapshot of it, and a metric on two branches."""
    project.write("data/train.csv", "a,b\n1,2\n")
    assert project.mlops("snapshot", "data", "-m", "The first rows").returncode == 0
    for branch, values in (("main", (0.6, 0.7)), ("idea", (0.75,))):
        project.git("switch", "-q", *(() if branch == "main" else ("-c",)), branch)
        for value in values:
            numbers = {"accuracy": value, "loss": round(1 - value, 2)}
            project.write("metrics/train.json", json.dumps(numbers))
            project.commit(f"Accuracy {value}")
    project.git("switch", "-q", "main")
    return project


def open_beside(page: Page, lab: Lab, project: Project, *cells: str) -> Panel:
    """Open a notebook with ``cells`` in the project, and the panel beside it."""
    notebook = write_notebook(project, "train.ipynb", cells or ("1 + 1",))
    return open_panel(page, lab, notebook, project.root.name)


def snapshots_of(project: Project) -> list[dict[str, Any]]:
    """Return the snapshots of a project, the newest first."""
    listed: dict[str, list[dict[str, Any]]] = json.loads(project.mlops("log", "--json").stdout)
    return listed["snapshots"]


def test_history_is_read_by_keys_by_branch_and_as_a_table(
    lab: Lab, measured: Project, page: Page
) -> None:
    panel = open_beside(page, lab, measured)
    panel.wait_drawn()
    assert panel.branches() == ["main", "idea"]
    assert panel.metrics() == ["accuracy", "loss"]
    assert "0.75" in panel.readout()
    panel.root.locator(".jp-Mlops-plot").focus()
    page.keyboard.press("Home")
    assert panel.readout().startswith("0.6\n")
    page.keyboard.press("ArrowRight")
    assert "0.7 ▲ +0.1 better" in panel.readout()
    assert "Accuracy 0.7" in panel.readout()
    assert [row[1] for row in panel.rows()] == ["0.6", "0.7", "0.75"]
    panel.root.locator(".jp-Mlops-chip").nth(1).click()
    assert [row[1] for row in panel.rows()] == ["0.6", "0.7"]
    panel.choose_metric("loss")
    assert [row[1] for row in panel.rows()] == ["0.4", "0.3"]


def test_metrics_stand_above_each_other_and_tags_are_told(
    lab: Lab, measured: Project, page: Page
) -> None:
    measured.git("tag", "v1", "idea")
    panel = open_beside(page, lab, measured)
    panel.wait_drawn()
    panel.root.get_by_label("Add a metric").click()
    panel.wait_metric_drawn("accuracy, loss")
    assert "accuracy 0.75 ▲ +0.05 better\nloss 0.25 ▼ −0.05 better" in panel.readout()
    assert "⚑ v1" in panel.readout()
    assert panel.rows()[-1][:5] == [
        f"{measured.git('rev-parse', '--short=7', 'v1').strip()} ⚑ v1",
        "0.75",
        "▲ +0.05",
        "0.25",
        "▼ −0.05",
    ]
    panel.root.get_by_label("Remove loss").click()
    panel.wait_metric_drawn("accuracy")
    assert panel.readout().startswith("0.75 ")


def test_the_mouse_reads_the_chart(lab: Lab, measured: Project, page: Page) -> None:
    panel = open_beside(page, lab, measured)
    panel.wait_drawn()
    box = panel.root.locator(".jp-Mlops-plot").bounding_box()
    assert box is not None
    for x in (62, 64):
        page.mouse.move(box["x"] + x, box["y"] + 190)
    panel.wait_readout("0.6\n")


def test_what_the_user_chose_is_there_again_after_a_reload(
    lab: Lab, measured: Project, page: Page
) -> None:
    panel = open_beside(page, lab, measured)
    panel.wait_drawn()
    panel.choose_metric("loss")
    with page.expect_request(_saves_the_view):
        panel.section("snapshots").get_by_role("button", name="Snapshots").click()
    page.goto(page.url.split("?")[0])
    again = Panel(page)
    again.wait_drawn()
    assert again.metric() == "loss"
    assert again.snapshots() == []


def _saves_the_view(request: Any) -> bool:
    sent = request.post_data or ""
    return request.method == "PUT" and "train.json:loss" in sent and '["snapshots"]' in sent


def test_a_cell_that_logs_and_snapshots_shows_without_being_asked_for(
    lab: Lab, measured: Project, page: Page
) -> None:
    cell = "mlops.log(accuracy=0.9)\n%snapshot -m 'better by far' --name best"
    panel = open_beside(page, lab, measured, LOAD, cell)
    panel.wait_drawn()
    before = len(panel.rows())
    OpenNotebook(page).run_all()
    panel.root.get_by_text("better by far").first.wait_for()
    panel.wait_rows(before + 1)
    assert panel.snapshots()[0] == "best"


def test_restoring_shows_a_plan_and_brings_the_bytes_back(
    lab: Lab, measured: Project, page: Page
) -> None:
    (first,) = snapshots_of(measured)
    measured.write("data/train.csv", "spoilt")
    measured.write("data/more.csv", "more")
    panel = open_beside(page, lab, measured)
    panel.wait_read()
    assert panel.states() == {"data": "changed since it was kept (~1 +1)"}
    panel.open_snapshot(first["id"]).get_by_role("button", name="Restore…").click()
    plan = panel.root.locator(".jp-Mlops-plan")
    plan.wait_for()
    assert "1 file written (8 B), 1 deleted" in plan.inner_text()
    assert measured.read("data/train.csv") == b"spoilt"
    plan.get_by_role("button", name="Restore", exact=True).click()
    panel.root.get_by_text("What was overwritten is kept as snapshot").wait_for()
    assert measured.read("data/train.csv") == b"a,b\n1,2\n"
    assert not (measured.root / "data/more.csv").exists()
    panel.root.locator(".jp-Mlops-one.jp-mod-clean").wait_for()
    panel.button("Undo").click()
    panel.root.get_by_text("Took back: restore").wait_for()
    assert measured.read("data/train.csv") == b"spoilt"
    assert measured.read("data/more.csv") == b"more"


def test_what_somebody_else_did_is_not_undone(lab: Lab, measured: Project, page: Page) -> None:
    panel = open_beside(page, lab, measured)
    panel.button("Snapshot").click()
    panel.button("Undo").wait_for()
    page.wait_for_function("(began) => Date.now() - began > 2000", arg=page.evaluate("Date.now()"))
    assert measured.mlops("snapshot", "-m", "By a colleague").returncode == 0
    panel.root.get_by_text("By a colleague").first.wait_for()
    panel.button("Undo").wait_for(state="detached")


def test_a_restore_shows_in_open_documents_without_edits_and_spares_the_others(
    lab: Lab, project: Project, page: Page
) -> None:
    project.write("notes/clean.txt", "kept")
    project.write("notes/edited.txt", "kept too")
    assert project.mlops("snapshot", "notes").returncode == 0
    (first,) = snapshots_of(project)
    project.write("notes/clean.txt", "later")
    project.write("notes/edited.txt", "later too")
    panel = open_panel(page, lab, project.root / "notes/clean.txt", project.root.name)
    page.locator(".jp-FileEditor").get_by_text("later", exact=True).wait_for()
    open_path(page, lab, project.root / "notes/edited.txt")
    page.locator(".jp-FileEditor .cm-line").get_by_text("later too").click()
    page.keyboard.type("mine ")
    panel.toggle()
    panel.open_snapshot(first["id"]).get_by_role("button", name="Restore…").click()
    panel.button("Restore").click()
    panel.root.get_by_text("Wrote 2 files").wait_for()
    assert project.read("notes/edited.txt") == b"kept too"
    assert "mine" in page.locator(".jp-FileEditor:visible").inner_text()
    page.locator(".lm-TabBar-tabLabel").get_by_text("clean.txt").click()
    page.locator(".jp-FileEditor:visible").get_by_text("kept", exact=True).wait_for()


def test_a_plan_is_carried_out_where_it_was_made(
    lab: Lab, measured: Project, page: Page, request: pytest.FixtureRequest
) -> None:
    other = make_project(lab.root / f"{request.node.name}-other")
    assert other.mlops("init").returncode == 0
    other.write("data/x.txt", "kept")
    other.write("notes.txt", "notes")
    assert other.mlops("snapshot", "data").returncode == 0
    other.write("data/x.txt", "precious")
    (first,) = snapshots_of(measured)
    measured.write("data/train.csv", "spoilt")
    panel = open_beside(page, lab, measured)
    panel.open_snapshot(first["id"]).get_by_role("button", name="Restore…").click()
    plan = panel.root.locator(".jp-Mlops-plan")
    plan.wait_for()
    open_path(page, lab, other.root / "notes.txt")
    panel.toggle()
    panel.root.locator(".jp-Mlops-project").get_by_text(other.root.name).wait_for()
    panel.wait_read()
    assert plan.count() == 0
    page.locator(".lm-DockPanel .lm-TabBar-tabLabel").get_by_text("train.ipynb").click()
    plan.get_by_role("button", name="Restore", exact=True).click()
    panel.root.get_by_text("What was overwritten is kept").wait_for()
    assert measured.read("data/train.csv") == b"a,b\n1,2\n"
    assert other.read("data/x.txt") == b"precious"


def test_two_snapshots_are_compared_and_one_gets_a_name(
    lab: Lab, measured: Project, page: Page
) -> None:
    measured.write("data/more.csv", "c\n")
    measured.write("metrics/train.json", '{"accuracy": 0.8, "loss": 0.3}')
    measured.write("params/train.json", '{"depth": 4}')
    assert measured.mlops("snapshot", "-m", "Deeper").returncode == 0
    panel = open_beside(page, lab, measured)
    panel.wait_drawn()
    for box in panel.section("snapshots").get_by_role("checkbox").all():
        box.check()
    panel.button("Compare the two").click()
    card = panel.root.locator(".jp-Mlops-comparison")
    card.wait_for()
    told = " ".join(card.inner_text().split())
    newest, oldest = snapshots_of(measured)
    assert told.startswith(f"{oldest['id']} → {newest['id']} accuracy – → 0.8")
    assert "depth – → 4" in told
    assert "+ data/more.csv" in told
    row = panel.open_snapshot(newest["id"])
    row.get_by_role("button", name="Name…").click()
    row.get_by_label("Name of the snapshot").fill("deeper")
    page.keyboard.press("Enter")
    panel.root.locator(".jp-Mlops-called").get_by_text("deeper", exact=True).wait_for()
    assert snapshots_of(measured)[0]["name"] == "deeper"


def test_the_panel_takes_a_snapshot_with_the_notebooks_unsaved_edits(
    lab: Lab, measured: Project, page: Page
) -> None:
    panel = open_beside(page, lab, measured, "x = 1")
    panel.wait_read()
    page.locator(".jp-Notebook .cm-line").first.click()
    page.keyboard.type("23")
    measured.write("data/train.csv", "a,b\n3,4\n")
    panel.section("data").get_by_label("Why this state is worth keeping").fill("By hand")
    panel.button("Snapshot").click()
    panel.root.get_by_text("By hand").first.wait_for()
    newest = snapshots_of(measured)[0]
    kept = measured.git("show", f"refs/mlops/snapshots/{newest['id']}:train.ipynb")
    assert "x = 123" in "".join(json.loads(kept)["cells"][0]["source"])
    panel.root.locator(".jp-Mlops-one.jp-mod-clean").wait_for()


def test_names_like_html_are_shown_as_text(lab: Lab, project: Project, page: Page) -> None:
    project.write(f"{HTML}.csv", "a\n")
    project.write("metrics/<b>run.json", json.dumps({HTML: 0.5}))
    project.git("switch", "-q", "-c", "<script>alert(1)</script>")
    project.commit(HTML, "metrics")
    done = project.mlops("snapshot", f"{HTML}.csv", "-m", HTML)
    assert done.returncode == 0, done.stderr
    panel = open_beside(page, lab, project)
    panel.wait_drawn()
    assert panel.branches() == ["<script>alert(1)</script>"]
    assert panel.metrics() == [HTML]
    assert HTML in panel.readout()
    assert panel.rows()[0][4] == HTML
    assert list(panel.states()) == [f"{HTML}.csv"]
    panel.root.locator(".jp-Mlops-message").get_by_text(HTML).wait_for()
    assert panel.root.locator("img, script, b:has-text('run')").count() == 0


def test_a_folder_without_git_and_a_repository_without_a_project_say_what_to_do(
    lab: Lab, page: Page, request: pytest.FixtureRequest
) -> None:
    folder = lab.root / request.node.name
    folder.mkdir()
    notebook = write_notebook(Project(folder), "train.ipynb", ("1 + 1",))
    panel = open_panel(page, lab, notebook, None)
    panel.root.locator('[data-code="not-a-git-project"]').wait_for()
    assert "git init" in panel.root.inner_text()
    make_project(folder)
    panel.root.locator('[data-code="no-mlops-toml"]').wait_for()
    panel.button("Make it a project").click()
    panel.button("Insert an example cell").wait_for()
    assert (folder / "mlops.toml").exists()
    panel.button("Insert an example cell").click()
    opened = OpenNotebook(page)
    assert "mlops.log(accuracy=0.9)" in opened.cell(1).inner_text()
    opened.run_all()
    assert "Get it back" in opened.output(1).inner_text()
    panel.wait_drawn()
    assert panel.readout().startswith("0.9\n")


def test_unborn_and_detached_heads_are_told(lab: Lab, project: Project, page: Page) -> None:
    project.git("switch", "-q", "--detach")
    panel = open_beside(page, lab, project)
    head = panel.root.locator(".jp-Mlops-head")
    assert f"detached at {project.head()[:7]}" in head.inner_text()
    project.git("checkout", "-q", "--orphan", "new")
    head.get_by_text("no commit yet").wait_for()


def test_a_hidden_panel_asks_for_nothing_for_an_hour(
    lab: Lab, measured: Project, page: Page
) -> None:
    page.clock.install()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if is_panel_request(one.url) else None)
    panel = open_beside(page, lab, measured, LOAD)
    panel.wait_drawn()
    with page.expect_request(lambda one: "/watch?at=" in one.url):
        page.clock.run_for("01:00")
    with page.expect_response(lambda one: one.request.method == "DELETE" and "/watch" in one.url):
        panel.toggle()
    notebook = OpenNotebook(page)
    notebook.run_all()
    notebook.save()
    asked.clear()
    page.clock.run_for("01:00:00")
    measured.write("metrics/train.json", '{"accuracy": 0.99}')
    measured.commit("While nobody looks")
    page.clock.run_for("10:00")
    assert asked == []
    panel.toggle()
    panel.root.get_by_text("While nobody looks").first.wait_for()


def test_while_the_server_is_away_nothing_that_was_typed_is_lost(
    lab: Lab, measured: Project, page: Page, expected_errors: list[str]
) -> None:
    page.clock.install()
    panel = open_beside(page, lab, measured)
    panel.wait_drawn()
    reason = panel.section("data").get_by_label("Why this state is worth keeping")
    reason.fill("A long reason")
    expected_errors.append("/mlops/api/v1/")
    page.route("**/mlops/api/v1/**", lambda route: route.abort())
    page.clock.run_for("00:30")
    panel.root.get_by_text("The Jupyter server does not answer.").wait_for()
    assert reason.input_value() == "A long reason"
    page.unroute("**/mlops/api/v1/**")
    page.clock.run_for("00:15")
    panel.root.get_by_text("does not answer").wait_for(state="detached")
    assert reason.input_value() == "A long reason"


def test_drawing_again_leaves_nothing_behind(lab: Lab, measured: Project, page: Page) -> None:
    panel = open_beside(page, lab, measured)
    panel.wait_drawn()
    for label in ("loss", "accuracy", "loss"):
        panel.choose_metric(label)
        panel.wait_metric_drawn(label)
    assert page.evaluate("window.Bokeh.documents.length") == 1
    assert panel.root.locator(".jp-Mlops-plot").count() == 1


def test_paths_are_those_of_the_project_wherever_the_notebook_lies(
    lab: Lab, project: Project, page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("/mlops/api/v1/snapshot")
    project.write("model.bin", "weights")
    notebook = write_notebook(project, "notebooks/train.ipynb", ("1 + 1",))
    panel = open_panel(page, lab, notebook, project.root.name)
    panel.section("data").get_by_label("Path to keep").fill("no such file")
    page.keyboard.press("Enter")
    panel.root.get_by_text("There is no file or folder no such file").wait_for()
    expected = panel.section("data").get_by_label("Path to keep")
    assert expected.input_value() == "no such file"
    expected.fill("model.bin")
    page.keyboard.press("Enter")
    panel.root.get_by_text("Kept 1 file").wait_for()
    assert panel.states() == {"model.bin": "kept"}


def test_a_server_without_our_side_is_named(
    lab: Lab, measured: Project, page: Page, expected_errors: list[str]
) -> None:
    expected_errors.append("/mlops/api/v1/")
    page.route("**/mlops/api/v1/**", lambda route: route.fulfill(status=404, body="Not Found"))
    notebook = write_notebook(measured, "train.ipynb", ("1 + 1",))
    panel = open_panel(page, lab, notebook, None)
    panel.root.locator('[data-code="server-side-missing"]').wait_for()
    assert "jupyter server extension enable jupyter_mlops" in panel.root.inner_text()
    page.unroute("**/mlops/api/v1/**")
    panel.button("Try again").click()
    panel.wait_drawn()


def test_a_long_command_tells_how_far_it_is_and_can_be_stopped(
    lab: Lab, measured: Project, page: Page
) -> None:
    with (measured.root / "data/big.bin").open("wb") as file:
        file.truncate(4 * 1024**3)
    before = snapshots_of(measured)
    panel = open_beside(page, lab, measured)
    panel.button("Snapshot").click()
    card = panel.root.locator(".jp-Mlops-card")
    card.locator("progress").wait_for()
    card.get_by_text("/ 4.0 GiB").wait_for()
    panel.button("Stop").click()
    panel.root.get_by_text("Stopped. Nothing is lost").wait_for()
    assert snapshots_of(measured) == before
    panel.button("Close").click()
    assert card.count() == 0


def test_the_file_browser_keeps_what_is_selected_and_the_palette_opens_the_panel(
    lab: Lab, project: Project, page: Page
) -> None:
    project.write("models/best model.bin", "weights")
    panel = open_beside(page, lab, project)
    page.locator('.lm-TabBar-tab[data-id="filebrowser"]').click()
    page.locator(".jp-DirListing-item").get_by_text("models").click(button="right")
    page.locator(".lm-Menu-itemLabel").get_by_text("Keep in a Snapshot", exact=True).click()
    panel.root.get_by_text("Kept 1 file").wait_for()
    assert panel.states() == {"models": "kept"}
    assert snapshots_of(project)[0]["paths"] == ["models"]
    panel.toggle()
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input").fill("Show MLOps Panel")
    page.keyboard.press("Enter")
    panel.section("data").wait_for()
