"""What a notebook logs, in a real kernel."""

from __future__ import annotations

from pathlib import Path

from tests.support.kernel import start_kernel
from tests.support.project import Project
from tests.tracking.scripts import end, first, metrics, series, values


def test_a_notebooks_run_ends_with_each_cell_that_logs_and_goes_on_with_the_next(
    project: Project, tmp_path: Path
) -> None:
    project.write("mlops.toml", "")
    project.write("nb/churn.ipynb", "{}")
    project.write("train.py", "import jupyter_mlops as mlops\nmlops.log(script=1)\n")
    notebook = str(project.root / "nb/churn.ipynb")
    with start_kernel(project.root / "nb", tmp_path / "r", JPY_SESSION_NAME=notebook) as kernel:
        kernel.run("import jupyter_mlops as mlops\nmlops.log(loss=0.5)")
        kernel.run("1 / 0")
        kernel.run("!cd .. && python train.py")
        kernel.run("with mlops.run('deep'):\n    mlops.log(loss=0.1)\n    1 / 0")
        kernel.run("mlops.log(loss=0.4)")
        kernels, _ = series(project, "churn")
        ended = end(kernels)
        assert ended is not None
        assert ended.outcome == "done"
        kernel.run("mlops.flush()")
        assert values(project, "metrics/churn.json") == {"loss": 0.4, "script": 1}
        kernel.shut_down()
    kernels, script = series(project, "churn")
    assert first(kernels).source == "nb/churn.ipynb"
    assert first(kernels).id == first(script).id
    assert metrics(kernels) == [(0, {"loss": 0.5}), (1, {"loss": 0.4})]
    ends = [end(kernels), end(script), end(series(project, "deep")[0])]
    assert [one and one.outcome for one in ends] == ["done", "done", "failed"]
