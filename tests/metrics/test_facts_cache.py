from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.files.durable import STAGED_PREFIX
from jupyter_mlops.git.history import CommitFiles, FileChange
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.metrics import facts_cache
from jupyter_mlops.metrics.facts import Facts, pack_numbers, unpack_numbers
from jupyter_mlops.metrics.facts_cache import (
    LIMIT_BYTES,
    cache_path,
    is_full,
    read_facts,
    write_facts,
)
from jupyter_mlops.metrics.gather import Gatherer
from jupyter_mlops.metrics.history import History, read_history
from tests.metrics.conftest import BEGIN, Story, snapshot

VIEW = b"as it is seen"
OID_BYTES = 20


def oid(number: int) -> str:
    return f"{number:040x}"


def make_facts(commits_count: int = 30, size_bytes: int = 0) -> Facts:
    facts = Facts()
    gatherer = Gatherer(facts, dvc=True)
    commits = []
    for number in range(1, commits_count + 1):
        parents = [oid(one) for one in (number - 1, number // 2) if one]
        path = [*("metrics/a.json", "metrics/b.json", "\udcff/dvc.yaml"), "metrics/\udcff.json"][
            number % 4
        ]
        change = FileChange("M", path, oid(1000 + number) if number % 9 else None)
        unique = tuple(dict.fromkeys(parents))
        commits.append(CommitFiles(oid(number), unique, BEGIN, "Ada \udcff", "x\ny", (change,)))
    gatherer.add_commits(commits)
    for blob in gatherer.unread():
        filling = str(blob) * size_bytes
        broken = blob % 7 == 0
        gatherer.add_content(blob, b"{" if broken else f'{{"{filling}acc": {blob}.5}}'.encode())
    facts.snapshots = {oid(5000): snapshot("kaaaaaaaaaaa", oid(3), acc=0.5)}
    return facts


def show(facts: Facts) -> History:
    heads = {f"b{at}": head for at, head in enumerate(facts.heads())}
    history = read_history(facts, heads, facts.snapshots.values(), lambda path: path != "x")
    assert len(tuple(history.points)) == len(history.points)
    history.held()
    return history


def test_what_was_written_is_read(tmp_path: Path) -> None:
    facts = make_facts()
    odd = snapshot("kbbbbbbbbbbb", oid(3))
    facts.snapshots[oid(5001)] = replace(odd, values={"metrics/\udcff.json:acc": 0.5})
    write_facts(tmp_path / "f.facts", facts, ["named"], VIEW, OID_BYTES)
    del facts.snapshots[oid(5001)]
    found = read_facts(tmp_path / "f.facts", VIEW, OID_BYTES)
    assert found is not None
    assert found[1] == ["named"]
    assert show(found[0]) == show(facts)
    assert show(facts).points[0].author == "Ada \udcff"


def test_what_was_seen_otherwise_is_not_read(tmp_path: Path) -> None:
    write_facts(tmp_path / "f.facts", make_facts(), [], VIEW, OID_BYTES)
    assert read_facts(tmp_path / "f.facts", b"shallow", OID_BYTES) is None
    assert read_facts(tmp_path / "f.facts", VIEW, 32) is None
    assert read_facts(tmp_path / "none.facts", VIEW, OID_BYTES) is None
    assert not is_full(tmp_path / "f.facts")
    assert not is_full(tmp_path / "none.facts")


def test_a_damaged_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "f.facts"
    write_facts(path, make_facts(), [], VIEW, OID_BYTES)
    whole = path.read_bytes()
    path.unlink()
    for at in range(0, len(whole), len(whole) // 50):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            assert read_facts(path, VIEW, OID_BYTES) is None


def test_whatever_a_file_says_nothing_breaks(tmp_path: Path, scale: int) -> None:
    """Numbers are changed in a file whose checksum is right."""
    path = tmp_path / "f.facts"
    write_facts(path, make_facts(), [], VIEW, OID_BYTES)
    head = len(facts_cache._MAGIC) + 32
    whole = msgspec.msgpack.decode(path.read_bytes()[head:])
    path.unlink()
    chance = random.Random(1)
    taken = 0
    for _ in range(300 * scale):
        parts = list(whole)
        at = chance.randrange(2, len(parts))
        parts[at] = mutate(parts[at], chance)
        body = msgspec.msgpack.encode(parts)
        path.write_bytes(facts_cache._MAGIC + hash_bytes(body) + body)
        found = read_facts(path, VIEW, OID_BYTES)
        if found is not None:
            taken += 1
            show(found[0])
    assert taken > 10


def mutate(part: object, chance: random.Random) -> object:
    if isinstance(part, bytes) and part:
        changed = bytearray(part)
        for _ in range(chance.randrange(1, 3)):
            changed[chance.randrange(len(changed))] = chance.choice([0, 1, 2, 127, 128, 255])
        return bytes(changed[: chance.choice([len(changed), len(changed) - 4])])
    if isinstance(part, list) and part:
        return [*part[1:], *([] if chance.random() < 0.5 else [part[0]])]
    if isinstance(part, dict):
        return {chance.randrange(-2, 40): [chance.randrange(-2, 40)]}
    return chance.randrange(-3, 40)


def test_what_is_too_much_is_left_out_oldest_first(tmp_path: Path) -> None:
    path = tmp_path / "f.facts"
    write_facts(path, make_facts(40, LIMIT_BYTES // 30), [], VIEW, OID_BYTES)
    assert not path.exists()  # names alone are more than fits
    facts = make_facts(40)
    for at, shape in enumerate(facts.blobs.shapes):
        if shape >= 0:
            facts.blobs.contents[at] = pack_numbers([0.5] * (LIMIT_BYTES // 9 // 25))
    write_facts(path, facts, [], VIEW, OID_BYTES)
    assert path.stat().st_size <= LIMIT_BYTES
    assert is_full(path)
    found = read_facts(path, VIEW, OID_BYTES)
    assert found is not None
    unread = Gatherer(found[0], dvc=True).unread()
    assert 0 < len(unread) < 30
    assert max(unread) < len(found[0].blobs.oids) - 10


def test_few_files_are_kept(tmp_path: Path) -> None:
    paths = [cache_path(tmp_path, (f"metrics/{at}.json",)) for at in range(9)]
    for path in paths:
        write_facts(path, make_facts(), [], VIEW, OID_BYTES)
    assert len(list(tmp_path.iterdir())) == 4
    assert paths[-1].exists()


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / f"{STAGED_PREFIX}{'a' * 24}").write_bytes(b"half")
    write_facts(tmp_path / "f.facts", make_facts(), [], VIEW, OID_BYTES)
    assert [path.name for path in tmp_path.iterdir()] == ["f.facts"]


def test_a_folder_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    write_facts(tmp_path / "file" / "f.facts", make_facts(), [], VIEW, OID_BYTES)


@pytest.mark.parametrize(
    "numbers", [[], [1, -1, 0], [0.1, 1e-300], [2**63, -(2**63), 2**64], [10**300, -(10**30), 0.5]]
)
def test_numbers_come_back_as_they_were(numbers: list[int | float]) -> None:
    back = unpack_numbers(pack_numbers(numbers))
    assert [(type(one), one) for one in back] == [(type(one), one) for one in numbers]


def test_other_bytes_are_no_numbers() -> None:
    assert unpack_numbers(b"\xc1") == []
    assert unpack_numbers(msgspec.msgpack.encode(["x"])) == []


def test_a_story_is_the_same_in_parts(branched: Story) -> None:
    whole, parts = Facts(), Facts()
    Gatherer(whole, dvc=False).add_commits(branched.commits)
    for commit in branched.commits:
        Gatherer(parts, dvc=False).add_commits([commit])
    for facts in (whole, parts):
        gatherer = Gatherer(facts, dvc=False)
        for blob in gatherer.unread():
            gatherer.add_content(blob, branched.blobs[facts.blobs.oids[blob]])
    assert show(whole) == show(parts)
