from __future__ import annotations

import math

import pytest

from jupyter_mlops.explain.noise import Noise, estimate_noise
from jupyter_mlops.explain.ranking import Difference, Kind, rank, share_of_change
from jupyter_mlops.explain.seeds import find_seeds, is_seed


def test_causes_before_results_and_large_before_small() -> None:
    kinds: list[tuple[Kind, str, float]] = [
        ("duration", "a", 1.0),
        ("hardware", "a", 1.0),
        ("environment", "a", 0.9),
        ("environment", "b", 1.0),
        ("code", "a", 0.5),
        ("seed", "a", 1.0),
        ("parameter", "a", 0.1),
        ("data", "a", 0.2),
        ("data", "b", 0.01),
        ("parameter", "b", 0.2),
    ]
    found = rank(Difference(kind, name, "", share) for kind, name, share in kinds)
    assert [(one.kind, one.name) for one in found] == [
        ("data", "a"),
        ("parameter", "b"),
        ("parameter", "a"),
        ("data", "b"),
        ("seed", "a"),
        ("code", "a"),
        ("environment", "b"),
        ("environment", "a"),
        ("hardware", "a"),
        ("duration", "a"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "share"),
    [
        (4, 8, 0.5),
        (8, 4, 0.5),
        (0, 3, 1.0),
        (-1, 1, 1.0),
        (100, 99, 0.01),
        (True, False, 1.0),
        ("adam", "sgd", 1.0),
        (1, "1", 1.0),
        (None, 3, 0.5),
        (math.nan, 1.0, 1.0),
        (math.inf, 1.0, 1.0),
        (10**400, 1.5, 1.0),
    ],
)
def test_how_much_of_a_value_changed(old: object, new: object, share: float) -> None:
    assert share_of_change(old, new) == pytest.approx(share)


@pytest.mark.parametrize(
    "name", ["seed", "p.json:model.random_state", "randomState", "np_seed", "SEED"]
)
def test_names_of_seeds(name: str) -> None:
    assert is_seed(name)


@pytest.mark.parametrize("name", ["seedling", "seed.depth", "state", "random", "reseeded"])
def test_names_of_other_things(name: str) -> None:
    assert not is_seed(name)


def test_seeds_in_code() -> None:
    lines = [
        "random.seed(1)  # seed=9",
        "model = Forest(random_state=42, depth=3)",
        "SEED: int = 7",
        "rng = np.random.default_rng(5)",
        "seed = args.seed",
        "split(x, random_state = None)",
    ]
    assert find_seeds(lines) == {
        "seed": ("1",),
        "random_state": ("42", "None"),
        "SEED": ("7",),
        "default_rng": ("5",),
    }


def test_repeats_tell_the_noise_where_there_are_some() -> None:
    noise = estimate_noise([0.01, -0.01, 0.02, 0, 0.03, math.nan], [9.0] * 20)
    assert noise == Noise(pytest.approx(0.014826), "unchanged", 5)  # type: ignore[arg-type]
    assert noise is not None
    assert [noise.is_exceeded(move) for move in (0.04, -0.05, 0.05)] == [False, True, True]


def test_else_most_moves_are_noise() -> None:
    moves = [0.01, -0.01] * 4 + [5.0, -7.0]
    noise = estimate_noise([0.3] * 4, moves)
    assert noise is not None
    assert (noise.basis, noise.moves) == ("all", 10)
    assert [move for move in moves if noise.is_exceeded(move)] == [5.0, -7.0]


def test_few_moves_tell_nothing() -> None:
    assert estimate_noise([0.1] * 4, [0.1] * 7) is None
    assert estimate_noise([], [math.inf] * 20) is None
