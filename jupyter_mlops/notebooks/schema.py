"""Whether a file is a notebook of nbformat 4, decided in one pass over its bytes.

What is asked of it is what nbformat's own schema asks, but for fields beyond it, which other
programs add; nbformat itself takes a second to load and longer than that for a hundred notebooks.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from jupyter_mlops.notebooks.parts import decode_parts

Lines = str | list[str]
_Count = Annotated[int, msgspec.Meta(ge=0)] | None
_Id = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
_Bundle = dict[str, Any]


class CellMetadata(msgspec.Struct):
    """What the format says of a cell's metadata; more may stand in it."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType = msgspec.UNSET
    jupyter: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class CodeMetadata(CellMetadata):
    """The same of a cell with code."""

    collapsed: bool | msgspec.UnsetType = msgspec.UNSET
    scrolled: bool | Literal["auto"] | msgspec.UnsetType = msgspec.UNSET


class Stream(msgspec.Struct, tag="stream", tag_field="output_type"):
    """What was written to a stream."""

    name: str
    text: Lines


class Result(msgspec.Struct, tag="execute_result", tag_field="output_type"):
    """The value of a cell."""

    data: _Bundle
    metadata: dict[str, Any]
    execution_count: _Count


class Display(msgspec.Struct, tag="display_data", tag_field="output_type"):
    """What a cell has shown."""

    data: _Bundle
    metadata: dict[str, Any]


class Failure(msgspec.Struct, tag="error", tag_field="output_type"):
    """An exception."""

    ename: str
    evalue: str
    traceback: list[str]


Output = Stream | Result | Display | Failure


class CodeCell(msgspec.Struct, tag="code", tag_field="cell_type"):
    """A cell with code, and what it put out."""

    metadata: CodeMetadata
    source: Lines
    outputs: list[Output]
    execution_count: _Count
    id: _Id | msgspec.UnsetType = msgspec.UNSET


class MarkdownCell(msgspec.Struct, tag="markdown", tag_field="cell_type"):
    """A cell with text."""

    metadata: CellMetadata
    source: Lines
    id: _Id | msgspec.UnsetType = msgspec.UNSET


class RawCell(msgspec.Struct, tag="raw", tag_field="cell_type"):
    """A cell that passes through."""

    metadata: CellMetadata
    source: Lines
    id: _Id | msgspec.UnsetType = msgspec.UNSET


class _Kernel(msgspec.Struct):
    name: str
    display_name: str


class _Language(msgspec.Struct):
    name: str


class _Metadata(msgspec.Struct):
    kernelspec: _Kernel | msgspec.UnsetType = msgspec.UNSET
    language_info: _Language | msgspec.UnsetType = msgspec.UNSET
    title: str | msgspec.UnsetType = msgspec.UNSET
    authors: list[Any] | msgspec.UnsetType = msgspec.UNSET


class _Notebook(msgspec.Struct):
    nbformat: Literal[4]
    nbformat_minor: Annotated[int, msgspec.Meta(ge=0)]
    metadata: _Metadata
    cells: list[CodeCell | MarkdownCell | RawCell]


def find_fault(content: bytes) -> str | None:
    """Return why ``content`` does not follow the format of notebooks, None where it does.

    The text completes a sentence that begins with "it does not follow its format:".
    """
    try:
        decode_parts(content, _Notebook)
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        return str(error)
    except (ValueError, RecursionError):
        return "it is nested too deeply"
    return None
