"""``mlops.toml``, and the files of metrics and parameters."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.hostile.arena import Arena, Case
from tests.hostile.conftest import Attack
from tests.hostile.corpus import MANY, PATHS, mutated, words, write

pytestmark = pytest.mark.slow

_LAUGHS = "\n".join(
    [
        "a0: &a0 [lol, lol]",
        *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)),
    ]
)
_MERGES = "\n".join(
    [
        "a0: &a0 {k0: 1}",
        *(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}], k{n}: 1}}" for n in range(1, 12)),
    ]
)
_ATTRIBUTES = ("__import__('os').system('touch pwned')", "$(touch pwned)", "`touch pwned`", "%(x)s")

NUMBERS: dict[str, tuple[str, str | bytes]] = {
    "laughs": ("yaml", _LAUGHS),
    "laughs in tables": ("yaml", _LAUGHS.replace("[", "{x: [").replace("]", "]}")),
    "merges": ("yaml", _MERGES),
    "merged with itself": ("yaml", "a: &a\n  <<: *a\n"),
    "within itself": ("yaml", "a: &a [*a]"),
    "a table within itself": ("yaml", "a: &a {b: *a}"),
    "python tag": ("yaml", "a: !!python/object/apply:os.system ['touch pwned']"),
    "python name": ("yaml", "a: !!python/name:os.system"),
    "python module": ("yaml", "a: !!python/module:antigravity"),
    "python new": ("yaml", "a: !!python/object/new:subprocess.Popen [[touch, pwned]]"),
    "own tag": ("yaml", "%TAG ! tag:yaml.org,2002:python/\n---\na: !name:os.system x"),
    "two documents": ("yaml", "a: 1\n---\na: 2\n"),
    "deep flow": ("yaml", "a: " + "[" * MANY),
    "deep block": ("yaml", "a:\n " + "- " * MANY),
    "deep keys": ("yaml", "a: " + "? " * MANY),
    "many anchors": ("yaml", "".join(f"a{n}: &x{n} {n}\n" for n in range(20_000))),
    "alias of nothing": ("yaml", "a: *b"),
    "hexadecimal": ("yaml", "a: 0x" + "f" * MANY),
    "hexadecimal in a list": ("yaml", "a: [0x" + "f" * MANY + "]"),
    "hexadecimal key": ("yaml", "0x" + "f" * MANY + ": 1"),
    "sixties": ("yaml", "a: !!int " + "1:" * 5000 + "1"),
    "date key in a list": ("yaml", "a: [{2026-01-02: 1}]"),
    "list key": ("yaml", "a: {? [1] : 2}"),
    "late date": ("yaml", "a: 9999-12-31T23:59:59.9-23:59"),
    "no date": ("yaml", "a: 2026-13-45"),
    "set": ("yaml", "a: !!set {1, 2}"),
    "binary": ("yaml", "a: !!binary AAAA"),
    "control characters": ("yaml", "a: \x00\x1b[2J"),
    "NEL and separators": ("yaml", "a\u2028b: 1\u0085c: 2"),
    "UTF-16": ("yaml", "a: 1".encode("utf-16")),
    "deep list": ("json", '{"a": ' + "[" * MANY + "]" * MANY + "}"),
    "deep table": ("json", '{"a": ' * MANY + "1" + "}" * MANY),
    "nearly too deep": ("json", '{"a": ' + "[" * 900 + "]" * 900 + "}"),
    "NaN": ("json", '{"a": NaN, "b": Infinity, "c": -Infinity, "d": 1e400, "e": "NaN"}'),
    "huge": ("json", '{"a": 1' + "0" * 4000 + "}"),
    "too huge": ("json", '{"a": 1' + "0" * 5000 + "}"),
    "huge and below zero": ("json", '{"a": -1' + "0" * 4000 + "}"),
    "big floats": (
        "json",
        '{"a": 1e308, "b": -1e308, "c": 5e-324, "d": 1e-400, "e": 18446744073709551616}',
    ),
    "duplicates": ("json", '{"a": 1, "a": 2, "a.b": 3}'),
    "empty keys": ("json", '{"": {"": {"": 1}}, ".": 2, "..": 3}'),
    "lone surrogates": ("json", '{"a\\ud800": 1, "b": "\\udfff", "c": ["\\ud800"]}'),
    "escapes": ("json", '{"\\u001b[31m": 1, "\\u0000": 2, "\\n": 3, "\\u202e": 4}'),
    "script": ("json", '{"<script>alert(1)</script>": 1, "\\"><img src=x onerror=alert(1)>": 2}'),
    "formulas": ("json", '{"=cmd|calc": 1, "{{7*7}}": 2, "${7*7}": 3}'),
    "prototype": ("json", '{"__proto__": {"a": 1}, "constructor": 2}'),
    "many": ("json", '{"a": ' + str(list(range(MANY))) + "}"),
    "too many": ("json", "{" + ",".join(f'"a{n}": {n}' for n in range(20_000)) + "}"),
    "long key": ("json", '{"' + "k" * 1_000_000 + '": 1}'),
    "no object": ("json", "[[[]]]"),
    "true": ("json", "true"),
    "nothing": ("json", ""),
    "NULs": ("json", "\0" * 1000),
    "not UTF-8": ("json", b'{"a\xff": 1}'),
    "too large": ("json", " " * 9_000_000),
    "dotted": ("toml", "a." * MANY + "a = 1"),
    "dotted header": ("toml", "[" + "a." * MANY + "a]"),
    "deep": ("toml", "a = " + "[" * MANY),
    "deep inline": ("toml", "a = " + "{a = " * MANY),
    "TOML hexadecimal": ("toml", "a = 0x" + "f" * MANY),
    "TOML octal": ("toml", "a = 0o" + "7" * MANY),
    "TOML date": ("toml", "a = 9999-12-31T23:59:59.999999-23:59\nb = 00:00:60"),
    "many tables": ("toml", "".join(f"[a{n}]\nx = {n}\n" for n in range(9_000))),
    "many arrays": ("toml", "[[a]]\n" * 50_000),
    **{f"text {one[:8]}": ("json", '{"a": "' + one + '"}') for one in _ATTRIBUTES},
}

_SECTIONS = ("gate", "hooks", "metrics", "notebooks", "params", "plot", "remotes", "snapshot")
CONFIGS: dict[str, str | bytes] = {
    "nothing": "",
    "NULs": b"\0" * 100,
    "not UTF-8": b"\xff",
    "UTF-16": "[metrics]".encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf[metrics]\n",
    "too large": "#" * 2_000_000,
    "dotted": "a." * MANY + "a = 1",
    "dotted header": "[metrics." + "a." * MANY + "a]",
    "deep": "x = " + "[" * MANY,
    "conflict": "<<<<<<< HEAD\n[metrics]\n=======\n>>>>>>> x\n",
    "stars": '[metrics]\nfiles = ["' + "*" * 1000 + 'x"]',
    "stars and folders": '[metrics]\nfiles = ["' + "**/" * 300 + 'x"]',
    "many stars": '[metrics]\nfiles = ["' + "*a" * 499 + '"]',
    "sets": '[metrics]\nfiles = ["' + "[!a-z]" * 160 + '"]',
    "set backwards": '[metrics]\nfiles = ["[z-a]"]',
    "set unclosed": '[metrics]\nfiles = ["[[[[[["]',
    "many patterns": "[metrics]\nfiles = [" + '"a",' * 20_000 + "]",
    "all patterns": "[metrics]\nfiles = [" + '"**/*",' * 100 + "]",
    "braces": '[metrics]\nfiles = ["' + "{a,b}" * 100 + '"]',
    "magic of Git": '[metrics]\nfiles = [":(exclude)*", ":!x", ":/", ":(attr:filter)x"]',
    "option": '[metrics]\nfiles = ["--output=pwned", "-x"]',
    "a gate as large as all": '[[gate]]\nmetric = "x"\nmin = 1' + "0" * 400,
    "a gate against an option": '[[gate]]\nmetric = "loss"\nagainst = "--output=pwned"',
    "a gate against a command": '[[gate]]\nmetric = "loss"\nagainst = "$(touch pwned)"',
    "size as large as all": "[snapshot]\nfile_limit = 1" + "0" * 400,
    "size below zero": "[snapshot]\nfile_limit = -1",
    "size of nothing": '[snapshot]\nfile_limit = "0 B"\nuntracked_limit = 0',
    "size of everything": '[snapshot]\nfile_limit = 9223372036854775807\nuntracked_limit = "7 EiB"',
    "remote that runs": "[remotes.x]\nurl = \"ext::sh -c 'touch pwned'\"",
    "remote file": '[remotes.x]\nurl = "file:///etc/passwd"\n[remotes]\ndefault = "x"',
    "remote with a password": '[remotes.x]\nurl = "https://u:p@h/"',
    "remote as an option": '[remotes.x]\nurl = "--upload-pack=touch pwned"',
    "remote name": '[remotes."../x"]\nurl = "x"',
    "template outside": '[[plot]]\nfile = "a.csv"\ntemplate = "../../etc/passwd"',
    "better unknown": '[metrics]\nbetter = {loss = "sideways"}',
    "better deep": '[metrics]\nbetter = {loss = {a = "lower"}}',
    "filter": '[filter."x"]\nclean = "touch pwned"',
    "alias": '[alias]\nst = "!touch pwned"',
    "core": '[core]\nfsmonitor = "touch pwned"\nhooksPath = "hooks"',
    "hook": '[hooks]\npre-commit = "touch pwned"',
    "control characters": '[[gate]]\nmetric = "\\u001b[31m"',
    "key with control characters": '"\\u001b[31m\\n" = 1',
    "stage": '[[stage]]\nrun = "touch pwned"',
    **{f"{section} as text": f'{section} = "x"' for section in _SECTIONS},
    **{f"{section} as list": f"{section} = [1, [2]]" for section in _SECTIONS},
    **{f"{section} unknown": f"[{section}]\nunknown = 1" for section in _SECTIONS},
}


def _committed(name: str, content: str | bytes) -> Callable[[Arena], object]:
    """Return what leaves ``content`` in the commit before the newest, and on disk."""

    def plant(arena: Arena) -> None:
        write(name, content)(arena)
        arena.project.git("add", "--", name)
        arena.project.git("commit", "-q", "-m", "x")
        arena.project.git("commit", "-q", "--allow-empty", "-m", "y")

    return plant


def _all_of(*plants: Callable[[Arena], object]) -> Callable[[Arena], object]:
    """Return what plants all of ``plants`` where the project takes files of every suffix."""
    every = '[metrics]\nfiles = ["metrics/**"]\n[params]\nfiles = ["params/**"]\n'

    def plant(arena: Arena) -> None:
        for one in (write("mlops.toml", every), *plants):
            one(arena)

    return plant


@pytest.mark.parametrize("part", range(3))
def test_files_of_numbers(attack: Attack, scale: int, part: int) -> None:
    commands = words(
        *(
            "metrics show",
            "params diff HEAD~2",
            "snapshot",
            "metrics history",
            "metrics diff HEAD~2",
        ),
        *("log", "metrics chart --metric a", "diff first second", "metrics show first --json"),
    )
    cases = []
    for number, (name, (suffix, content)) in enumerate(NUMBERS.items()):
        chosen = [commands[(number + step) % len(commands)] for step in range(min(9, 2 + scale))]
        params = _committed(f"params/evil.{suffix}", content)
        metrics = _committed(f"metrics/evil.{suffix}", content)

        cases.append(Case(name, _all_of(params, metrics), tuple(chosen)))
    attack(cases[part::3])


DVC_FILES: dict[str, str | bytes] = {
    "names that lead out": "metrics: [../../etc/passwd, /etc/passwd, .git/config, ..]",
    "many names": "metrics: [" + "".join(f"m{number}.json," for number in range(20_000)) + "]",
    "many expressions": "metrics: ['" + "${a}*" * 200 + ".json']",
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{n}: &{n} [*{m},*{m},*{m},*{m},*{m},*{m}]\n" for m, n in pairwise("abcdefghi"))
    + "metrics: *i\nstages: *i\nplots: *i\n",
    "refers to itself": "stages: &s {a: *s}\nmetrics: &m [*m]",
    "markup": "metrics: ['<img src=x onerror=alert(1)>.json', \"\\e[31m.json\"]",
}


def test_files_of_dvc(attack: Attack) -> None:
    commands = words("metrics history", "metrics show", "params diff HEAD~2", "snapshot")
    attack(
        [
            Case(name, _committed("dvc.yaml", content), (commands[n % 4], commands[(n + 1) % 4]))
            for n, (name, content) in enumerate(DVC_FILES.items())
        ]
    )


def test_project_files(attack: Attack, scale: int) -> None:
    commands = words(
        "status", "metrics show", "snapshot", "init", "doctor", "restore", "params diff"
    )
    paths = {
        f"path {path[:20]!r}": f"[[plot]]\nfile = {_quote(path)}"
        for path in PATHS[:: 3 // scale or 1]
    }
    texts: dict[str, str | bytes] = {**CONFIGS, **paths}
    attack(
        [
            Case(name, write("mlops.toml", text), (commands[n % 7], commands[(n + 1) % 7]))
            for n, (name, text) in enumerate(texts.items())
        ]
    )


def test_project_files_with_a_few_bytes_changed(attack: Attack, scale: int) -> None:
    samples = [
        text.encode() for text in CONFIGS.values() if isinstance(text, str) and len(text) < 9000
    ]
    attack(
        [
            Case(f"mutation {number}", write("mlops.toml", text), words("metrics show"))
            for number, text in enumerate(mutated(1, samples, 20 * scale))
        ]
    )


def _quote(text: str) -> str:
    return '"' + "".join(f"\\u{ord(letter):04x}" for letter in text) + '"'
