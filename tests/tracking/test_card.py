from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Queue

import pytest

from jupyter_mlops.formats.run import Ended, Line, Metrics, Params, format_line
from jupyter_mlops.metrics.runs import Runs
from jupyter_mlops.tracking.card import Card
from jupyter_mlops.tracking.card_view import POINTS_LIMIT
from tests.support.series import NOON, metrics, this_process, write_series

ID = "k7abc234mnop"
LIMIT_SECONDS = 30

Texts = Mapping[str, str]


@contextmanager
def shown(
    runs: Path, publish: Callable[[Mapping[str, str]], None] | None = None
) -> Iterator[tuple[Card, Queue[Texts]]]:
    """Show a card of the run, and what it publishes."""
    published: Queue[Texts] = Queue()
    card = Card(
        lambda now_seconds: Runs(runs).read_execution("gbm", ID, now_seconds),
        publish or published.put,
        time_seconds=lambda: NOON + 42,
    )
    try:
        yield card, published
    finally:
        card.close()


def write(runs: Path, *lines: Line) -> Path:
    return write_series(runs, "gbm", ID, *lines, owner=this_process())


def html_of(tmp_path: Path, *lines: Line) -> str:
    write(tmp_path, *lines)
    with shown(tmp_path) as (_, published):
        return published.get(timeout=LIMIT_SECONDS)["text/html"]


def test_a_card_follows_its_run_and_ends_with_it(tmp_path: Path) -> None:
    path = write(tmp_path, Params(NOON, {"epochs": 3}), *metrics({"loss": [4, 2]}))
    with shown(tmp_path) as (card, published):
        first = published.get(timeout=LIMIT_SECONDS)
        assert first["text/plain"] == "gbm · so far · 1.0 s · step 1\nloss 2"
        with path.open("ab") as file:
            file.write(format_line(Metrics(NOON + 9, 2, {"loss": 1.0, "epoch": 1})))
        then = published.get(timeout=LIMIT_SECONDS)
        assert then["text/plain"].startswith("gbm · so far · 9.0 s · epoch 1/3\nloss 1")
        with path.open("ab") as file:
            file.write(format_line(Ended(NOON + 20, "failed", "ValueError: <b>no</b>")))
        card.close()
        last = published.get(timeout=LIMIT_SECONDS)
        assert last["text/plain"].startswith("gbm · failed · 20 s · epoch 1/3")
        assert "ValueError: &lt;b&gt;no&lt;/b&gt;" in last["text/html"]
        card.close()
    assert published.empty()


def test_while_its_cell_runs_the_time_goes_on(tmp_path: Path) -> None:
    write(tmp_path, *metrics({"loss": [4, 2]}))
    now = NOON + 60
    published: Queue[str] = Queue()

    def time_seconds() -> float:
        nonlocal now
        now += 6
        return now

    card = Card(
        lambda now_seconds: Runs(tmp_path).read_execution("gbm", ID, now_seconds),
        lambda texts: published.put(texts["text/plain"]),
        is_busy=lambda: True,
        time_seconds=time_seconds,
    )
    told = [published.get(timeout=LIMIT_SECONDS) for _ in range(3)]
    card.close()
    assert [re.findall("running · (.*) · step", one)[0] for one in told] == [
        *("1 min 6 s", "1 min 12 s", "1 min 18 s"),
    ]


def test_a_card_is_small_whatever_was_logged(tmp_path: Path) -> None:
    names = [f"{'x' * 100}{at}" for at in range(2000)]
    many = [Metrics(NOON, step, dict.fromkeys(names[:5], math.sin(step))) for step in range(5000)]
    all_names = Metrics(NOON, 5000, dict.fromkeys(names, -1e300 / 3))
    html = html_of(tmp_path, *many, all_names, Ended(NOON, "failed", "y" * 100_000))
    assert len(html) < 12_000
    assert html.count("<svg") == 6
    assert all(path.count("L") < POINTS_LIMIT for path in re.findall(' d="(.*?)"', html))
    assert "and 1,964 more" in html


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ([2.0], "M0 20h200"),
        ([2.0, 2.0], "M0 20L200 20"),
        ([0.0, 1.0, 0.5], "M0 38L100 2L200 20"),
        ([0.0, math.nan, 1.0], "M0 38M200 2"),
        ([-1.7e308, 1.7e308], "M0 38L200 2"),
        ([math.nan, math.inf], ""),
    ],
)
def test_how_a_curve_is_drawn(tmp_path: Path, values: list[float], path: str) -> None:
    html = html_of(tmp_path, *metrics({"loss": values}))
    assert re.findall(' d="(.*?)"', html) == [path]


def test_hostile_names_are_text(tmp_path: Path) -> None:
    html = html_of(tmp_path, *metrics({'"><img src=x onerror=alert(1)>\x1b': [1, 2]}))
    assert "<img" not in html
    assert "\x1b" not in html
    assert '""' not in html


def test_where_it_cannot_be_shown_nothing_is_raised(tmp_path: Path) -> None:
    write(tmp_path, *metrics({"loss": [1]}))

    def refuse(texts: Mapping[str, str]) -> None:
        raise OSError("no front end")

    with shown(tmp_path, refuse) as (card, _):
        card.close()
    with shown(tmp_path / "none") as (card, published):
        card.close()
    assert published.empty()
