from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.config import (
    Config,
    GateConfig,
    HooksConfig,
    MetricsConfig,
    NotebooksConfig,
    ParamsConfig,
    PlotConfig,
    RemoteConfig,
    SnapshotConfig,
)
from jupyter_mlops.errors import UsageError
from jupyter_mlops.formats.project import (
    MAX_CONFIG_BYTES,
    MAX_PATTERN_LENGTH,
    MAX_PATTERNS,
    default_config_text,
    parse_config,
)

PAGE = (Path(__file__).parents[2] / "docs/formats/project.md").read_text()
WHOLE = """\
[remotes]
default = "team"
team = { url = "s3://bucket/prefix" }
[remotes.disk]
url = "/mnt/store"

[metrics]
files = ["metrics/**/*.json", "eval.yaml"]
better = { "val.loss" = "lower", auc = "higher" }
dvc = false

[params]
files = ["params.toml"]
dvc = false

[[plot]]
file = "plots/roc.csv"
x = "fpr"
y = "tpr"
template = "line"
title = "ROC"
key = "curves.roc"
x_label = "false alarms"
y_label = "hits"

[[plot]]
file = "plots/*.csv"
y = ["train", "val"]
template = "pr"
positive = "cat"

[[plot]]
run = "train"
metric = "loss"

[[gate]]
metric = "metrics/eval.json:auc"
better = "higher"
min = 0.9
max = 1
against = "main"
tolerance = "1 %"

[[gate]]
metric = "loss"
tolerance = 0.1
ratchet = true

[notebooks]
keep_outputs = false

[snapshot]
file_limit = "1.5 GiB"
untracked_limit = 0

[hooks]
restore_limit = "10GB"
big_file = 1024
"""


def test_every_key_is_read() -> None:
    assert parse_config(WHOLE.encode()) == Config(
        default_remote="team",
        remotes={"disk": RemoteConfig("/mnt/store"), "team": RemoteConfig("s3://bucket/prefix")},
        metrics=MetricsConfig(
            files=("metrics/**/*.json", "eval.yaml"),
            better={"val.loss": "lower", "auc": "higher"},
            dvc=False,
        ),
        params=ParamsConfig(files=("params.toml",), dvc=False),
        plots=(
            PlotConfig(
                file="plots/roc.csv",
                key="curves.roc",
                x="fpr",
                y=("tpr",),
                template="line",
                title="ROC",
                x_label="false alarms",
                y_label="hits",
            ),
            PlotConfig(file="plots/*.csv", y=("train", "val"), template="pr", positive="cat"),
            PlotConfig(run="train", metric="loss"),
        ),
        gates=(
            GateConfig("metrics/eval.json:auc", "higher", 0.9, 1.0, "main", "1 %"),
            GateConfig("loss", tolerance=0.1, ratchet=True),
        ),
        notebooks=NotebooksConfig(keep_outputs=False),
        snapshot=SnapshotConfig(file_limit_bytes=3 * 1024**3 // 2, untracked_limit_bytes=0),
        hooks=HooksConfig(restore_limit_bytes=10 * 1000**3, big_file_bytes=1024),
    )


def test_an_empty_file_has_the_defaults() -> None:
    assert parse_config(b"") == Config()


def test_what_init_writes_has_the_defaults_also_without_its_comments() -> None:
    assert parse_config(default_config_text().encode()) == Config()
    uncommented = re.sub(r"^# (?=\w+ =)", "", default_config_text(), flags=re.MULTILINE)
    assert uncommented.count("# ") < default_config_text().count("# ")
    config = parse_config(uncommented.encode())
    assert config == Config(metrics=MetricsConfig(better=config.metrics.better))


def test_the_page_names_every_key_and_default() -> None:
    keys = re.findall(r"^(?:\[+([a-z]+)[].a-zA-Z]*\n)?(\w+) = ", WHOLE, re.MULTILINE)
    for _, key in keys:
        if key != "team":
            assert f"`{key}`" in PAGE, key
    for default in ('"10 MiB"', '"100 MiB"', '"1 GiB"', '"5 MiB"'):
        assert f"`{default}`" in PAGE
        assert default in default_config_text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x = [", "it is not TOML"),
        ("x = " + "[" * 100_000, "it is nested too deeply"),
        ("\N{BYTE ORDER MARK}", "it is not TOML"),
        ("x" * (MAX_CONFIG_BYTES + 1), f"it is larger than {MAX_CONFIG_BYTES} bytes"),
        (
            "[metric]\n",
            "it has the unknown key 'metric'; allowed: checks, gate, hooks, metrics, notebooks, "
            "params, plot, production, remotes, report, snapshot",
        ),
        (
            "[metrics]\nfile = []\n",
            "[metrics] has the unknown key 'file'; allowed: better, dvc, files",
        ),
        ("[params]\nbetter = 1\n", "[params] has the unknown key 'better'; allowed: dvc, files"),
        ("[checks]\nselct = []\n", "[checks] has the unknown key 'selct'"),
        ("[checks]\nselect = 'a'\n", "select in [checks] is 'a'; it must be a list of at most"),
        ("[checks]\nignore = [1]\n", "ignore in [checks] is 1; it must be text"),
        ("[checks]\noutput_tolerance = 2\n", "it must be a part of one, from 0 to 1"),
        ("[checks]\ntimeout = 0\n", "timeout in [checks] is 0; it must be a whole number"),
        ("[checks]\ntimeout = true\n", "timeout in [checks] is true; it must be a whole number"),
        ("[production]\nref = 'a'\nfile = 'b'\n", "[production] says several places"),
        ("[production]\nfile = '../b'\n", "file in [production] is '../b'; it must stay inside"),
        ("[production]\nurl = 'https://a:b@c/d'\n", "url in [production] holds a password"),
        ("[[gate]]\nmetric = 'a'\nratchet = 1\n", "ratchet in [gate 1] is 1; it must be true or"),
        ("[remotes.a]\nurl = 'x'\nkey = 'y'\n", "[remotes.a] has the unknown key 'key'"),
        ("[remotes.a]\n", "[remotes.a] has no url"),
        ("[remotes]\na = 3\n", "remotes.a is a table: write [remotes.a]"),
        ("[remotes]\ndefault = 'b'\n", "default in [remotes] names 'b', which is not among them"),
        ("[remotes.'a b']\nurl = 'x'\n", "the remote name 'a b' may hold letters"),
        ("[remotes.'-a']\nurl = 'x'\n", "the remote name '-a' may hold letters"),
        ("[remotes.a]\nurl = ''\n", "url in [remotes.a] is ''; it must be text, on one line"),
        ("[remotes.a]\nurl = 'https://me:pw@host/x'\n", "url in [remotes.a] holds a password"),
        ("metrics = 3\n", "metrics is a table: write [metrics]"),
        ("[metrics]\nfiles = 'x'\n", "files in [metrics] is 'x'; it must be a list"),
        ("[metrics]\nfiles = ['../x']\n", "files in [metrics] is '../x'; it must stay inside"),
        ("[metrics]\nfiles = ['/x']\n", "files in [metrics] is '/x'; it must stay inside"),
        ("[metrics]\nfiles = ['C:x']\n", "files in [metrics] is 'C:x'; it must stay inside"),
        ("[metrics]\nfiles = ['a\\b']\n", "it must stay inside"),
        ('[metrics]\nfiles = ["a\\u0007"]\n', "it must be text, on one line, not empty"),
        (
            "[metrics]\nfiles = ['metrics/[z-a].json']\n",
            "files in [metrics] is 'metrics/[z-a].json'; the range 'z-a' ends before it begins",
        ),
        (
            f"[params]\nfiles = ['{'x' * (MAX_PATTERN_LENGTH + 1)}']\n",
            "files in [params] has a pattern of 1001 characters; allowed are 1000",
        ),
        (
            "[params]\nfiles = [" + "'x'," * (MAX_PATTERNS + 1) + "]\n",
            "files in [params] has 101 patterns; allowed are 100",
        ),
        ("[metrics]\nbetter = { a = 'up' }\n", "better in [metrics] is 'up'; allowed: higher, lo"),
        ("[metrics]\nbetter = 3\n", "better in [metrics] is no table"),
        ("[plot]\nfile = 'x'\n", "plot is a list of tables: write [[plot]]"),
        ("[[plot]]\nx = 'x'\n", "[[plot]] 1 has neither file nor run"),
        ("[[plot]]\nfile = 'x'\nrun = 'y'\n", "[[plot]] 1 has both file and run"),
        ("[[plot]]\nfile = 'x'\nmetric = 'y'\n", "[[plot]] 1 has a metric and no run"),
        ("[[plot]]\nrun = '../x'\n", "run in [plot 1] is '../x'"),
        ("[[plot]]\nfile = 'x'\nlog = true\n", "[plot 1] has the unknown key 'log'; allowed: fi"),
        (
            "[[plot]]\nfile = 'x'\ntemplate = 'linear'\n",
            "template in [plot 1] is 'linear'; allowed: line, scatter, bar, histogram, confusion, ",
        ),
        ("[[plot]]\nfile = 'x'\ny = []\n", "y in [plot 1] is a list; it must name a column"),
        ("[[plot]]\nfile = '[z-a]'\n", "file in [plot 1] is '[z-a]'; the range 'z-a' ends"),
        (
            "[[plot]]\nfile = 'x'\n[[plot]]\ny = 1\nfile='x'\n",
            "y in [plot 2] is 1; it must be text",
        ),
        ("[[gate]]\nmin = 1\n", "[[gate]] 1 has no metric"),
        ("[[gate]]\nmetric = 'a'\nmin = nan\n", "min in [gate 1] is nan; it must be a number"),
        ("[[gate]]\nmetric = 'a'\nmax = true\n", "max in [gate 1] is true; it must be a number"),
        (f"[[gate]]\nmetric = 'a'\nmin = 1{'0' * 400}\n", "is a huge number; it must be a number"),
        ("a." * 50_000 + "a = 1", "it is nested too deeply"),
        ("[notebooks]\nkeep_outputs = 'no'\n", "keep_outputs in [notebooks] is 'no'; it must be t"),
        ("[snapshot]\nfile_limit = '10 XB'\n", "file_limit in [snapshot] is not a size: '10 XB'"),
        ("[snapshot]\nfile_limit = -1\n", "file_limit in [snapshot] is not a size"),
        ("[snapshot]\nfile_limit = true\n", "file_limit in [snapshot] is true; write a size"),
        ("[hooks]\nbig_file = 1.5\n", "big_file in [hooks] is 1.5; write a size"),
    ],
)
def test_anything_else_is_refused_by_name(text: str, reason: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_config(text.encode(), origin="mlops.toml")
    error = caught.value
    assert error.message.startswith("The project file mlops.toml is not valid: ")
    assert reason in error.message
    assert "\n" not in error.message
    assert error.code == "config-invalid"
    assert error.hints


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UsageError, match="it is not UTF-8 text"):
        parse_config(b"\xff")


@given(st.text("[]{}=\"'\n ax.1remotsplg", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_config(text.encode()), Config)
    except UsageError as error:
        assert error.code == "config-invalid"
