"""The commands for CI as a job runs them: real Git, a clone, a forge on loopback."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from jupyter_mlops._version import __version__
from jupyter_mlops.commands.check_notebooks import check_notebooks
from jupyter_mlops.commands.ci_comment import ci_comment
from jupyter_mlops.commands.ci_doctor import ci_doctor
from jupyter_mlops.commands.ci_init import ci_init
from jupyter_mlops.commands.gates import gates
from jupyter_mlops.commands.parse import parse_words
from jupyter_mlops.commands.report import report
from jupyter_mlops.commands.table import COMMANDS
from jupyter_mlops.commands.workspace import open_here, open_workspace
from jupyter_mlops.document.render_html import render_html
from jupyter_mlops.document.render_text import render_text
from jupyter_mlops.errors import ConflictError, MlopsError, NotFoundError, UsageError
from tests.architecture.sources import ROOT
from tests.support.ci_job import Job
from tests.support.forges.site import OWN, TOKEN
from tests.support.project import Project


def _shown(result: Any) -> str:
    text = render_text(result.describe())
    assert TOKEN not in text
    return text


# ci comment


def test_one_comment_one_status_and_the_summary(job: Job) -> None:
    job.clone.write("report.md", "# Report\n\nacc **0.91**\n")
    job.clone.write("train.mlops-check.txt", "train.ipynb: 1 finding\n  ``` <b>\n")
    first = job.comment("report.md", "train.mlops-check.txt", status="failure", name="train")
    assert (first.pull_request, first.created, first.status) == (7, True, "failure")
    [body] = job.site.written(7, OWN)
    assert "acc **0.91**" in body
    assert "````text\ntrain.ipynb: 1 finding\n  ``` <b>\n````" in body
    assert job.site.statuses[0][0] == job.pull.head
    assert job.site.statuses[0][1]["context"] == "train"
    assert "acc **0.91**" in (job.folder / "summary.md").read_text()
    job.clone.write("report.md", "# Report\n\nacc **0.92**\n")
    second = job.comment("report.md", status="success", name="train")
    assert (second.created, second.writes) == (False, 1)
    [body] = job.site.written(7, OWN)
    assert "0.92" in body
    assert "Brought up to date" in _shown(second)
    job.comment("report.md", name="another")
    assert len(job.site.written(7, OWN)) == 2


def test_an_older_run_does_not_write_over_a_newer_one(job: Job) -> None:
    job.clone.write("report.md", "old")
    job.pull.head = "9" * 40
    done = job.comment("report.md", status="success")
    assert done.outdated
    assert not job.site.comments
    assert not job.site.statuses
    assert "another commit by now" in _shown(done)


def test_a_push_without_pull_request_goes_to_the_commit(job: Job) -> None:
    job.set_event(ref="refs/heads/elsewhere")
    job.environ.setenv("GITHUB_REF", "refs/heads/elsewhere")
    job.clone.write("report.md", "of a commit")
    done = job.comment("report.md")
    assert done.pull_request is None
    assert len(job.site.written("f" * 40, OWN)) == 1


def test_the_second_step_of_a_fork_takes_nothing_for_markdown(job: Job) -> None:
    job.pull.fork = "stranger"
    run = {
        "head_sha": job.pull.head,
        "head_branch": "topic",
        "head_repository": {"full_name": "stranger/project"},
        "html_url": "https://github.com/team/project/actions/runs/98",
    }
    job.set_event(workflow_run=run)
    results = job.folder / "no clone here"
    (results / "mlops-report").mkdir(parents=True)
    (results / "mlops-report/x.md").write_text("@everybody ![](https://evil.example/x.png)\n")
    (results / "mlops-report/link.md").symlink_to(job.folder / "event.json")
    here = open_here(results)
    done = ci_comment(here, ("mlops-report/x.md",))
    assert done.pull_request == 7
    [body] = job.site.written(7, OWN)
    assert "```text\n@everybody ![](https://evil.example/x.png)\n```" in body
    with pytest.raises(ConflictError):
        ci_comment(here, ("mlops-report/link.md",))


def test_a_report_of_three_megabytes_fits(job: Job) -> None:
    sections = "".join(f"## Part {n}\n\n{'x' * 30_000}\n\n" for n in range(100))
    job.clone.write("report.md", f"**The gate does not hold.**\n\n{sections}")
    job.comment("report.md")
    [body] = job.site.written(7, OWN)
    assert len(body) <= 60_000
    assert "**The gate does not hold.**\n\n## Part 0\n\nxxx" in body
    assert body.count("## Part ") == 100
    assert f"[All of it is in this run]({job.site.url}/team/project/actions/runs/99)" in body
    assert (job.folder / "summary.md").stat().st_size <= 1_000_000


@pytest.mark.parametrize("name", ["", " ", "x" * 101])
def test_names_that_no_report_has(job: Job, name: str) -> None:
    with pytest.raises(UsageError):
        job.comment("mlops.toml", name=name)


def test_no_token_is_told_with_what_to_write(job: Job) -> None:
    job.environ.delenv("GITHUB_TOKEN")
    with pytest.raises(MlopsError) as caught:
        job.comment("mlops.toml")
    assert caught.value.code == "forge-token-missing"
    assert "${{ github.token }}" in caught.value.hints[0]


def test_a_folder_in_the_place_of_a_forge(job: Job) -> None:
    job.environ.setenv("MLOPS_FORGE", "file+posted")
    (job.clone.root / "posted").mkdir()
    job.clone.write("report.md", "to be looked at")
    job.comment("report.md", status="success")
    [file] = (job.clone.root / "posted/pull-request-7").glob("comment-*.md")
    assert "to be looked at" in file.read_text()
    assert not job.site.asked


def test_a_dry_run_shows_the_comment_and_asks_nobody(job: Job) -> None:
    job.environ.delenv("GITHUB_TOKEN")
    job.clone.write("report.md", "# Report\n\nacc <b>\n")
    done = job.comment("report.md", dry_run=True)
    assert done.text == "# Report\n\nacc <b>"
    assert "Would be posted at pull request 7" in _shown(done)
    assert "acc &lt;b&gt;" in render_html(done.describe())
    assert not job.site.asked
    assert not (job.folder / "summary.md").exists()


def test_the_token_is_in_no_output_of_the_program(job: Job) -> None:
    job.site.refused = {"comment"}
    done = job.clone.mlops("ci", "comment", "mlops.toml", "--json", env={"PYTHONWARNINGS": "d"})
    assert done.returncode == 6
    assert json.loads(done.stderr)["error"]["code"] == "forge-permission-missing"
    assert TOKEN not in done.stdout + done.stderr


# ci doctor


def test_doctor_finds_all_in_order(job: Job) -> None:
    found = job.doctor()
    assert found.exit_status == 0
    assert (found.system, found.forge, found.repository) == (
        "GitHub Actions",
        "github",
        "team/project",
    )
    assert (found.pull_request, found.commit, found.base_branch) == (7, job.pull.head, "main")
    assert found.base == job.clone.git("rev-parse", "origin/main").strip()
    assert found.token == "GITHUB_TOKEN"
    assert {check.state for check in found.checks} == {"ok"}
    assert not job.site.comments
    assert not job.site.refs
    assert "pull request   7" in _shown(found)


def test_doctor_names_the_permission_and_how_it_is_given(job: Job) -> None:
    job.site.refused = {"comment", "status"}
    found = job.doctor()
    assert found.exit_status == 1
    missing = {check.what: check.mend for check in found.checks if check.state == "missing"}
    assert set(missing) == {"write comments", "set a status"}
    assert "permissions: pull-requests: write" in (missing["write comments"] or "")
    assert "permissions: statuses: write" in _shown(found)


def test_doctor_tells_of_a_right_that_only_images_need(job: Job) -> None:
    job.site.refused = {"content"}
    found = job.doctor()
    assert found.exit_status == 0
    [poorer] = [check for check in found.checks if check.state != "ok"]
    assert (poorer.what, poorer.state) == ("write to the repository", "limited")
    shown = _shown(found)
    assert "may not write to the repository: only images in comments, and ci pr, need that" in shown
    assert "permissions: contents: write" in shown


@pytest.mark.parametrize("token", [None, "expired", "two words"])
def test_doctor_without_a_token_that_is_good(job: Job, token: str | None) -> None:
    if token is None:
        job.environ.delenv("GITHUB_TOKEN")
    else:
        job.environ.setenv("GITHUB_TOKEN", token)
    found = job.doctor()
    assert found.exit_status == 1
    assert any(check.state == "missing" and check.mend for check in found.checks)
    assert token is None or token == "expired" or token not in _shown(found)


def _make_shallow(job: Job) -> str:
    """Let the job's clone be one of a single commit; return the base, which it does not have."""
    base = job.clone.git("rev-parse", "origin/main").strip()
    job.clone = Project(job.folder / "shallow")
    words = ("clone", "--quiet", "--depth=1", "--branch=topic")
    job.hub.git(*words, f"file://{job.hub.root}", str(job.clone.root))
    assert "missing" in job.clone.git("cat-file", "--batch-check", input=f"{base}\n")
    return base


def test_doctor_brings_the_base_into_a_shallow_clone(job: Job) -> None:
    base = _make_shallow(job)
    found = job.doctor()
    assert found.shallow
    assert found.base == base
    assert found.exit_status == 0
    assert job.clone.git("show", f"{base}:metrics/train.json") == '{"acc": 0.9}\n'


def test_all_commands_find_the_same_base_in_a_shallow_clone(job: Job) -> None:
    base = _make_shallow(job)
    text = '[[gate]]\nmetric = "metrics/train.json:acc"\nagainst = "base"\ntolerance = -0.02\n'
    job.clone.write("mlops.toml", text)
    job.clone.commit("A gate")
    ws = open_workspace(job.clone.root)
    [judged] = gates(ws).judged
    assert judged.limit == pytest.approx(0.92)
    checked = check_notebooks(open_here(job.clone.root))
    [broken] = [found for one in checked.reports for found in one.findings]
    assert broken.rule == "gate-broken"
    assert f"base ({base[:7]}, branch main" in broken.why
    told = report(open_here(job.clone.root))
    assert (told.base, told.exit_status) == (base, 1)
    assert job.doctor().base == base


def test_a_target_branch_that_is_gone_leaves_the_commit_that_the_event_names(job: Job) -> None:
    base = job.clone.git("rev-parse", "origin/main").strip()
    head = {"sha": job.pull.head, "ref": "topic", "repo": {"full_name": "team/project"}}
    job.set_event(pull_request={"number": 7, "head": head, "base": {"ref": "gone", "sha": base}})
    assert job.doctor().base == base


def test_a_base_that_is_not_there_is_told_in_the_same_way_by_all(job: Job) -> None:
    head = {"sha": job.pull.head, "ref": "topic", "repo": {"full_name": "team/project"}}
    job.set_event(pull_request={"number": 7, "head": head, "base": {"ref": "gone"}})
    why = "the base branch gone, as GitHub Actions says, which origin does not have"
    found = job.doctor()
    assert (found.exit_status, found.base) == (1, None)
    assert f"There is nothing to compare with: {why}." in _shown(found)
    assert "git ls-remote origin" in _shown(found)
    with pytest.raises(NotFoundError) as caught:
        report(open_here(job.clone.root), post=True)
    assert caught.value.message == f"There is nothing to compare with: {why}."
    assert not job.site.comments
    text = '[[gate]]\nmetric = "metrics/train.json:acc"\nagainst = "base"\n'
    job.clone.write("mlops.toml", text)
    job.clone.commit("A gate")
    [unclear] = gates(open_workspace(job.clone.root)).findings
    assert (unclear.rule, unclear.fix) == ("gate-unmeasurable", "git ls-remote origin")
    assert why in unclear.why
    for call in (
        lambda: gates(open_workspace(job.clone.root), base="nowhere"),
        lambda: report(open_here(job.clone.root), base="nowhere"),
    ):
        with pytest.raises(NotFoundError) as caught:
            call()
        assert caught.value.code == "base-not-found"


def test_a_fork_s_job_is_told_of_the_two_workflows(job: Job) -> None:
    job.site.refused = {"comment", "status"}
    job.environ.setenv("GITHUB_EVENT_NAME", "pull_request")
    head = {"sha": job.pull.head, "ref": "topic", "repo": {"full_name": "stranger/project"}}
    job.set_event(pull_request={"number": 7, "head": head, "base": {"ref": "main"}})
    found = job.doctor()
    mends = {check.mend for check in found.checks if check.state == "missing"}
    assert mends == {"jupyter mlops ci init --github --forks"}
    with pytest.raises(MlopsError) as caught:
        job.comment("mlops.toml")
    assert caught.value.hints == ("jupyter mlops ci init --github --forks",)


def test_doctor_outside_of_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Project
) -> None:
    found = ci_doctor(open_here(project.root))
    assert (found.system, found.forge, found.exit_status) == ("no CI", None, 1)
    assert "export MLOPS_FORGE=" in _shown(found)
    (tmp_path / "empty").mkdir()
    found = ci_doctor(open_here(tmp_path / "empty"))
    assert (found.exit_status, found.shallow) == (1, None)


# ci pr


def _heads(job: Job) -> dict[str, str]:
    printed = job.hub.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    return dict(line.split() for line in printed.splitlines())


def test_pr_is_opened_once_and_then_brought_up_to_date(job: Job) -> None:
    before = (job.clone.head(), job.clone.git("status", "--porcelain"))
    job.clone.write("metrics/train.json", '{"acc": 0.95}\n')
    job.clone.write("other.txt", "stays here")
    first = job.pr("metrics", title="Results of the night")
    assert (first.outcome, first.branch, first.base) == ("opened", "mlops/topic", "topic")
    number = first.pull_request
    assert number is not None
    assert job.site.pulls[number].base_branch == "topic"
    assert job.hub.git("show", "mlops/topic:metrics/train.json") == '{"acc": 0.95}\n'
    changed = job.hub.git("diff", "--name-only", "topic", "mlops/topic").split()
    assert changed == ["metrics/train.json"]
    heads = _heads(job)
    again = job.pr("metrics", title="Results of the night")
    assert (again.outcome, again.pull_request, _heads(job)) == ("unchanged", number, heads)
    job.clone.write("metrics/train.json", '{"acc": 0.96}\n')
    newer = job.pr("metrics", title="Newer")
    assert (newer.outcome, newer.pull_request) == ("updated", number)
    assert job.site.pulls[number].title == "Newer"
    assert job.hub.git("rev-list", "--count", "topic..mlops/topic").strip() == "1"
    assert job.clone.head() == before[0]
    assert job.clone.git("diff", "--cached", "--name-only") == ""
    assert "Brought pull request" in _shown(newer)


def test_pr_leaves_a_branch_alone_that_others_committed_to(job: Job) -> None:
    job.clone.write("metrics/train.json", '{"acc": 0.95}\n')
    job.pr("metrics")
    colleague = Project(job.folder / "colleague")
    job.hub.git("clone", "--quiet", "--branch=mlops/topic", ".", str(colleague.root))
    colleague.write("note.txt", "mine")
    colleague.commit("Mine")
    colleague.git("push", "--quiet", "origin", "HEAD")
    heads = _heads(job)
    job.clone.write("metrics/train.json", '{"acc": 0.96}\n')
    with pytest.raises(ConflictError) as caught:
        job.pr("metrics")
    assert caught.value.code == "branch-not-ours"
    assert _heads(job) == heads


def test_pr_of_nothing_new_and_of_what_is_gone(job: Job) -> None:
    assert job.pr("metrics").outcome == "nothing"
    (job.clone.root / "metrics/train.json").unlink()
    assert job.pr("metrics/train.json").outcome == "opened"
    assert job.hub.git("ls-tree", "--name-only", "mlops/topic", "metrics/") == ""
    with pytest.raises(MlopsError) as caught:
        job.pr("never/was")
    assert caught.value.code == "path-not-found"


def test_pr_shows_the_token_to_no_process_list(job: Job) -> None:
    trace = job.folder / "trace"
    job.environ.setenv("GIT_TRACE", str(trace))
    job.environ.setenv("GIT_TRACE2_EVENT", str(trace))
    job.clone.write("metrics/train.json", '{"acc": 0.95}\n')
    job.pr("metrics")
    said = trace.read_text()
    assert "push" in said
    assert TOKEN not in said
    assert TOKEN not in (job.clone.root / ".git/config").read_text()


# ci init

SYSTEMS = ("github", "gitlab", "bitbucket", "azure")


def _workflows(root: Path) -> dict[str, str]:
    names = ("*.yml", ".git[hl]*/**/*.yml", ".gitlab-ci.yml")
    return {
        file.relative_to(root).as_posix(): file.read_text()
        for name in names
        for file in root.glob(name)
    }


@pytest.mark.parametrize("system", [*SYSTEMS, "forks"])
def test_init_writes_what_is_valid_pinned_and_minimal(job: Job, system: str) -> None:
    options = {"github": True, "forks": True} if system == "forks" else {system: True}
    job.clone.write("mlops.toml", '[remotes]\ndefault = "r"\n[remotes.r]\nurl = "s3://b/p"\n')
    done = ci_init(open_workspace(job.clone.root), **options)
    found = _workflows(job.clone.root)
    assert set(done.written) == set(found)
    text = "\n".join(found.values())
    for one in found.values():
        assert yaml.safe_load(one)
    for used in re.findall(r"(?<!\w)uses: (\S+)", text):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", used)
    commands = re.findall(r"jupyter mlops ([\w ]+(?: --[\w-]+(?: \"?\$?\w+\"?)?)*)", text)
    assert len(commands) >= (2 if system == "forks" else 3)
    for command in commands:
        if not command.startswith("ci init"):
            words = command.replace('"$OUTCOME"', "success").replace('"$status"', "success")
            parse_words([*words.split(), *(["FILE"] if "comment" in words else [])], COMMANDS)
    assert "jupyter mlops pull --yes" in text
    assert "jupyter-mlops==" in text
    again = ci_init(open_workspace(job.clone.root), **options)
    assert again.written == ()
    assert again.copies == ()


def test_init_gives_rights_to_no_code_of_a_pull_request(job: Job) -> None:
    ci_init(open_workspace(job.clone.root), github=True, forks=True)
    check, report = (
        yaml.safe_load((job.clone.root / f".github/workflows/{name}.yml").read_text())
        for name in ("mlops", "mlops-report")
    )
    assert check["permissions"] == report["permissions"] == {}
    assert check["jobs"]["check"]["permissions"] == {"contents": "read"}
    assert "pull_request_target" not in check[True]
    assert list(report[True]) == ["workflow_run"]
    steps = report["jobs"]["report"]["steps"]
    assert not any("checkout" in step.get("uses", "") for step in steps)
    runs = [step["run"] for job in (check, report) for step in _steps(job) if "run" in step]
    assert runs
    assert not any("${{" in run for run in runs)


def _steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_init_writes_over_nothing_without_a_copy(job: Job) -> None:
    path = ".github/workflows/mlops.yml"
    job.clone.write(path, "mine: 1\n")
    job.clone.write(f"{path}.before", "older: 1\n")
    with pytest.raises(ConflictError) as caught:
        ci_init(open_workspace(job.clone.root), github=True)
    assert caught.value.code == "workflow-differs"
    assert job.clone.read(path) == b"mine: 1\n"
    done = ci_init(open_workspace(job.clone.root), github=True, force=True)
    assert done.copies == (f"{path}.before1",)
    assert job.clone.read(f"{path}.before1") == b"mine: 1\n"
    assert job.clone.read(f"{path}.before") == b"older: 1\n"


def test_init_adds_to_no_other_pipeline_of_a_team(job: Job) -> None:
    job.clone.write(".gitlab-ci.yml", "test:\n  script: [make]\n")
    done = ci_init(open_workspace(job.clone.root), gitlab=True)
    assert done.written == (".gitlab/mlops.gitlab-ci.yml",)
    assert job.clone.read(".gitlab-ci.yml") == b"test:\n  script: [make]\n"
    assert any("include:" in text for text in done.to_do)


@pytest.mark.parametrize("system", SYSTEMS)
def test_init_with_a_hostile_default_branch(job: Job, system: str) -> None:
    name = 'x"]}${{secrets.A}}'
    job.clone.git("update-ref", f"refs/remotes/origin/{name}", "HEAD")
    job.clone.git("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{name}")
    ci_init(open_workspace(job.clone.root), **{system: True})
    for text in _workflows(job.clone.root).values():
        assert yaml.safe_load(text)
        assert "${{secrets" not in text


def test_init_chooses_by_the_remote_or_asks(job: Job) -> None:
    with pytest.raises(UsageError):
        ci_init(open_workspace(job.clone.root))
    job.clone.git("remote", "set-url", "origin", "git@gitlab.com:team/project.git")
    assert ci_init(open_workspace(job.clone.root)).system == "gitlab"
    with pytest.raises(UsageError):
        ci_init(open_workspace(job.clone.root), azure=True, forks=True)
    with pytest.raises(UsageError):
        ci_init(open_workspace(job.clone.root), azure=True, github=True)


def test_the_action_installs_this_version_and_puts_no_input_into_a_script() -> None:
    action = yaml.safe_load((ROOT / ".github/actions/mlops/action.yml").read_text())
    assert action["inputs"]["version"]["default"] == __version__
    steps = action["runs"]["steps"]
    runs = [step["run"] for step in steps if "run" in step]
    assert all(step.get("shell") == "bash" for step in steps if "run" in step)
    assert not any("${{" in run for run in runs)
    for step in steps:
        assert "uses" not in step or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
    assert "jupyter mlops ci comment" in runs[-1]
    for run in runs:  # as a shell reads it
        subprocess.run(["bash", "-n", "-c", run], check=True)


def test_a_report_is_the_comment_and_the_status_of_its_pull_request(job: Job) -> None:
    result = report(open_here(job.clone.root), post=True)
    assert result.posted is not None and result.posted.created
    [body] = [one.body for one in job.site.comments if one.author == OWN]
    assert "▲ +0.01 better" in body
    again = report(open_here(job.clone.root), post=True)
    assert again.posted is not None and again.posted.writes == 0
    assert result.posted.status == ("failure" if result.exit_status else "success")
