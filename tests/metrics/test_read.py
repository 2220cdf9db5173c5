from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.files.folder_tree import FolderTree
from jupyter_mlops.metrics.read import (
    FILE_LIMIT_BYTES,
    NAMES_LIMIT,
    decode_metrics,
    decode_params,
    full_name,
    label_names,
    read_metrics,
    read_params,
    split_name,
)

KEYS = st.text(st.characters(codec="utf-8"), max_size=8)


def test_numbers_are_named_by_their_path() -> None:
    content = b'{"acc": 0.9, "val": {"loss": 1, "per/class": {"a.b": 2}}, "\xc3\xbc": -0.5}'
    assert decode_metrics("m.json", content) == {
        "acc": 0.9,
        "ü": -0.5,
        "val.loss": 1,
        "val.per/class.a.b": 2,
    }


def test_what_is_no_number_is_no_metric() -> None:
    content = b'{"note": "x", "ok": true, "list": [1, 2], "none": null, "n": 3}'
    assert decode_metrics("m.json", content) == {"n": 3}


@pytest.mark.parametrize("spelling", ["NaN", '"NaN"'])
def test_nan_is_kept(spelling: str) -> None:
    (value,) = decode_metrics("m.json", f'{{"loss": {spelling}}}'.encode()).values()
    assert math.isnan(value)


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        ("Infinity", math.inf),
        ('"-Infinity"', -math.inf),
        ("1e999", math.inf),
        ("1" * 400, math.inf),
    ],
)
def test_infinities_are_kept(spelling: str, value: float) -> None:
    assert decode_metrics("m.json", f'{{"x": {spelling}}}'.encode()) == {"x": value}


def test_the_shallow_spelling_wins() -> None:
    assert decode_metrics("m.json", b'{"a": {"b": 1}, "a.b": 2}') == {"a.b": 2}


def test_yaml_and_toml() -> None:
    assert decode_metrics("m.yaml", b"acc: 0.9\nnested:\n  loss: 1e-3\n  bad: .nan\n")[
        "nested.loss"
    ] == pytest.approx(0.001)
    assert decode_metrics("m.TOML", b"acc = 0.9\n[nested]\nloss = inf\n") == {
        "acc": 0.9,
        "nested.loss": math.inf,
    }


def test_a_byte_order_mark_is_no_harm() -> None:
    assert decode_metrics("m.json", b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("m.json", b"{", "it is not JSON"),
        ("m.json", b"<<<<<<< HEAD\n{}\n", "it is not JSON"),
        ("m.json", b"", "it is not JSON"),
        ("m.json", b'{"a": \xff}', "it is not UTF-8"),
        ("m.json", b"[" * 100_000, "it is nested too deeply"),
        ("m.json", b'{"a":' * 40 + b"1" + b"}" * 40, "it is nested too deeply"),
        ("m.json", b" " * (FILE_LIMIT_BYTES + 1), "it is larger than 8 MiB"),
        ("m.yaml", b"a: [", "it is not YAML"),
        ("m.yaml", b"a: !!python/object/apply:os.system [x]", "it is not YAML"),
        ("m.yaml", b'a: !!int ""', "it is not YAML"),
        ("m.yaml", b"a: !!bool x", "it is not YAML"),
        ("m.yaml", b"a: !!timestamp x", "it is not YAML"),
        ("m.toml", b"a =", "it is not TOML"),
        ("m.toml", b"a." * 100_000 + b"a = 1", "it is nested too deeply"),
        ("m.csv", b"a,b", "its name ends in none of"),
    ],
)
def test_broken_files_say_why(path: str, content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_metrics(path, content)


def test_too_many_values_are_refused() -> None:
    content = json.dumps({str(at): at for at in range(NAMES_LIMIT + 1)}).encode()
    with pytest.raises(ValueError, match="more than 10000 values"):
        decode_metrics("m.json", content)


@pytest.mark.parametrize("content", [b"[1, 2]", b"3", b'"x"', b"null"])
def test_what_is_no_table_holds_nothing(content: bytes) -> None:
    assert decode_metrics("m.json", content) == {}


def test_params_are_any_scalars() -> None:
    content = b"lr: 1e-3\nname: gbm\non: true\nnone: null\nwhen: 2026-01-02\nlayers: [64, [8, x]]\n"
    assert decode_params("p.yaml", content) == {
        "lr": 0.001,
        "name": "gbm",
        "True": True,
        "none": None,
        "when": "2026-01-02",
        "layers": '[64,[8,"x"]]',
    }


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: 0x" + b"f" * 5000, "an integer of more than"),
        (b"a: [{2026-01-02: 3}]", "keys are no texts"),
    ],
)
def test_what_no_record_could_keep_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode_params("p.yaml", content)


def test_half_of_a_surrogate_pair_is_shown_as_a_question_mark() -> None:
    assert decode_params("p.json", rb'{"a\ud800": "\udfff", "b": ["\ud800"]}') == {
        "a?": "?",
        "b": '["?"]',
    }


def test_a_list_that_explodes_is_cut() -> None:
    lines = [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 9)}]" for at in range(1, 20)]
    content = "\n".join(["a0: &a0 [lol, lol]", *lines]).encode()
    assert all(len(str(value)) <= 10_001 for value in decode_params("p.yaml", content).values())


def test_a_list_within_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="Circular"):
        decode_params("p.yaml", b"a: &a [*a]")


def test_reads_the_files_that_match(tmp_path: Path) -> None:
    for path, content in {
        "metrics/a.json": '{"x": 1}',
        "metrics/deep/b.json": '{"x": 2}',
        "metrics/broken.json": "{",
        "other.json": '{"x": 3}',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    read = read_metrics(FolderTree(tmp_path), ("metrics/**/*.json",))
    assert read.values == {"metrics/a.json:x": 1, "metrics/deep/b.json:x": 2}
    assert [problem.path for problem in read.problems] == ["metrics/broken.json"]
    assert read_params(FolderTree(tmp_path), ("other.json",)).values == {"other.json:x": 3}


@given(path=KEYS, key=KEYS)
def test_names_split_where_they_were_joined(path: str, key: str) -> None:
    if ":" not in path:
        assert split_name(full_name(f"{path}x.json", key)) == (f"{path}x.json", key)


@given(st.recursive(st.floats() | st.integers(), lambda inner: st.dictionaries(KEYS, inner)))
def test_every_number_is_found(values: object) -> None:
    found = decode_metrics("m.json", json.dumps({"top": values}).encode())

    def count(value: object) -> int:
        return sum(map(count, value.values())) if isinstance(value, dict) else 1

    assert len(found) <= count(values)
    assert all(isinstance(value, int | float) for value in found.values())


def test_labels_of_the_same_key_say_as_much_of_the_file_as_tells_them_apart() -> None:
    assert label_names(["a/m.json:acc", "a/n.json:acc", "a/n.json:loss"]) == {
        "a/m.json:acc": "acc · m",
        "a/n.json:acc": "acc · n",
        "a/n.json:loss": "loss",
    }
    assert label_names(["scores.json:acc", "pipeline/scores.json:acc", "x/m.json:acc"]) == {
        "scores.json:acc": "acc · scores",
        "pipeline/scores.json:acc": "acc · pipeline/scores",
        "x/m.json:acc": "acc · x/m",
    }
    assert label_names(["a/m.json:acc", "a/m.yaml:acc"]) == {
        "a/m.json:acc": "acc · m.json",
        "a/m.yaml:acc": "acc · m.yaml",
    }
    assert label_names(["a/M.json:acc", "a/m.json:acc"]) == {
        "a/M.json:acc": "acc · a/M.json",
        "a/m.json:acc": "acc · a/m.json",
    }
