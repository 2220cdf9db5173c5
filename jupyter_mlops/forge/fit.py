"""A body that fits into what a forge takes: parts become shorter as a whole, none is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

_BETWEEN = "\n\n"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body, in Markdown.

    ``forms`` are the ways to say it, from the longest to the shortest: whole, folded, with the
    least changed rows left out, as a link. ``priority`` says what is kept whole longest: the
    highest number.
    """

    forms: tuple[str, ...]
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """What became of a body: its text, and how many parts are shorter than they were or gone."""

    text: str
    shortened: int = 0
    left_out: int = 0


def fit_parts(parts: Sequence[Part], most_characters: int, *, elsewhere: str = "") -> Fitted:
    """Return the parts in their order, as long as they may be and no longer.

    While it is too long, of the parts with the lowest priority the longest takes its next form;
    when all have their shortest, parts go whole, the lowest priority and among them the last first.
    What went is counted in a last line, to which ``elsewhere`` is added: a sentence in Markdown
    that says where all of it is.

    A body that fits is unchanged. One of which no part fits is that last line, however short the
    limit.
    """
    chosen = [0] * len(parts)
    texts = [part.forms[0].strip("\n") if part.forms else "" for part in parts]
    size = sum(len(text) + len(_BETWEEN) for text in texts if text)
    room = most_characters - len(_left_out_line(len(parts), elsewhere)) - len(_BETWEEN)
    limit = most_characters if size <= most_characters else room
    waiting = [(part.priority, -len(texts[i]), i) for i, part in enumerate(parts)]
    heapify(waiting)
    while size > limit and waiting:
        priority, _, i = heappop(waiting)
        if chosen[i] + 1 >= len(parts[i].forms):
            continue
        chosen[i] += 1
        text = parts[i].forms[chosen[i]].strip("\n")
        size += _cost(text) - _cost(texts[i])
        texts[i] = text
        heappush(waiting, (priority, -len(text), i))
    gone: set[int] = set()
    for i in sorted(range(len(parts)), key=lambda i: (parts[i].priority, -i)):
        if size <= limit:
            break
        size -= _cost(texts[i])
        gone.add(i)
    kept = [text for i, text in enumerate(texts) if text and i not in gone]
    shortened = sum(1 for i, form in enumerate(chosen) if form and i not in gone)
    if gone or shortened:
        kept.append(_left_out_line(len(gone), elsewhere))
    return Fitted(_BETWEEN.join(text for text in kept if text), shortened, len(gone))


def split_markdown(text: str) -> list[Part]:
    """Return Markdown as parts, one for each heading of the first two levels.

    The first is kept longest. Shorter than whole, a part is its heading and a line that says so.
    """
    blocks: list[list[str]] = [[]]
    fence = ""
    for line in text.splitlines():
        mark = line.lstrip()[:3]
        if mark in ("```", "~~~") and (not fence or mark == fence):
            fence = "" if fence else mark
        if not fence and line.startswith(("# ", "## ")) and any(blocks[-1]):
            blocks.append([])
        blocks[-1].append(line)
    parts = []
    for number, lines in enumerate(blocks):
        forms = ["\n".join(lines)]
        if lines and lines[0].startswith("#") and len(lines) > 1:
            forms.append(f"{lines[0]}\n\n*Too long to stand here.*")
        parts.append(Part(tuple(forms), priority=-number))
    return parts


def _cost(text: str) -> int:
    return len(text) + len(_BETWEEN) if text else 0


def _left_out_line(count: int, elsewhere: str) -> str:
    said = (
        f"*{count} more {'part' if count == 1 else 'parts'} would not fit here.*" if count else ""
    )
    return " ".join(text for text in (said, elsewhere) if text)
