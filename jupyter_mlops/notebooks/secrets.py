"""Secrets that an output shows: keys, tokens, passwords, found by the rules of detect-secrets.

Its rules are regular expressions that cost a second for a megabyte, so they look only around what
may be a secret at all: long runs of letters and digits, addresses, and words such as ``password``.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from itertools import islice

SCANNED_CHARACTERS = 1 << 20
"""How much of each text of an output is looked at, from its beginning."""

_NAMED = "password or key by its name"
_AROUND = 200
_BEFORE_NAME = 12
_NAMES_LIMIT = 2000

_PIECE = 4000
_OVERLAP = 1000
_RUN_LIMIT = 4000  # a longer run is data in base64
_RUN = re.compile(r"[A-Za-z0-9_\-]{20,}")
_MARKS = ("://", "AccountKey=", "PRIVATE KEY", "PuTTY-User-Key")
_NAMES = ("password", "passwd", "_pass", "pwd", "secret", "token", "key", "contrase")
_HARMLESS = ("tokeniz", "tokens", "token_type")
_VARIABLE = re.compile(
    r"^[ \t]{0,20}(?:export )?[A-Z0-9_]{0,60}(?:KEY|TOKEN|SECRET|PASS|PASSWORD|PASSWD)"
    r"[A-Z0-9_]{0,60}=(\S{1,200})$",
    re.MULTILINE,
)
_BARE = re.compile(
    r"(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|token)[ \t]{0,3}[:=][ \t]{0,3}"
    r"([^\s\"']\S{7,199})(?!\S)",
    re.IGNORECASE,
)
_CODE_OR_PATH = re.compile(r"[A-Za-z_][\w.]{0,100}[(\[]|[/~.]")
_LIKELY = re.compile(r"[!-;=-~][!-~]{7,199}")  # not <like_this1>
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_BINARY = re.compile(r"image/(?!svg)|audio/|video/|application/(?:pdf|octet-stream)|(?:png|jpeg)$")
_CODE_TAGS = ("script", "style")
_CODE = ("application/javascript", "text/javascript", "javascript", "text/css")

_ISSUED: Mapping[str, re.Pattern[str]] = {
    "Anthropic or OpenAI API key": re.compile(
        r"\bsk-(?:(?:ant|proj|svcacct|admin)-[\w-]{32,}|\w{20}T3BlbkFJ\w{20})"
    ),
    "Azure storage key": re.compile(r"AccountKey=[A-Za-z0-9+/]{86}=="),
    "GitHub Token": re.compile(r"\bgithub_pat_\w{60,}"),
    "GitLab token": re.compile(r"\bglpat-[\w-]{20,}"),
    "Google API key": re.compile(r"\bAIza[\w-]{35}(?![\w-])"),
    "Hugging Face token": re.compile(r"\bhf_[A-Za-z0-9]{34}\b"),
    "PyPI token": re.compile(r"\bpypi-AgE[\w-]{50,}"),
}
"""What issuers say their keys look like, where detect-secrets has no rule."""


def find_secrets(fields: object) -> tuple[str, ...]:
    """Return what kinds of secrets ``fields``, an output or other JSON, shows, sorted by name.

    Pictures, sound and other bytes are not looked at, nor what is past the first
    :data:`SCANNED_CHARACTERS` of a text. Nothing is verified anywhere: a test key counts as a key.
    """
    kinds: set[str] = set()
    for mime, text in _iter_texts("", fields):
        kinds |= _find(mime, text[:SCANNED_CHARACTERS])
    return tuple(sorted(kinds))


def _iter_texts(key: str, value: object) -> Iterator[tuple[str, str]]:
    """Yield the texts of an output, each with its MIME type or, if it has none, its key."""
    if _BINARY.match(key):
        return
    if isinstance(value, str):
        yield key, _COLOUR.sub("", value)
    elif isinstance(value, list) and all(isinstance(part, str) for part in value):
        yield from _iter_texts(key, "\n".join(value))
    elif isinstance(value, dict) and key in ("", "data", "outputs"):
        for inner, part in value.items():
            yield from _iter_texts(inner, part)
    elif isinstance(value, dict | list):
        yield key, json.dumps(value)


def _find(mime: str, text: str) -> set[str]:
    if "&" in text:
        text = html.unescape(text)
    kinds: set[str] = set()
    for part in _iter_suspicious(text):
        kinds |= {kind for kind, rule in _ISSUED.items() if rule.search(part)}
        kinds |= {kind for kind, find in _load_rules().items() if any(find(part))}
    if mime not in _CODE and _has_named(_without_code(text)):
        kinds.add(_NAMED)
    return kinds


def _iter_suspicious(text: str) -> Iterator[str]:
    """Yield the parts of ``text`` in which the rules may find something, in order."""
    places = [
        (run.start(), run.end())
        for run in _RUN.finditer(text)
        if run.end() - run.start() <= _RUN_LIMIT
    ]
    places += [(at, at) for mark in _MARKS for at in _iter_places(text, mark)]
    start = end = 0
    for first, last in sorted(places):
        if first - _AROUND > end:
            yield from _iter_parts(text, start, end)
            start = first - _AROUND
        end = last + _AROUND
    yield from _iter_parts(text, start, end)


def _iter_parts(text: str, start: int, end: int) -> Iterator[str]:
    """Yield a part in pieces that overlap: the time that a rule takes may grow with the square."""
    for at in range(start, max(start + 1, end - _OVERLAP), _PIECE - _OVERLAP):
        yield text[at : min(end, at + _PIECE)]


def _without_code(text: str) -> str:
    """Return ``text`` without scripts and styles, to the end where one is not closed."""
    for word in _CODE_TAGS:
        kept = []
        at = 0
        while (begun := text.find(f"<{word}", at)) >= 0:
            kept.append(text[at:begun])
            ended = text.find(f"</{word}", begun)
            at = ended if ended >= 0 else len(text)
        text = "".join([*kept, text[at:]])
    return text


def _has_named(text: str) -> bool:
    """Return whether ``text`` gives something a value that is called, say, a password."""
    if any(_is_likely(found[1]) for found in _VARIABLE.finditer(text)):
        return True
    bare = (found[1].rstrip(",;") for found in _BARE.finditer(text))
    if any(_is_likely(value) and not _CODE_OR_PATH.match(value) for value in bare):
        return True
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capital letters have two small ones
        lowered = text
    places = (
        at
        for name in _NAMES
        for at in _iter_places(lowered, name)
        if not lowered.startswith(_HARMLESS, at)
    )
    find = None
    for at in islice(places, _NAMES_LIMIT):
        part = text[max(0, at - _BEFORE_NAME) : at + _AROUND]
        if "'" not in part and '"' not in part:  # the rule wants a value in quotes
            continue
        find = find or _load_named_rule()
        if any(map(_is_likely, find(part))):
            return True
    return False


def _is_likely(value: str) -> bool:
    """Return whether a value may be a password: long, of one word, of letters and digits."""
    return (
        _LIKELY.fullmatch(value) is not None
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not _UUID.fullmatch(value)
    )


def _iter_places(text: str, word: str) -> Iterator[int]:
    at = text.find(word)
    while at >= 0:
        yield at
        at = text.find(word, at + len(word))


_Find = Callable[[str], Iterable[str]]


@cache
def _load_rules() -> Mapping[str, _Find]:
    """Return the rules of detect-secrets that know a secret by what it looks like, by kind.

    Left out are those that take any hash, or any number of a data frame, for one.
    """
    from detect_secrets.plugins.aws import AWSKeyDetector
    from detect_secrets.plugins.basic_auth import BasicAuthDetector
    from detect_secrets.plugins.discord import DiscordBotTokenDetector
    from detect_secrets.plugins.github_token import GitHubTokenDetector
    from detect_secrets.plugins.jwt import JwtTokenDetector
    from detect_secrets.plugins.mailchimp import MailchimpDetector
    from detect_secrets.plugins.npm import NpmDetector
    from detect_secrets.plugins.private_key import PrivateKeyDetector
    from detect_secrets.plugins.sendgrid import SendGridDetector
    from detect_secrets.plugins.slack import SlackDetector
    from detect_secrets.plugins.square_oauth import SquareOAuthDetector
    from detect_secrets.plugins.stripe import StripeDetector

    detectors = (
        AWSKeyDetector(),
        BasicAuthDetector(),
        DiscordBotTokenDetector(),
        GitHubTokenDetector(),
        JwtTokenDetector(),
        MailchimpDetector(),
        NpmDetector(),
        PrivateKeyDetector(),
        SendGridDetector(),
        SlackDetector(),
        SquareOAuthDetector(),
        StripeDetector(),
    )
    return {str(detector.secret_type): detector.analyze_string for detector in detectors}


@cache
def _load_named_rule() -> _Find:
    """Return the rule of detect-secrets that knows a secret by the name it is given."""
    from detect_secrets.plugins.keyword import KeywordDetector

    return KeywordDetector().analyze_string
