from __future__ import annotations

from typing import Any

import pytest
from nbformat import ValidationError, reads
from nbformat.validator import validate

from jupyter_mlops.notebooks.schema import find_fault
from tests.notebooks.conftest import FIGURE, code, notebook_bytes
from tests.support.notebook_corpus import make_samples

_FAULTS: list[dict[str, Any]] = [
    {"cell_type": "code", "id": "a", "metadata": {}, "source": "x", "outputs": []},
    {"cell_type": "other", "id": "a", "metadata": {}, "source": "x"},
    {"cell_type": "markdown", "id": "a", "metadata": {}, "source": 3},
    {"cell_type": "markdown", "id": "a b", "metadata": {}, "source": "x"},
    {"cell_type": "raw", "id": "a", "metadata": {"tags": "x"}, "source": ""},
    code("x", id="a", execution_count="1"),
    code("x", id="a", outputs=[{"output_type": "stream", "text": "x"}]),
    code("x", id="a", outputs=[{"output_type": "error", "ename": "E", "evalue": ""}]),
]


@pytest.mark.parametrize("cell", _FAULTS)
def test_nbformat_refuses_it_too(cell: dict[str, Any]) -> None:
    content = notebook_bytes([cell])
    assert find_fault(content) is not None
    with pytest.raises(ValidationError):
        validate(reads(content.decode(), as_version=4), version=4)


def test_figures_with_nan_are_fine() -> None:
    assert find_fault(notebook_bytes([code("x", id="a", outputs=[FIGURE])])) is None


@pytest.mark.filterwarnings("ignore:.*cell id:Warning", "ignore:Cell is missing:Warning")
def test_what_nbformat_takes_is_taken() -> None:
    for sample in make_samples(200):
        if sample.is_notebook and b'"nbformat": 4' in sample.content and find_fault(sample.content):
            with pytest.raises(ValidationError):
                reads(sample.content.decode(), as_version=4)
                validate(reads(sample.content.decode(), as_version=4))
