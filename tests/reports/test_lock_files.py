from __future__ import annotations

import pytest

from jupyter_mlops.formats.lock_file import read_lock_file
from jupyter_mlops.reports.lock_files import compare_packages
from jupyter_mlops.reports.project_rules import Mismatch, check_environment

REQUIREMENTS = b"""\
numpy==1.26.0
pandas[excel] == 2.0.0 ; python_version < "4"  # why
torch==2.1 \\
    --hash=sha256:00
loose>=1
-e .
Baz_q==3
"""
UV = b"""\
version = 1

[[package]]
name = "numpy"
version = "1.26.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "numpy"
version = "2.0.0"
source = { registry = "https://pypi.org/simple" }

[[package]]
name = "mine"
version = "0.1"
source = { editable = "." }
"""
POETRY = b"""\
[[package]]
name = "numpy"
version = "1.26.0"

[[package]]
name = "forked"
version = "1"
[package.source]
type = "git"
"""
CONDA = b"""\
version: 1
package:
- name: numpy
  version: 1.26.0
  manager: conda
- name: pandas
  version: '2.0'
  manager: pip
"""


def test_pinned_requirements_are_needed() -> None:
    wanted = read_lock_file("requirements.txt", REQUIREMENTS)
    here = {"numpy": "1.26", "pandas": "2.1.0", "torch": "2.1.0+cu118"}
    assert compare_packages(wanted, here) == [
        Mismatch("baz-q", ("3",), None),
        Mismatch("pandas", ("2.0.0",), "2.1.0"),
    ]


def test_uv_has_a_version_for_each_system() -> None:
    wanted = read_lock_file("uv.lock", UV)
    assert wanted.versions == {"numpy": ("1.26.0", "2.0.0")}
    assert compare_packages(wanted, {"NumPy": "2.0.0"}) == []
    assert compare_packages(wanted, {}) == []
    assert compare_packages(wanted, {"numpy": "1.0"})[0].installed == "1.0"


def test_poetry_and_conda() -> None:
    assert read_lock_file("poetry.lock", POETRY).versions == {"numpy": ("1.26.0",)}
    assert read_lock_file("conda-lock.yml", CONDA).versions == {
        "numpy": ("1.26.0",),
        "pandas": ("2.0",),
    }


@pytest.mark.parametrize(
    ("here", "wanted", "same"),
    [
        ("1.0", "1.0.0", True),
        ("1.0rc1", "1.0.rc1", True),
        ("1.0a1", "1.0.alpha1", True),
        ("v2.0", "2", True),
        ("1!2.0", "2.0", False),
        ("2.0.post1", "2.0", False),
        ("2.0+cpu", "2.0+cu118", False),
        ("not a version", "2", False),
        ("9" * 5000, "9", False),
    ],
)
def test_versions_are_equal_as_pip_means_it(here: str, wanted: str, same: bool) -> None:
    lock = read_lock_file("requirements.txt", f"a=={wanted}\n".encode())
    assert (compare_packages(lock, {"a": here}) == []) == same


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "conda-lock.yml", "requirements.txt"])
def test_whatever_stands_in_them_is_read(name: str) -> None:
    for content in (b"", b"\xff\x00[[package]]", b"[[package]]\n" * 1000, b"==" * 10_000):
        assert read_lock_file(name, content).versions == {}


def test_it_tells_a_few_and_counts_the_rest() -> None:
    lost = [Mismatch(f"p{n}", ("1",), None) for n in range(6)]
    (found,) = check_environment("uv.lock", lost, "uv sync --frozen")
    assert found.why.endswith("p3 1 is not installed, and 2 more.")
    assert check_environment("uv.lock", [], "") == []
