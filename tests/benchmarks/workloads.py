"""The data that is measured with: the same bytes for the same arguments, at any size."""

from __future__ import annotations

import base64
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from blake3 import blake3

SMALL_FILES_COUNT = 100_000
BIG_FILE_BYTES = 2 << 30
CODE_FILES_COUNT = 50_000
MANY_FILES_COUNT = 1_000_000
NOTEBOOKS_COUNT = 100
"""How much there is at scale 1: small files, bytes in one file, code in Git, very many files,
notebooks."""

PLACES_COUNT = 200
"""In how many places a big file is edited."""

_ROWS_A_BLOCK = 1 << 16
_BLOCK_BYTES = 4 << 20
_FOLDERS_COUNT = 100
_DIGITS = b"0123456789"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How big the workloads are."""

    small_files_count: int
    big_file_bytes: int
    code_files_count: int
    many_files_count: int
    notebooks_count: int

    @classmethod
    def at(cls, scale: float) -> Sizes:
        """Return the sizes at ``scale``, of which 1 is the full one; notebooks are always as many.

        The peer takes as long for each, so that a part of them says as little as the whole.
        """
        return cls(
            max(_FOLDERS_COUNT, round(SMALL_FILES_COUNT * scale)),
            max(1 << 20, round(BIG_FILE_BYTES * scale)),
            max(1, round(CODE_FILES_COUNT * scale)),
            max(_FOLDERS_COUNT, round(MANY_FILES_COUNT * scale)),
            NOTEBOOKS_COUNT,
        )


def make_noise(path: Path, size_bytes: int, seed: int = 4) -> None:
    """Write a file that no compression makes smaller."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        for start in range(0, size_bytes, _BLOCK_BYTES):
            file.write(rng.randbytes(min(_BLOCK_BYTES, size_bytes - start)))


def make_csv(path: Path, size_bytes: int, seed: int = 1) -> None:
    """Write a table of rising times, categories and wandering numbers of about ``size_bytes``."""
    rng = random.Random(seed)
    with open(path, "wb") as file:
        number = 0
        while file.tell() < size_bytes:
            rows = []
            for _ in range(_ROWS_A_BLOCK):
                number += 1
                rows.append(_row(rng, number))
            file.write("".join(rows).encode())


def edit_csv(source: Path, target: Path, seed: int = 2) -> None:
    """Write a copy with 1 % of the rows edited in 200 places and 1 % appended."""
    rng = random.Random(seed)
    count = _count_rows(source)
    span = max(1, count // 100 // PLACES_COUNT)
    starts = sorted(rng.sample(range(count - span), PLACES_COUNT))
    with open(source, "rb") as old, open(target, "wb") as new:
        at = 0
        for number, start in enumerate(starts):
            fresh = [_row(rng, start + n).encode() for n in range(span)]
            if number % 4 == 1:
                fresh = [b"" for _ in fresh[: span // 10]] + fresh[span // 10 :]
            if number % 4 == 3:
                fresh[0] += b"".join(fresh[: max(1, span // 10)])
            for _ in range(start - at):
                new.write(old.readline())
            following = starts[number + 1] if number + 1 < len(starts) else count
            taken = min(span, following - start)
            for _ in range(taken):
                old.readline()
            new.writelines(fresh[:taken])
            at = start + taken
        new.writelines(old)
        new.writelines(_row(rng, count + n).encode() for n in range(count // 100))


def edit_in_place(path: Path, seed: int) -> None:
    """Change digits in 1 % of a file, in 200 places; it stays as long as it is."""
    rng = random.Random(seed)
    size = path.stat().st_size
    span = max(1, size // 100 // PLACES_COUNT)
    with open(path, "r+b") as file:
        for _ in range(PLACES_COUNT):
            start = rng.randrange(size - span)
            turn = rng.randrange(1, 10)
            file.seek(start)
            part = file.read(span)
            file.seek(start)
            file.write(part.translate(bytes.maketrans(_DIGITS, _DIGITS[turn:] + _DIGITS[:turn])))


def make_small_files(folder: Path, count: int, seed: int = 3) -> None:
    """Write ``count`` files of 4 to 12 KiB in 100 folders, half of them text, half noise."""
    rng = random.Random(seed)
    text = _text(rng)
    for number in range(count):
        path = small_file(folder, number)
        if number < _FOLDERS_COUNT:
            path.parent.mkdir(parents=True)
        _write(path, _content(rng, text, number))


def change_small_files(folder: Path, count: int, seed: int) -> None:
    """Write 1 % of ``count`` files anew: half of them whole, half with a few bytes put in."""
    rng = random.Random(seed)
    text = _text(rng)
    for turn, number in enumerate(sorted(rng.sample(range(count), max(1, count // 100)))):
        path = small_file(folder, number)
        if turn % 2:
            content = path.read_bytes()
            at = rng.randrange(len(content))
            content = content[:at] + rng.randbytes(16) + content[at:]
        else:
            content = _content(rng, text, number)
        _write(path, content)


def change_one_file(folder: Path, count: int, seed: int) -> None:
    """Put a few bytes at the end of one of ``count`` files."""
    rng = random.Random(seed)
    with open(small_file(folder, rng.randrange(count)), "ab") as file:
        file.write(rng.randbytes(16))


def small_file(folder: Path, number: int) -> Path:
    """Return where the small file of this number lies."""
    return folder / f"d{number % _FOLDERS_COUNT:02d}" / f"f{number:06d}"


def make_code(folder: Path, count: int) -> None:
    """Write ``count`` small modules of Python, a hundred to a folder."""
    for number in range(count):
        path = folder / f"p{number // 10_000}" / f"m{number // 100}" / f"f{number}.py"
        if number % 100 == 0:
            path.parent.mkdir(parents=True)
        lines = "".join(f"    total += {number} * {line}\n" for line in range(20))
        _write(path, f"def count{number}(total):\n{lines}    return total\n".encode())


def make_notebooks(folder: Path, count: int) -> None:
    """Write notebooks, each as :func:`make_notebook` makes it."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number}.ipynb").write_bytes(make_notebook(number))


def make_notebook(number: int, seed: int = 6) -> bytes:
    """Return a notebook of 118 kB that was run: pictures and texts in 20 cells."""
    rng = random.Random(f"{seed} {number}")
    cells = [_notebook_cell(rng, place) for place in range(20)]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(notebook, indent=1, sort_keys=True) + "\n").encode()


def hash_files(path: Path) -> str:
    """Return one hash of the names and contents of a file, or of all files beneath a folder."""
    if path.is_file():
        return _hash_file(path).hex()
    whole = blake3()
    for name in sorted(_iter_files(path)):
        whole.update(f"{name}\0".encode() + _hash_file(path / name))
    return whole.hexdigest()


def _iter_files(folder: Path) -> Iterator[str]:
    for here, _, names in os.walk(folder):
        for name in names:
            yield os.path.relpath(os.path.join(here, name), folder)


def _hash_file(path: Path) -> bytes:
    return blake3().update_mmap(path).digest()


def _count_rows(path: Path) -> int:
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in _iter_blocks(file))


def _iter_blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        yield block


def _notebook_cell(rng: random.Random, place: int) -> dict[str, object]:
    picture = base64.b64encode(rng.randbytes(3750)).decode()
    shown = {
        "data": {"image/png": picture, "text/plain": [f"<Figure {rng.random()}>"]},
        "execution_count": place,
        "metadata": {},
        "output_type": "execute_result",
    }
    printed = {"name": "stdout", "output_type": "stream", "text": [f"epoch {place}\n"] * 20}
    return {
        "cell_type": "code",
        "execution_count": place,
        "id": f"cell-{place}",
        "metadata": {},
        "outputs": [shown, printed],
        "source": [f"value = {rng.random()}\n", "value"],
    }


def _text(rng: random.Random) -> bytes:
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(2, 9))) for _ in range(2000)]
    return " ".join(rng.choices(words, k=400_000)).encode()


def _content(rng: random.Random, text: bytes, number: int) -> bytes:
    size = rng.randint(4096, 12288)
    start = rng.randrange(len(text) - size)
    return text[start : start + size] if number % 2 else rng.randbytes(size)


def _write(path: Path, content: bytes) -> None:
    with open(path, "wb", buffering=0) as file:
        file.write(content)


def _row(rng: random.Random, number: int) -> str:
    bits = rng.getrandbits(62)
    return (
        f"{number:010d},2026-01-{1 + number // 86400 % 28:02d}T{number // 3600 % 24:02d}"
        f":{number // 60 % 60:02d}:{number % 60:02d},sensor_{bits % 200:03d},"
        f"{(bits >> 8) % 400000 / 10000 - 20:+08.4f},{(bits >> 28) % 1000000 / 1000000:.6f},"
        f"{'ok' if bits >> 50 & 7 else 'fail'},{(bits >> 40) % 5000 * 17:08d}\n"
    )
