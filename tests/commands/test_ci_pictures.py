"""Comments with images, and those of which not all fits: the commands, in a job of GitHub."""

from __future__ import annotations

import base64
import json
import re

import pytest

from jupyter_mlops.commands.report import report
from jupyter_mlops.commands.report_composed import ReportResult
from jupyter_mlops.commands.workspace import open_here
from jupyter_mlops.forge.pictures import PICTURES_LIMIT
from tests.support.ci_job import Job
from tests.support.forges.site import OWN
from tests.support.images import make_png

_LIMIT = 60_000
_URL = re.compile(r"!\[[^\]]*\]\((\S+?)\?raw=true\)")


def _report(job: Job) -> ReportResult:
    return report(open_here(job.clone.root), base="origin/main", post=True)


def _body(job: Job) -> str:
    """Return the one comment, whose images are all there, and none of whose parts is cut."""
    [body] = job.site.written(7, OWN)
    assert len(body) <= _LIMIT
    assert body.count("<details>") == body.count("</details>")
    assert len(re.findall(r"(?m)^```", body)) % 2 == 0
    for url in _URL.findall(body):
        commit, name = url.rpartition("/blob/")[2].split("/")
        tree = job.site.objects[job.site.objects[commit]["tree"]]
        assert isinstance(job.site.objects[tree[name]], bytes)
    return body


def _write_plots(job: Job, last: float) -> None:
    rows = "".join(f"{step},{last * step}\n" for step in range(9))
    job.clone.write("plots/loss.csv", "step,loss\n" + rows)
    (job.clone.root / "plots/sample.png").write_bytes(make_png(int(last * 100)))


@pytest.fixture
def drawn(job: Job) -> Job:
    """A job whose branch has other plots than main, and a metric with a history."""
    job.clone.git("switch", "--quiet", "--detach", "origin/main")
    _write_plots(job, 0.1)
    job.clone.write("mlops.toml", '[production]\nref = "live"\n')
    job.clone.commit("Plots of main")
    job.clone.git("tag", "live")
    job.clone.git("update-ref", "refs/remotes/origin/main", "HEAD")
    job.clone.git("switch", "--quiet", "--force-create", "topic")
    for accuracy in (0.92, 0.93, 0.95):
        _write_plots(job, accuracy)
        job.clone.write("metrics/train.json", json.dumps({"acc": accuracy}))
        job.clone.commit(f"Reach {accuracy}")
    return job


def test_plots_stand_old_beside_new_and_are_sent_once(drawn: Job) -> None:
    posted = _report(drawn).posted
    assert posted is not None and posted.pictures == 3
    body = _body(drawn)
    plots = body.partition("### Plots")[2]
    assert "![plots/loss.csv: loss over step, of " in plots
    old, new = re.findall(r"plots/sample\.png in [^\]]+", plots)
    assert new == "plots/sample.png in working tree" != old
    again = _report(drawn).posted
    assert again is not None and (again.pictures_sent, again.writes) == (0, 0)


def test_a_history_is_a_diagram_with_production_beside_it(drawn: Job) -> None:
    _report(drawn)
    diagram = _body(drawn).partition("```mermaid\n")[2].partition("```")[0]
    assert 'title "acc (flat line: production live, ' in diagram
    assert "line [0.9, 0.92, 0.93, 0.95]" in diagram
    assert "line [0.9, 0.9, 0.9, 0.9]" in diagram


def test_without_the_right_to_keep_images_plots_are_text(drawn: Job) -> None:
    drawn.site.refused = {"content"}
    posted = _report(drawn).posted
    assert posted is not None and posted.pictures == 0
    body = _body(drawn)
    assert "contents: write" in body
    assert "```text\nplots/loss.csv" in body
    assert "![" not in body


def test_images_of_a_fork_are_not_kept(drawn: Job) -> None:
    fork = {"full_name": "stranger/project"}
    head = {"sha": drawn.pull.head, "ref": "topic", "repo": fork}
    drawn.set_event(pull_request={"number": 7, "head": head, "base": {"ref": "main"}})
    posted = _report(drawn).posted
    assert posted is not None and (posted.pictures, drawn.site.refs) == (0, {})
    assert "![" not in _body(drawn)


def test_images_of_sections_and_of_cells(drawn: Job) -> None:
    output = base64.b64encode(make_png(77)).decode()
    cells = [
        {
            "cell_type": "code",
            "source": "show()",
            "metadata": {"tags": ["report"]},
            "execution_count": None,
            "outputs": [
                {
                    "output_type": "display_data",
                    "data": {"image/png": output, "text/plain": ["<Figure of ages>"]},
                    "metadata": {},
                }
            ],
        },
        {
            "cell_type": "markdown",
            "source": "Seen: ![it](attachment:a.png)",
            "metadata": {"tags": ["report"]},
            "attachments": {"a.png": {"image/png": base64.b64encode(make_png(78)).decode()}},
        },
    ]
    notebook = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": cells}
    drawn.clone.write("study.ipynb", json.dumps(notebook))
    drawn.clone.write(
        "docs/known.md",
        "Here ![own \\[x\\]](../plots/sample.png), <img src='../plots/sample.png' alt=\"same\">, "
        "there ![far](https://example.org/a.png), ![out](../../etc/a.png), ![gone](gone.png), "
        "![no image](known.md), and `![code](../plots/sample.png)`.\n",
    )
    drawn.clone.write("mlops.toml", '[report]\nsections = ["docs/known.md"]\n')
    drawn.clone.commit("Sections")
    _report(drawn)
    body = _body(drawn)
    assert "![\\<Figure of ages\\>](" in body and "Seen: ![it](" in body
    own = body.partition("### docs/known.md")[2].partition("###")[0]
    assert own.count("?raw=true") == 2
    assert "![far](https://example.org/a.png)" in own
    assert "*out: its file is outside of the project*" in own
    assert "*gone: there is no docs/gone.png*" in own
    assert "*no image: it is no PNG, JPEG or SVG*" in own
    assert "`![code](../plots/sample.png)`" in own


def test_a_link_is_not_followed_to_an_image(drawn: Job) -> None:
    secret = drawn.folder / "secret.png"
    secret.write_bytes(make_png(99))
    (drawn.clone.root / "link.png").symlink_to(secret)
    drawn.clone.write("report.md", "![it](link.png) ![that](/etc/passwd)\n")
    done = drawn.comment("report.md")
    assert done.pictures == 0
    assert "*it: link.png is a link" in _body(drawn)


def _write_large(job: Job) -> None:
    """Write sections of 3 MB with 200 images."""
    images = job.clone.root / "images"
    images.mkdir()
    names = [f"docs/part-{number:02}.md" for number in range(13)]
    for number in range(200):
        (images / f"{number}.png").write_bytes(make_png(number))
    for at, name in enumerate(names):
        shown = [f"![image {n}](../images/{n}.png)\n" for n in range(200) if n % len(names) == at]
        lead = f"Lead of {at}.\n\n" + "\n".join(shown)
        text = "".join(f"\n## Chapter {at}.{n}\n\n{'word ' * 4_700}\n" for n in range(10))
        job.clone.write(name, lead + text)
    listed = ", ".join(f'"{name}"' for name in names)
    job.clone.write("mlops.toml", f"[report]\nsections = [{listed}]\n")
    job.clone.commit("Large sections")


def test_a_report_of_three_megabytes_and_two_hundred_images(drawn: Job) -> None:
    _write_large(drawn)
    composed = report(open_here(drawn.clone.root), base="origin/main", format="md")
    assert len(composed.text) > 3_000_000
    posted = _report(drawn).posted
    assert posted is not None and 0 < posted.pictures <= PICTURES_LIMIT
    body = _body(drawn)
    assert "### ⚠️ Metrics" in body or "### ✅ Metrics" in body
    assert all(f"### docs/part-{number:02}.md" in body for number in range(13))
    assert "Chapter" not in body  # a chapter of 24,000 characters goes as a whole
    assert "All of it: `jupyter mlops report" in body
    assert "more images left out" in body
    assert "/actions/runs/99)" in body
    kept = len(drawn.site.objects)
    again = _report(drawn).posted
    assert again is not None and (again.writes, again.pictures_sent) == (0, 0)
    assert len(drawn.site.objects) == kept


def test_a_comment_of_three_megabytes_and_two_hundred_images(drawn: Job) -> None:
    _write_large(drawn)
    files = [f"docs/part-{number:02}.md" for number in range(13)]
    done = drawn.comment(*files)
    assert 0 < done.pictures <= PICTURES_LIMIT
    body = _body(drawn)
    assert "Lead of 0." in body
    assert "## Chapter 0.0\n\n*Too long to stand here.*" in body or "## Chapter 0.0\n\nword" in body
    assert "more images left out" in body
    assert "/actions/runs/99)" in body
