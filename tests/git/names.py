"""File names that break what takes names apart, or takes them for something else."""

from __future__ import annotations

HARD_NAMES = (
    "with space.txt",
    "été/naïve 数据.txt",
    "new\nline.txt",
    "tab\there.txt",
    "-rf",
    "--force",
    ":(glob)*.txt",
    ":colon",
    "star*.txt",
    "[a].txt",
    'quo"te.txt',
    "back\\slash",
    "#hash",
    "!bang",
    "trailing ",
    "bytes\udcff.txt",
)
