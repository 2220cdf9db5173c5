from __future__ import annotations

import json

import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

import jupyter_mlops
from jupyter_mlops.document import Document, Hint, Note
from jupyter_mlops.errors import ConflictError, InternalError, UsageError
from jupyter_mlops.magics.extension import Interrupted, adapt_to_cell, as_magic, load, split_line
from tests.support.project import Project
from tests.support.sample_commands import SAMPLES, Kept, Said

Capture = pytest.CaptureFixture[str]


def run(shell: InteractiveShell, cell: str) -> ExecutionResult:
    done = shell.run_cell(cell, store_history=True)
    assert isinstance(done, ExecutionResult)
    return done


def shown(shell: InteractiveShell, result: object) -> dict[str, str]:
    """Return what a front end is given of a result."""
    assert shell.display_formatter is not None
    bundle, _ = shell.display_formatter.format(result)
    return dict(bundle)


def test_a_magic_returns_its_result(shell: InteractiveShell) -> None:
    run(shell, "x = 1")
    done = run(shell, "s = %mlops keep a 'b c' -m \"two words\"\ns.id")
    assert done.success
    assert done.result == "k23456723456"
    kept: Kept = shell.user_ns["s"]
    assert (kept.paths, kept.message) == (("a", "b c"), "two words")
    assert kept.command == ("keep", "a", "b c", "-m", "two words")


def test_cells_come_along_in_the_order_in_which_they_ran(shell: InteractiveShell) -> None:
    for cell in ("x = 1", "1 / 0", "y = 2"):
        run(shell, cell)
    kept = run(shell, "%mlops keep").result
    assert isinstance(kept, Kept)
    assert kept.cells == ("x = 1", "1 / 0", "y = 2", "%mlops keep")


def test_variables_are_expanded_as_in_every_magic(shell: InteractiveShell) -> None:
    run(shell, "acc = 0.91")
    kept = run(shell, "%mlops keep -m 'acc {acc}'").result
    assert isinstance(kept, Kept)
    assert kept.message == "acc 0.91"


def test_a_result_shows_itself_text_first(shell: InteractiveShell) -> None:
    bundle = shown(shell, run(shell, "%mlops keep a").result)
    assert list(bundle) == ["text/plain", "text/html"]
    assert bundle["text/plain"].startswith("Kept 1 paths\n")
    assert "Get it back: %mlops restore" not in bundle["text/plain"]
    assert "Get it back: %restore k23456723456" in bundle["text/plain"]
    assert "<code>%restore k23456723456</code>" in bundle["text/html"]


def test_json_is_printed_and_nothing_is_returned(shell: InteractiveShell, capsys: Capture) -> None:
    capsys.readouterr()
    assert run(shell, "%mlops keep a --json").result is None
    assert json.loads(capsys.readouterr().out)["paths"] == ["a"]


@pytest.mark.parametrize("words", ["", "--help", "keep --help", "things -h", "--version", "kee"])
def test_nothing_ever_exits_the_kernel(
    shell: InteractiveShell, words: str, capsys: Capture
) -> None:
    done = run(shell, f"%mlops {words}")
    assert not isinstance(done.error_in_exec, SystemExit)
    assert done.success == (words != "kee")


def test_help_speaks_of_magics(shell: InteractiveShell, capsys: Capture) -> None:
    told = shown(shell, run(shell, "%mlops keep --help").result)["text/plain"]
    assert "Usage: %mlops keep [PATH…]" in told
    shell.run_line_magic("pinfo", "%mlops")
    assert "Usage: %mlops COMMAND" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("fail", ConflictError, "data was changed by \\x1b[31msomebody."),
        ("keep --nope", UsageError, "'keep' has no option --nope."),
        ("keep 'open", UsageError, "A quotation mark is not closed."),
        ("fail defect", InternalError, "This is a defect of jupyter-mlops, not of yours"),
        ("fail interrupt", Interrupted, "Interrupted; run the cell again to go on."),
    ],
)
def test_an_error_is_one_sentence_without_a_traceback(
    shell: InteractiveShell, words: str, kind: type, said: str, capsys: Capture
) -> None:
    capsys.readouterr()
    done = run(shell, f"%mlops {words}\nafterwards = 1")
    assert isinstance(done.error_in_exec, kind)
    printed = capsys.readouterr()
    told = printed.out + printed.err
    assert said in told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) <= 3
    assert "afterwards" not in shell.user_ns


def test_hints_are_what_one_types_in_a_cell(shell: InteractiveShell) -> None:
    error = run(shell, "%mlops fail").error_in_exec
    assert isinstance(error, ConflictError)
    assert error.hints == ("%restore data", "%mlops status")
    assert error.code == "stale"


def test_findings_do_not_stop_run_all(shell: InteractiveShell) -> None:
    done = run(shell, "%mlops fail findings")
    assert done.success
    assert done.result == Said("Two findings.", status=1)


def test_loading_again_and_unloading(shell: InteractiveShell) -> None:
    load(shell, SAMPLES)
    assert len(shell.Completer.custom_matchers) == 1
    shell.run_line_magic("load_ext", "jupyter_mlops")
    shell.run_line_magic("reload_ext", "jupyter_mlops")
    assert len(shell.Completer.custom_matchers) == 1
    for name in ("mlops", "snapshot", "restore", "push", "pull", "fetch", "metrics", "strip"):
        assert shell.find_line_magic(name) is not None
    shell.run_line_magic("unload_ext", "jupyter_mlops")
    assert shell.find_line_magic("mlops") is None
    assert shell.Completer.custom_matchers == []


def test_a_bare_magic_is_its_command(shell: InteractiveShell) -> None:
    jupyter_mlops.load_ipython_extension(shell)
    error = run(shell, "%metrics").error_in_exec
    assert isinstance(error, UsageError)
    shown = ("show", "diff", "history", "blame")
    assert error.hints == tuple(f"%metrics {word}" for word in shown)


def test_results_of_python_calls_show_themselves(shell: InteractiveShell, project: Project) -> None:
    done = run(shell, "import jupyter_mlops as mlops\nmlops.help('completion')")
    assert done.success
    assert "Usage: jupyter mlops completion" in shown(shell, done.result)["text/plain"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("a  b", ["a", "b"]),
        ("-m 'two words' \"it's\"", ["-m", "two words", "it's"]),
        (r"my\ data", ["my data"]),
        ("# no comment", ["#", "no", "comment"]),
        ("''", [""]),
    ],
)
def test_lines_are_split_as_a_shell_does(line: str, words: list[str]) -> None:
    assert split_line(line) == words


def test_commands_become_magics() -> None:
    assert as_magic("jupyter mlops snapshot data") == "%snapshot data"
    assert as_magic("jupyter mlops status") == "%mlops status"
    assert as_magic("git add data.mlops") == "git add data.mlops"
    assert as_magic("The traceback is in jupyter mlops x") == "The traceback is in jupyter mlops x"
    note = Note("jupyter mlops status")
    document = Document((note, Hint("Type", "jupyter mlops status")))
    assert adapt_to_cell(document).blocks == (note, Hint("Type", "%mlops status"))


def test_what_a_cell_logged_is_written_when_the_cell_is_through(
    shell: InteractiveShell, project: Project
) -> None:
    cell = "import jupyter_mlops as mlops\nwith_run = mlops.run('fit')\nwith_run.log(loss=0.5)"
    assert run(shell, cell).success
    assert json.loads(project.read("metrics/fit.json")) == {"loss": 0.5}
