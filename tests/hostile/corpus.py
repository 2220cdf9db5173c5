"""Texts, names and numbers that are up to no good, from which the cases are made."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

from jupyter_mlops.formats.pointer import TreePointer, encode_pointer
from jupyter_mlops.ids import Hash, hash_bytes
from tests.hostile.arena import Arena, Words

HASH = "blake3:" + hash_bytes(b"b\n").hex()
"""The hash of a file that the store has."""

HEAD = encode_pointer(TreePointer(entries={})).decode().split('kind = "tree"')[0]

PATHS = (
    *(
        "..",
        "../x",
        "../../x",
        "a/../../outside/secret.txt",
        "./a",
        "a/./b",
        "a//b",
        "/etc/passwd",
        "a/",
    ),
    *("C:/x", "c:x", "C:\\\\x", "\\\\\\\\host\\\\x", "a\\\\b", "//host/share", "~/x", "~root/x"),
    *(".git/config", ".GIT/hooks/x", "a/.git/hooks/post-checkout", ".git", "sub/.Git", ".git./x"),
    *("git~1/x", "GIT~1/config", ".git /x", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/config"),
    *("\u200e.git/hooks/x", ".gi\ufefft/x", ".git\u202e/x", ".git:x", "a/git~1"),
    *("a\x1b[31m", "a\x7fb", "a\u0085b", "a\nb", "a\tb", "\x00", "a\x00b", "\u009b31m"),
    *("a" * 256, "é" * 200, "a/" * 2100 + "a", "x" * 5000),
    *(
        "",
        " ",
        ".",
        "-",
        "CON",
        "nul.txt",
        "a.",
        "a ",
        "\u202egnp.exe",
        "--help",
        "-rf",
        "$(touch x)",
    ),
    *(
        "`touch x`",
        ";touch x",
        "|touch x",
        "&&touch x",
        ".mlops-tmp-0",
        "a.mlops",
        ".mlops",
        "'",
        '\\"',
    ),
)
"""Paths for a pointer or a manifest; some of them are merely odd, and allowed."""

NAMES = (
    *("new\nline", "-leading", "--help", "--force", "-rf", "$(touch pwned)", "`touch pwned`"),
    *(
        "; touch pwned",
        "| cat",
        "a b",
        " a",
        "a ",
        "a'b",
        'a"b',
        "a\\b",
        "*",
        "?",
        "[a]",
        "!a",
        "#a",
    ),
    *(
        "a\x1b]0;title\x07",
        "a\x1b[2J",
        "\u202egnp.exe",
        "\u200c",
        "é",
        "e\u0301",
        "a:b",
        "CON",
        ":(top)x",
    ),
    *(
        ":x",
        ":!x",
        ":(exclude)x",
        "@",
        "@{-1}",
        "HEAD",
        "a..b",
        "a^b",
        "a~1",
        "stash@{0}",
        "tmp-1",
        "~",
    ),
    *(
        ".mlops-tmp-123456789012345678901234",
        ".gitignore",
        ".gitattributes",
        ".gitmodules",
        "x" * 255,
    ),
    *(
        "\udcff\udcfe",
        "a\udc80b",
        "%s%n",
        "{0}",
        "a\rb",
        "\t",
        "\x01",
        "a\u2028b",
        ".mlops",
        "x.mlops.mlops",
    ),
)
"""Names of files; the file systems of Linux take them all."""

REVISIONS = (
    *(
        "-x",
        "--all",
        "--output=pwned",
        "--upload-pack=touch pwned",
        "-",
        "--",
        "",
        " ",
        "\n",
        "a\nb",
    ),
    *(
        "HEAD^{/.*}",
        "HEAD@{100000}",
        ":/",
        ":/.*",
        "HEAD:",
        "HEAD:data",
        "^HEAD",
        "HEAD..",
        "..",
        "...",
        "@{u}",
    ),
    *(
        "refs/heads/../../x",
        "main.lock",
        "$(touch pwned)",
        "`id`",
        "x" * 70_000,
        "0" * 40,
        "f" * 64,
    ),
    *(
        "HEAD^{tree}",
        "HEAD^{blob}",
        "HEAD~99999999",
        "HEAD^99",
        "HEAD^{commit}^{commit}",
        "\udcff",
        "a\x1bb",
    ),
)
"""Words where a revision may stand."""

MANY = 100_000


def sized(size: object) -> str:
    """Return a pointer to a file of that size, as text in TOML."""
    return f'{HEAD}kind = "file"\nhash = "{HASH}"\nsize_bytes = {size}\nmode = "100644"\n'


def listed(*paths: str, mode: str = "100644") -> str:
    """Return a pointer to a folder of these paths, quoted as little as a writer would."""
    lines = (
        f'  {{ path = "{path}", hash = "{HASH}", size_bytes = 2, mode = "{mode}" }},\n'
        for path in paths
    )
    return f'{HEAD}kind = "tree"\nentries = [\n{"".join(lines)}]\n'


def imported(url: str, path: str = "data", rev: str = "main") -> str:
    """Return a pointer file that says that it is a copy of what is at ``url``."""
    source = f'{{ url = "{url}", path = "{path}", rev = "{rev}", commit = "{"0" * 40}", '
    line = f'source = {source}hash = "{HASH}" }}\n'
    return sized(2).replace('kind = "file"\n', f'kind = "file"\n{line}')


def outside(url: str, *objects: str, size: str = "1") -> str:
    """Return a pointer file of what is said to be at ``url``."""
    lines = "".join(f"  {one},\n" for one in objects)
    told = f"objects = [\n{lines}]\n" if objects else f"size_bytes = {size}\n"
    return f'{HEAD}kind = "external"\nurl = "{url}"\n{told}'


def place_texts() -> dict[str, str]:
    """Return pointer files that name places elsewhere, by what is wrong with them."""
    return {
        "a source that runs a program": imported("ext::sh -c 'touch OUTSIDE'"),
        "a source that is an option": imported("--upload-pack=touch OUTSIDE"),
        "a source whose host is an option": imported("ssh://-oProxyCommand=touch/x"),
        "a source with a password": imported("https://me:secret@host/x"),
        "a source that cannot be reached": imported("https://127.0.0.1:9/x"),
        "a source on this machine": imported("/usr"),
        "a source with a path that leads out": imported("/usr", "../passwd"),
        "a revision that is an option": imported("/usr", rev="--output=OUTSIDE"),
        "external file on this machine": outside("/etc/passwd"),
        "external folder on this machine": outside("file:///etc", '{ path = "a", size_bytes = 1 }'),
        "external that leads out": outside("/etc", '{ path = "../a", size_bytes = 1 }'),
        "external with a password": outside("https://me:secret@host/x"),
        "external that cannot be reached": outside("https://127.0.0.1:9/x"),
        "external of a huge size": outside("https://127.0.0.1:9/x", size="9223372036854775807"),
        "many external objects": outside(
            "/etc", *(f'{{ path = "{n:06}", size_bytes = 1 }}' for n in range(100_001))
        ),
    }


PLACES = frozenset(place_texts())


def pointer_texts() -> dict[str, bytes]:
    """Return pointer files by what is wrong with them."""
    valid = sized(2)
    tree = f'{HEAD}kind = "tree"\n'
    texts: dict[str, str | bytes] = {
        "nothing": b"",
        "NULs": b"\0" * 1000,
        "not UTF-8": b"\xff\xfe" + valid.encode(),
        "byte order mark": b"\xef\xbb\xbf" + valid.encode(),
        "CRLF": valid.replace("\n", "\r\n"),
        "CR": valid.replace("\n", "\r"),
        "no last line end": valid[:-1],
        "twice": valid * 2,
        "trailing": valid + "\n",
        "conflict": f"<<<<<<< HEAD\n{valid}=======\n{valid}>>>>>>> x\n",
        "half a conflict": f"<<<<<<< HEAD\n{valid}",
        "unknown key": valid + "x = 1\n",
        "duplicate key": valid + 'mode = "100644"\n',
        "format text": valid.replace("format = 0", 'format = "0"'),
        "format huge": valid.replace("format = 0", "format = " + "9" * 5000),
        "format newer": valid.replace("format = 0", "format = 1"),
        "format negative": valid.replace("format = 0", "format = -1"),
        "format hexadecimal": valid.replace("format = 0", "format = 0x" + "f" * MANY),
        "kind external": valid.replace('"file"', '"external"'),
        **place_texts(),
        "kind unknown": valid.replace('"file"', '"\\u001b[31m"'),
        "kind list": valid.replace('"file"', "[]"),
        "deep list": "format = " + "[" * MANY,
        "deep key": "a." * 50_000 + "a = 1\n",
        "deep table": "[" + "a." * 50_000 + "a]\n",
        "many tables": "".join(f"[a{n}]\n" for n in range(20_000)),
        "long line": valid + "#" + "x" * 10_000_000 + "\n",
        "long value": f'{HEAD}kind = "{"x" * 900_000}"\n',
        "many lines": valid + "#\n" * 5_000_000,
        "too large": valid + "#" * 17_000_000,
        "size as float": sized("1e3"),
        "size quoted": sized('"2"'),
        "both": f'{tree}manifest = "{HASH}"\nentries = [\n]\n',
        "neither": tree,
        "entries no list": f"{tree}entries = 3\n",
        "entry no table": f"{tree}entries = [\n3,\n]\n",
        "entry unknown key": listed("a").replace("mode =", "x = 1, mode ="),
        "lacks the manifest": f'{tree}manifest = "blake3:{"0" * 64}"\n',
        "itself a folder": listed("a", mode="040000"),
        "a link of nothing": listed("a", mode="120000"),
        "a submodule": listed("a", mode="160000"),
        "mode 777": listed("a", mode="100777"),
        "out of order": listed("b", "a"),
        "same twice": listed("a", "a"),
        "case collision": listed("A", "a"),
        "accent collision": listed("e\u0301", "\u00e9"),
        "file and folder": listed("a", "a/b"),
        "file and folder by case": listed("A", "a/b"),
        "German case collision": listed("STRASSE", "straße"),
        "many entries": listed(*(f"{n:06}" for n in range(30_000))),
        "deep path": listed("/".join("d" * 400)),
    }
    texts |= {
        f"size {size}"[:30]: sized(size) for size in (-1, 3, 2**63, 2**64, 10**18, "9" * 5000)
    }
    texts |= {
        f"size {form}": sized(form) for form in ("02", "+2", "2_0", "0x2", "inf", "nan", "true")
    }
    for digits in ("", "0", "g" * 64, "0" * 63, "0" * 65, "F" * 64, "0" * 64 + "\\n"):
        texts[f"hash {digits[:8]!r} {len(digits)}"] = valid.replace(HASH, f"blake3:{digits}")
    for form in ("sha256:" + "0" * 64, "0" * 64, "BLAKE3:" + "0" * 64, "../../../etc/passwd"):
        texts[f"hash {form[:12]}"] = valid.replace(HASH, form)
    texts |= {f"path {number} {path[:20]!r}": listed(path) for number, path in enumerate(PATHS)}
    return {name: text.encode() if isinstance(text, str) else text for name, text in texts.items()}


def mutated(seed: int, samples: Iterable[bytes], count: int) -> list[bytes]:
    """Return ``count`` samples with a few bytes changed, taken out, doubled or mixed."""
    rng = random.Random(seed)
    pool = list(samples)
    pieces = [
        b"\0",
        b"\xff",
        b"\n",
        b'"',
        b"..",
        b"/",
        b"-1",
        b"9" * 30,
        b"[",
        b"{",
        b"\\u0000",
        b"=",
        b"0x",
    ]
    found = []
    for _ in range(count):
        made = bytearray(rng.choice(pool))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(made) + 1)
            end = min(len(made), at + rng.choice((0, 1, 1, 2, 8, 40)))
            match rng.randrange(4):
                case 0:
                    made[at:end] = rng.choice(pieces)
                case 1:
                    made[at:at] = made[at:end]
                case 2:
                    made[at:end] = rng.randbytes(end - at)
                case _:
                    other = rng.choice(pool)
                    made[at:] = other[rng.randrange(len(other) + 1) :]
        found.append(bytes(made))
    return found


def notebook(**fields: Any) -> bytes:
    """Return a notebook that was run, with other fields of the notebook where they are given."""
    cell = {
        "cell_type": "code",
        "execution_count": 1,
        "id": "c1",
        "metadata": {},
        "outputs": [{"name": "stdout", "output_type": "stream", "text": ["1\n"]}],
        "source": ["print(1)"],
    }
    tree = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **fields}
    return json.dumps(tree).encode()


def write(path: str, content: bytes | str) -> Any:
    """Return what plants a file at ``path`` of the project."""

    def plant(arena: Arena) -> None:
        target = arena.project.root / path
        if target.is_symlink():
            target.unlink()
        arena.project.write(path, content)

    return plant


def words(*lines: str) -> tuple[Words, ...]:
    """Return the words of each of ``lines``, which hold none with a blank in it."""
    return tuple(tuple(line.split()) for line in lines)


def tree_bytes(entries: Iterable[tuple[str, int, int, Hash]], count: int | None = None) -> bytes:
    """Return a folder's manifest of names, mode codes, sizes and hashes, whatever they are."""
    rows, names = b"", b""
    listing = list(entries)
    for name, mode, size_bytes, content in listing:
        rows += mode.to_bytes(1, "big") + size_bytes.to_bytes(8, "big") + content
        names += name.encode("utf-8", "surrogatepass") + b"\0"
    head = b"mlopsTR\0" + (len(listing) if count is None else count).to_bytes(4, "big")
    return head + len(names).to_bytes(4, "big") + rows + names
