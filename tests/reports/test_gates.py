from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.config import Better, GateConfig
from jupyter_mlops.metrics.read import Number, Problem
from jupyter_mlops.reports.findings import Checked
from jupyter_mlops.reports.gates import Baseline, Numbers, check_gates

ACC = "metrics/m.json:acc"
LOSS = "metrics/m.json:loss"
ROWS = "metrics/m.json:rows"
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def judge(
    gate: GateConfig,
    now: Mapping[str, Number],
    then: Mapping[str, Number] | None = None,
    better: Mapping[str, Better] | None = None,
    problems: tuple[Problem, ...] = (),
) -> Checked:
    baseline = Baseline(None) if then is None else Baseline("1a2b3c4", then)
    numbers = Numbers(
        now,
        {"metrics/m.json": "working tree, as of 5d6e7f8"},
        {"main": baseline},
        problems,
        better or {},
    )
    return check_gates((gate,), numbers)


def rules(checked: Checked) -> list[str]:
    return [found.rule for found in checked.findings]


class TestBounds:
    @pytest.mark.parametrize("value", [0.9, 0.95, 1, math.inf])
    def test_min_is_kept(self, value: Number) -> None:
        assert judge(GateConfig(ACC, min=0.9), {ACC: value}) == Checked()

    def test_min_is_broken(self) -> None:
        (found,) = judge(GateConfig(ACC, min=0.9), {ACC: 0.875}).findings
        assert (found.rule, found.value, found.limit) == ("gate-broken", 0.875, 0.9)
        assert found.subject == ACC
        assert found.why == (
            "metrics/m.json:acc is 0.875, 0.025 below the min 0.9 (working tree, as of 5d6e7f8)."
        )

    def test_max_is_kept_and_broken(self) -> None:
        gate = GateConfig(LOSS, max=0.5)
        assert judge(gate, {LOSS: 0.5}) == Checked()
        (found,) = judge(gate, {LOSS: 0.75}).findings
        assert "is 0.75, 0.25 above the max 0.5 " in found.why

    def test_each_bound_is_judged(self) -> None:
        gate = GateConfig(ACC, min=2, max=1)
        assert rules(judge(gate, {ACC: 1.5})) == ["gate-broken", "gate-broken"]

    @pytest.mark.parametrize(
        "gate", [GateConfig(ACC, min=0), GateConfig(ACC, max=9), GateConfig(ACC, against="main")]
    )
    def test_nan_keeps_no_bound(self, gate: GateConfig) -> None:
        (found,) = judge(gate, {ACC: math.nan}, {ACC: 1}).findings
        assert found.rule == "gate-broken"
        assert "is NaN, which never keeps the " in found.why

    @given(FINITE, FINITE)
    def test_either_min_or_the_opposite_holds(self, value: float, bound: float) -> None:
        broken = bool(judge(GateConfig(ACC, min=bound), {ACC: value}).findings)
        assert broken == (value < bound)


class TestAgainst:
    def test_no_worse_is_kept(self) -> None:
        gate = GateConfig(ACC, against="main")
        assert judge(gate, {ACC: 0.9}, {ACC: 0.9}) == Checked()
        assert judge(gate, {ACC: 0.95}, {ACC: 0.9}) == Checked()

    def test_worse_is_broken(self) -> None:
        (found,) = judge(GateConfig(ACC, against="main"), {ACC: 0.875}, {ACC: 0.9}).findings
        assert (found.value, found.limit) == (0.875, 0.9)
        assert "is 0.875, 0.025 below the 0.9 of main (1a2b3c4) (" in found.why
        assert found.fix == "jupyter mlops metrics diff main"

    def test_lower_may_be_better(self) -> None:
        gate = GateConfig(LOSS, against="main")
        assert judge(gate, {LOSS: 0.1}, {LOSS: 0.2}) == Checked()
        (found,) = judge(gate, {LOSS: 0.3}, {LOSS: 0.2}).findings
        assert "0.1 above the 0.2 of main" in found.why

    def test_what_the_gate_says_of_better_goes_first(self) -> None:
        gate = GateConfig(ACC, better="lower", against="main")
        assert rules(judge(gate, {ACC: 0.9}, {ACC: 0.8}, {"acc": "higher"})) == ["gate-broken"]

    def test_the_project_may_say_which_way_is_better(self) -> None:
        gate = GateConfig(ROWS, against="main")
        assert rules(judge(gate, {ROWS: 1}, {ROWS: 2})) == ["gate-unmeasurable"]
        assert rules(judge(gate, {ROWS: 1}, {ROWS: 2}, {"rows": "higher"})) == ["gate-broken"]

    @pytest.mark.parametrize("gate", [ACC, LOSS])
    def test_a_tolerance_gives_way_as_far_as_it_says(self, gate: str) -> None:
        sign = -1 if gate == ACC else 1
        one = GateConfig(gate, against="main", tolerance=0.02)
        assert judge(one, {gate: 0.9 + sign * 0.02}, {gate: 0.9}) == Checked()
        (found,) = judge(one, {gate: 0.9 + sign * 0.03}, {gate: 0.9}).findings
        assert found.limit == pytest.approx(0.9 + sign * 0.02)
        assert ", tolerance 0.02 (" in found.why

    def test_binary_fractions_break_no_gate(self) -> None:
        assert 0.8 - 0.1 > 0.7
        gate = GateConfig(ACC, against="main", tolerance=0.1)
        assert judge(gate, {ACC: 0.7}, {ACC: 0.8}) == Checked()

    def test_a_tolerance_below_zero_asks_for_more(self) -> None:
        gate = GateConfig(ACC, against="main", tolerance=-0.1)
        assert rules(judge(gate, {ACC: 0.55}, {ACC: 0.5})) == ["gate-broken"]
        assert judge(gate, {ACC: 0.6}, {ACC: 0.5}) == Checked()

    @pytest.mark.parametrize("then", [{}, {ACC: math.nan}])
    def test_nothing_to_compare_with_is_a_note(self, then: Mapping[str, Number]) -> None:
        checked = judge(GateConfig(ACC, against="main"), {ACC: 0.9}, then)
        assert checked.findings == ()
        assert checked.notes == (f"main (1a2b3c4) has no {ACC} to compare with.",)


class TestUnmeasurable:
    def test_a_gate_without_bound(self) -> None:
        (found,) = judge(GateConfig(ACC), {ACC: 1}).findings
        assert (found.rule, found.subject) == ("gate-unmeasurable", ACC)
        assert "has no bound" in found.why

    def test_a_tolerance_without_against(self) -> None:
        assert rules(judge(GateConfig(ACC, min=0, tolerance=1), {ACC: 1})) == ["gate-unmeasurable"]

    def test_a_tolerance_in_words(self) -> None:
        gate = GateConfig(ACC, against="main", tolerance="2sd")
        (found,) = judge(gate, {ACC: 0.1}, {ACC: 0.9}).findings
        assert found.rule == "gate-unmeasurable"
        assert "has the tolerance 2 sd" in found.why
        assert "0 runs that tell how much it varies, where 3 are needed" in found.why

    @pytest.mark.parametrize(
        ("revision", "fix"),
        [
            ("main", "git fetch origin main:main"),
            ("origin/main", "git fetch origin"),
            ("HEAD~3", "git fetch origin"),
            ("--upload-pack=x", "git fetch origin"),
        ],
    )
    def test_an_unknown_revision_is_fetched(self, revision: str, fix: str) -> None:
        gate = GateConfig(ACC, against=revision)
        numbers = Numbers({ACC: 1}, {}, {revision: Baseline(None)})
        (found,) = check_gates((gate,), numbers).findings
        assert (found.rule, found.fix) == ("gate-unmeasurable", fix)

    def test_the_other_bounds_are_judged_all_the_same(self) -> None:
        gate = GateConfig(ACC, min=0.9, against="main")
        assert rules(judge(gate, {ACC: 0.1})) == ["gate-unmeasurable", "gate-broken"]


class TestWithoutMetric:
    def test_a_metric_that_is_nowhere_is_no_pass(self) -> None:
        (found,) = judge(GateConfig(ACC, min=0), {}).findings
        assert (found.rule, found.severity) == ("gate-without-metric", "error")
        assert "names no metric that any file holds" in found.why

    def test_a_metric_that_is_gone_is_no_pass(self) -> None:
        checked = judge(GateConfig(ACC, against="main"), {}, {ACC: 1})
        assert rules(checked) == ["gate-without-metric"]

    def test_a_short_name_is_completed(self) -> None:
        (found,) = judge(GateConfig("acc", min=0), {ACC: 1}).findings
        assert found.why.endswith("its full name may be metrics/m.json:acc.")

    def test_a_file_that_is_not_readable_is_named(self) -> None:
        problem = Problem("metrics/m.json", "it is not JSON: line 1.")
        (found,) = judge(GateConfig(ACC, min=0), {}, problems=(problem,)).findings
        assert "metrics/m.json is not readable: it is not JSON: line 1." in found.why
        assert found.fix == "git log --oneline -- metrics/m.json"
