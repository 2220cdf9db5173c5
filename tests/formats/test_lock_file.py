from __future__ import annotations

import pytest

from jupyter_mlops.formats.lock_file import is_lock_file, read_lock_file

UV = """
version = 1
[[package]]
name = "NumPy"
version = "2.0.1"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "pandas"
version = "2.2"
source = { registry = "https://pypi.org/simple" }
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
    found = read_lock_file(name, text.encode())
    assert found.versions == {"numpy": ("2.0.1",), "pandas": ("2.2",)}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("pylock.toml", b"[", "is not TOML"),
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
    assert read_lock_file("Pipfile.lock", content).versions == {}


def test_other_files_are_no_locks() -> None:
    assert not any(map(is_lock_file, ("notes.txt", "pyproject.toml", "my-requirements.md")))
