from __future__ import annotations

import pytest

from jupyter_mlops.explain.lock_files import (
    compare_packages,
    is_lock_file,
    read_lock_file,
    share_of_version,
)

UV = """
version = 1
[[package]]
name = "NumPy"
version = "2.0.1"
[[package]]
name = "pandas"
version = "2.2"
[[package]]
name = "here"
source = { editable = "." }
"""
CONDA_LOCK = """
package:
- name: numpy
  version: 2.0.1
  manager: conda
- name: pandas
  version: '2.2'
"""
PIXI = """
packages:
- conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-2.0.1-py312h1_0.conda
- pypi: https://files.pythonhosted.org/x.whl
  name: pandas
  version: '2.2'
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("uv.lock", UV),
        ("poetry.lock", UV),
        ("sub/pylock.toml", UV.replace("[[package]]", "[[packages]]")),
        (
            "Pipfile.lock",
            '{"default": {"numpy": {"version": "==2.0.1"}, "x": {}}, '
            '"develop": {"pandas": {"version": "==2.2"}}}',
        ),
        (
            "requirements.txt",
            "# a\nnumpy==2.0.1 ; python_version > '3'\nPandas[x]==2.2  # b\nscipy>=1\n-r x.txt\n",
        ),
        ("requirements-dev.txt", "numpy===2.0.1 --hash=sha256:0\npandas==2.2\n"),
        ("environment.yml", "name: x\ndependencies:\n - numpy=2.0.1\n - pip:\n   - pandas==2.2\n"),
        ("conda-lock.yml", CONDA_LOCK),
        ("pixi.lock", PIXI),
    ],
)
def test_every_kind_names_its_packages(name: str, text: str) -> None:
    assert is_lock_file(name)
    assert read_lock_file(name, text.encode()) == {"numpy": "2.0.1", "pandas": "2.2"}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("uv.lock", b"[", "is not TOML"),
        ("uv.lock", b"\xff", "is not UTF-8"),
        ("Pipfile.lock", b"[" * 100_000, "is not JSON"),
        (
            "requirements.txt",
            b"".join(b"p%d==1\n" % i for i in range(100_001)),
            "more than 100,000",
        ),
    ],
)
def test_what_cannot_be_read(name: str, content: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_lock_file(name, content)


@pytest.mark.parametrize("content", [b'{"default": []}', b"[]", b'{"default": {"a": 1}}'])
def test_a_lock_of_another_shape_names_nothing(content: bytes) -> None:
    assert read_lock_file("Pipfile.lock", content) == {}


def test_other_files_are_no_locks() -> None:
    assert not any(map(is_lock_file, ("notes.txt", "pyproject.toml", "my-requirements.md")))


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
