from __future__ import annotations

from jupyter_mlops.explain.packages import compare_packages, share_of_version


def test_only_other_versions_differ() -> None:
    old, new = {"a": "1", "b": "1", "c": "1"}, {"a": "1", "b": "2", "d": "1"}
    assert compare_packages(old, new) == {"b": ("1", "2"), "c": ("1", None), "d": (None, "1")}


def test_a_part_further_left_counts_more() -> None:
    pairs = [
        ("1.2.3", "2.0.0"),
        ("1.2.3", "1.3.0"),
        ("1.2.3", "1.2.4"),
        (None, "1"),
        ("1.0", "1.0+c"),
    ]
    shares = [share_of_version(*pair) for pair in pairs]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) == len(shares)
