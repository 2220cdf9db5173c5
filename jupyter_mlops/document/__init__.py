"""What a person reads, as values; ``document.render`` turns them into text, HTML, Markdown."""

from jupyter_mlops.document.model import (
    Block,
    Bytes,
    Cell,
    Code,
    Delta,
    Document,
    Figure,
    Hint,
    Note,
    Number,
    Patch,
    PatchLine,
    Table,
    Time,
)

__all__ = [
    "Block",
    "Bytes",
    "Cell",
    "Code",
    "Delta",
    "Document",
    "Figure",
    "Hint",
    "Note",
    "Number",
    "Patch",
    "PatchLine",
    "Table",
    "Time",
]
