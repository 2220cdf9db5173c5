from __future__ import annotations

from jupyter_mlops.git.branch_lines import first_parent_branches
from jupyter_mlops.git.history import list_branches
from jupyter_mlops.git.repository import Repository
from tests.support.project import Project


def test_a_merge_does_not_put_the_other_side_on_the_line(
    project: Project, repo: Repository
) -> None:
    root = project.head()
    project.git("switch", "--quiet", "-c", "idea")
    idea = project.commit("idea")
    project.git("switch", "--quiet", "main")
    main = project.commit("main")
    project.git("merge", "--quiet", "--no-ff", "--no-edit", "idea")
    merge = project.head()
    commits = {root, idea, main, merge}
    assert first_parent_branches(repo, list_branches(repo), commits) == {
        root: ("idea", "main"),
        idea: ("idea",),
        main: ("main",),
        merge: ("main",),
    }


def test_no_branches_and_unknown_commits(project: Project, repo: Repository) -> None:
    assert first_parent_branches(repo, {}, {project.head()}) == {project.head(): ()}
    assert first_parent_branches(repo, list_branches(repo), ()) == {}
    assert first_parent_branches(repo, list_branches(repo), {"0" * 40}) == {"0" * 40: ()}
