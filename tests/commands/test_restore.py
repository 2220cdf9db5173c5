from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from jupyter_mlops.commands.restore import restore
from jupyter_mlops.errors import ConflictError, IntegrityError, NotFoundError, UsageError
from jupyter_mlops.formats.pointer import TreePointer, encode_pointer
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.notebooks.outputs import encode_outputs
from jupyter_mlops.notebooks.strip import StripSettings, strip
from jupyter_mlops.objects.outputs import write_outputs
from jupyter_mlops.objects.writer import open_writer
from jupyter_mlops.snapshots.restore import restore_data
from tests.notebooks.conftest import NOTEBOOKS
from tests.support.data_project import STATE, DataProject
from tests.support.system_steps import run_watched


@pytest.fixture
def two_states(data_project: DataProject) -> DataProject:
    """``data`` and ``model.bin`` committed twice, snapshots ``one`` and ``two``."""
    for number, name in ((1, "one"), (2, "two")):
        data_project.write("data/a.csv", b"a%d" % number)
        data_project.write(f"data/only-{name}.csv", name)
        data_project.write("model.bin", b"m%d" % number)
        if number == 2:
            data_project.remove("data/only-one.csv")
        data_project.snapshot("data", "model.bin", name=name)
        data_project.commit(name)
    return data_project


def test_a_revision_brings_data_and_pointers(two_states: DataProject) -> None:
    result = two_states.restore("HEAD~1")
    assert (result.written, result.deleted, result.unchanged) == (3, 1, 0)
    assert result.saved_as is None
    assert two_states.files("data") == {"a.csv": b"a1", "only-one.csv": b"one"}
    assert two_states.read("model.bin") == b"m1"
    pointer = two_states.git("show", "HEAD~1:model.bin.mlops")
    assert two_states.read("model.bin.mlops") == pointer.encode()
    assert set(two_states.states().values()) == {"clean"}


def test_without_a_revision_the_pointers_say_what_is_wanted(two_states: DataProject) -> None:
    two_states.remove("data")
    two_states.remove("model.bin")
    result = two_states.restore()
    assert result.revision is None
    assert result.written == 3
    assert two_states.files("data") == {"a.csv": b"a2", "only-two.csv": b"two"}
    assert two_states.restore().written == 0


def test_names_ids_and_git_names_are_revisions(two_states: DataProject) -> None:
    one = two_states.git("rev-parse", "HEAD~1").strip()
    two_states.git("tag", "before", "HEAD~1")
    for word in ("one", "before", one, one[:10], "main~1", "HEAD^"):
        two_states.restore(word)
        assert two_states.read("model.bin") == b"m1", word
        two_states.restore("two")


def test_gits_name_wins_over_a_snapshots(two_states: DataProject) -> None:
    two_states.git("branch", "one", "HEAD")
    two_states.restore("one")
    assert two_states.read("model.bin") == b"m2"


def test_only_the_paths_named_are_touched(two_states: DataProject) -> None:
    two_states.restore("one", "model.bin")
    assert two_states.read("model.bin") == b"m1"
    assert two_states.read("data/a.csv") == b"a2"
    assert two_states.states() == {"data": "clean", "model.bin": "clean"}


def test_a_pointer_that_is_not_valid_keeps_no_other_path_away(two_states: DataProject) -> None:
    pointer = two_states.read("model.bin.mlops")
    two_states.write("model.bin.mlops", b"<<<<<<< ours\n" + pointer)
    two_states.commit("conflict marks, committed")
    two_states.write("model.bin.mlops", pointer)
    two_states.remove("data")
    with pytest.raises(IntegrityError, match=r"model\.bin\.mlops"):
        two_states.restore("HEAD")
    assert two_states.restore("HEAD", "data").written == 2


def test_only_paths_that_the_revision_tracks_are_touched(two_states: DataProject) -> None:
    two_states.write("later.bin", b"later")
    two_states.snapshot("later.bin")
    two_states.restore("one")
    assert two_states.read("later.bin") == b"later"
    assert two_states.states()["later.bin"] == "clean"
    with pytest.raises(NotFoundError) as caught:
        two_states.restore("one", "later.bin")
    assert caught.value.code == "path-not-tracked"


@pytest.mark.parametrize("word", ["data", "data/", "data/a.csv", "model.bin", "model.bin.mlops"])
def test_a_tracked_path_as_the_first_word_is_refused(two_states: DataProject, word: str) -> None:
    before = two_states.everything()
    with pytest.raises(ConflictError) as caught:
        two_states.restore(word)
    assert caught.value.code == "revision-comes-first"
    assert caught.value.hints[0] == f"jupyter mlops restore HEAD {word}"
    assert two_states.everything() == before


def test_a_word_that_is_both_is_refused(two_states: DataProject) -> None:
    two_states.git("branch", "data")
    with pytest.raises(ConflictError) as caught:
        two_states.restore("data")
    assert "both" in caught.value.message


def test_a_revision_is_one_within_a_tracked_folder_too(two_states: DataProject) -> None:
    inside = two_states.open("data")
    assert restore(inside, "HEAD~1").written == 3
    assert restore(inside, "two").written == 3
    with pytest.raises(ConflictError):
        restore(inside, "a.csv")


def test_a_part_of_a_tracked_folder_is_not_tracked_by_itself(two_states: DataProject) -> None:
    with pytest.raises(NotFoundError) as caught:
        two_states.restore("HEAD", "data/a.csv")
    head = two_states.head()[:10]
    assert caught.value.message == (
        f"data/a.csv is a part of data, which revision {head} tracks as a whole."
    )
    assert caught.value.hints[0] == f"jupyter mlops restore {head} data"
    with pytest.raises(NotFoundError) as caught:
        two_states.restore("HEAD", "nowhere.csv")
    assert caught.value.message == f"Revision {head} tracks nothing at nowhere.csv."


def test_the_working_tree_is_named_where_no_revision_is(two_states: DataProject) -> None:
    for path, message, hint in (
        (
            "data/a.csv",
            "data/a.csv is a part of data, which the working tree tracks as a whole.",
            "jupyter mlops restore HEAD data",
        ),
        ("nowhere", "The working tree tracks nothing at nowhere.", "jupyter mlops status"),
    ):
        with pytest.raises(NotFoundError) as caught:
            restore_data(two_states.open(), None, [path], command=())
        assert (caught.value.message, caught.value.hints) == (message, (hint,))


@pytest.mark.skipif(sys.platform != "linux", reason="not run: needs Linux's /proc")
@pytest.mark.parametrize(("spare", "code"), [(-1, "disk-full"), (0, None)])
def test_a_restore_needs_room_for_its_files_and_a_mebibyte(
    two_states: DataProject, spare: int, code: str | None
) -> None:
    for content in (bytes(1_200_000), b"small"):
        two_states.write("model.bin", content)
        two_states.snapshot("model.bin", name=f"of-{len(content)}")
    room = shutil.disk_usage(two_states.root)._replace(free=1_200_000 + (1 << 20) + spare)
    before = two_states.everything()

    ended = run_watched(
        lambda: two_states.restore("of-1200000", "model.bin"),
        two_states.root,
        {"shutil.disk_usage": lambda _: room},
    )

    assert ended.code == code
    assert (two_states.everything() == before) == (code is not None)
    assert two_states.leftovers() == []


def test_a_dry_run_changes_nothing(two_states: DataProject) -> None:
    before = two_states.everything()
    result = two_states.restore("one", dry_run=True)
    assert (result.written, result.deleted, result.dry_run) == (3, 1, True)
    assert two_states.everything() == before


def test_what_the_store_lacks_is_kept_first(two_states: DataProject) -> None:
    two_states.write("data/a.csv", b"mine")
    two_states.write("data/mine.csv", b"mine only")
    mine = two_states.files("data")
    result = two_states.restore("one")
    assert result.saved_as is not None
    assert two_states.files("data") == {"a.csv": b"a1", "only-one.csv": b"one"}
    two_states.restore(result.saved_as)
    assert two_states.files("data") == mine


def test_each_of_many_paths_is_kept_whatever_becomes_of_the_others(
    data_project: DataProject,
) -> None:
    """Of those before it one is unchanged, one is not here, and of one only a file is missing."""
    for path in ("a/x", "b/x", "c/x", "c/y", "d/x"):
        data_project.write(path, path)
    data_project.snapshot("a", "b", "c", "d")
    data_project.remove("b")
    data_project.remove("c/y")
    data_project.write("d/x", b"mine")
    saved = data_project.restore().saved_as
    assert saved is not None
    assert [data_project.read(path) for path in ("b/x", "c/y", "d/x")] == [b"b/x", b"c/y", b"d/x"]
    data_project.restore(saved)
    assert data_project.read("d/x") == b"mine"


def test_names_that_no_snapshot_has_are_kept_although_the_bytes_are_known(
    two_states: DataProject,
) -> None:
    os.rename(two_states.root / "data/a.csv", two_states.root / "data/renamed.csv")
    result = two_states.restore()
    assert result.saved_as is not None
    assert two_states.read("data/a.csv") == b"a2"
    two_states.restore(result.saved_as)
    assert two_states.files("data") == {"renamed.csv": b"a2", "only-two.csv": b"two"}


def test_deleted_files_come_back_and_nothing_needs_keeping(two_states: DataProject) -> None:
    two_states.remove("data/a.csv")
    assert two_states.restore().saved_as is None
    assert two_states.read("data/a.csv") == b"a2"


def test_folders_that_a_revision_lacks_vanish(data_project: DataProject) -> None:
    """Of two paths at once, so that none of them is the only one that is staged."""
    data_project.write("data/keep.csv", b"1")
    data_project.write("other/keep.csv", b"1")
    data_project.snapshot("data", "other", name="one")
    data_project.write("data/deep/er/x.csv", b"2")
    data_project.write("other/deep/er/x.csv", b"2")
    data_project.snapshot(name="two")
    data_project.restore("one")
    assert data_project.files("data") == {"keep.csv": b"1"}
    assert data_project.files("other") == {"keep.csv": b"1"}
    assert not (data_project.root / "data/deep").exists()
    assert data_project.states() == {"data": "clean", "other": "clean"}
    data_project.undo()
    assert data_project.read("other/deep/er/x.csv") == b"2"


def test_a_file_becomes_a_folder_and_a_folder_a_file(data_project: DataProject) -> None:
    data_project.write("data", b"a file")
    data_project.write("in/x", b"a file")
    data_project.snapshot("data", "in", name="file")
    data_project.remove("data")
    data_project.remove("in/x")
    data_project.write("data/sub/x.csv", b"in a folder")
    data_project.write("in/x/y", b"deeper")
    data_project.snapshot(name="folder")
    for name, content in (("file", b"a file"), ("folder", None), ("file", b"a file")):
        data_project.restore(name)
        if content is not None:
            assert data_project.read("data") == content
            assert data_project.read("in/x") == content
        else:
            assert data_project.read("data/sub/x.csv") == b"in a folder"
            assert data_project.read("in/x/y") == b"deeper"
        assert set(data_project.states().values()) == {"clean"}


def test_a_missing_chunk_changes_nothing(two_states: DataProject) -> None:
    two_states.write("big.bin", os.urandom(500_000))
    two_states.snapshot("big.bin", name="big")
    two_states.write("big.bin", os.urandom(500_000))
    packs = set((two_states.root / ".git/mlops/packs").rglob("*.pack"))
    two_states.snapshot(name="bigger")
    two_states.restore("big")
    for pack in set((two_states.root / ".git/mlops/packs").rglob("*.pack")) - packs:
        pack.unlink()
    before = two_states.everything()
    for dry_run in (True, False):
        with pytest.raises(NotFoundError) as caught:
            two_states.restore("bigger", dry_run=dry_run)
        assert caught.value.code == "content-missing"
        assert caught.value.message.endswith(
            "the store lacks 1 file of big.bin, and mlops.toml names no remote to pull it from."
        )
    assert two_states.everything() == before
    assert two_states.leftovers() == []


def test_damaged_content_changes_nothing(two_states: DataProject) -> None:
    for pack in (two_states.root / ".git/mlops/packs").rglob("*.pack"):
        content = bytearray(pack.read_bytes())
        at = content.find(b"a1")
        if at >= 0:
            pack.chmod(0o644)
            content[at] ^= 1
            pack.write_bytes(content)
    before = two_states.everything()
    with pytest.raises(IntegrityError):
        two_states.restore("one")
    assert two_states.everything() == before
    assert two_states.leftovers() == []


def test_code_comes_back_as_well_and_mine_is_kept(two_states: DataProject) -> None:
    two_states.write("train.py", "of the snapshot\n")
    two_states.write("untracked.py", "of the snapshot\n")
    snapshot = two_states.snapshot()
    two_states.git("rm", "--quiet", "--cached", "--force", "train.py")
    two_states.write("train.py", "mine\n")
    two_states.write("untracked.py", "mine too\n")
    two_states.write("added.py", "added\n")
    two_states.git("add", "train.py", "added.py")
    two_states.write("loose.py", "loose\n")
    index = two_states.git("ls-files", "--stage")
    head = two_states.head()
    result = two_states.restore(snapshot.id, code=True)
    assert result.code == ("added.py", "train.py", "untracked.py")
    assert two_states.read("train.py") == b"of the snapshot\n"
    assert two_states.read("untracked.py") == b"of the snapshot\n"
    assert not (two_states.root / "added.py").exists()
    assert two_states.read("loose.py") == b"loose\n"
    assert (two_states.head(), two_states.git("ls-files", "--stage")) == (head, index)
    assert result.code_saved_as is not None
    two_states.restore(result.code_saved_as, code=True)
    assert two_states.read("train.py") == b"mine\n"
    assert two_states.read("untracked.py") == b"mine too\n"
    assert two_states.read("added.py") == b"added\n"


@pytest.mark.parametrize("why", ["large", "ignored", "folder"])
def test_code_that_no_snapshot_keeps_is_not_overwritten(two_states: DataProject, why: str) -> None:
    two_states.write("out.py", "committed\n")
    two_states.commit("with out.py", "out.py")
    two_states.git("rm", "--quiet", "out.py")
    two_states.git("commit", "--quiet", "-m", "without")
    if why == "large":
        two_states.write("mlops.toml", '[snapshot]\nfile_limit = "10 B"\n')
        two_states.write("out.py", "longer than ten bytes\n")
    elif why == "ignored":
        two_states.write(".git/info/exclude", "out.py\n")
        two_states.write("out.py", "mine\n")
    else:
        two_states.write("out.py/inside.py", "mine\n")
    files = two_states.files()
    with pytest.raises(ConflictError) as caught:
        two_states.restore("HEAD~1", code=True)
    assert caught.value.code == "would-overwrite"
    assert two_states.files() == files


def test_code_needs_a_revision(two_states: DataProject) -> None:
    for options in ({"code": True}, {"outputs": True}):
        with pytest.raises(UsageError) as caught:
            two_states.restore(**options)
        assert caught.value.code == "revision-missing"


def test_a_notebook_named_is_not_all_code(two_states: DataProject) -> None:
    two_states.write("train.py", "mine\n")
    with pytest.raises(UsageError):
        two_states.restore("HEAD", "nb.ipynb", code=True, outputs=True)
    assert two_states.read("train.py") == b"mine\n"


def test_outputs_that_the_store_has_come_back(two_states: DataProject) -> None:
    cell = {
        "id": "a",
        "cell_type": "code",
        "metadata": {},
        "source": "1",
        "execution_count": 7,
        "outputs": [
            {
                "output_type": "execute_result",
                "execution_count": 7,
                "data": {"text/plain": ["1"]},
                "metadata": {},
            }
        ],
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    stripped = strip(json.dumps(notebook).encode(), StripSettings())
    assert stripped.removed is not None
    ws = two_states.open()
    with open_writer(ws.store) as writer:
        payload = encode_outputs(stripped.removed, ws.clock.now())
        write_outputs(writer, hash_bytes(stripped.notebook), payload)
        writer.finish()
    for name in ("kept.ipynb", "edited.ipynb", "unknown.ipynb"):
        two_states.write(name, stripped.notebook)
    two_states.write("unknown.ipynb", stripped.notebook.replace(b'"1"', b'"2"'))
    two_states.commit("notebooks")
    edited = two_states.write("edited.ipynb", stripped.notebook.replace(b'"1"', b'"3"'))
    result = two_states.restore("HEAD", outputs=True)
    assert result.outputs == ("kept.ipynb",)
    assert result.code_saved_as is not None
    restored = json.loads(two_states.read("kept.ipynb"))
    assert restored["cells"][0]["outputs"] == cell["outputs"]
    assert restored["cells"][0]["execution_count"] == 7
    assert b'"3"' in edited.read_bytes()


def test_outputs_of_a_store_that_would_change_code_are_none(two_states: DataProject) -> None:
    notebook = NOTEBOOKS["plain"]
    stripped = strip(notebook, StripSettings())
    assert stripped.removed is not None
    ws = two_states.open()
    with open_writer(ws.store) as writer:
        payload = encode_outputs(stripped.removed, ws.clock.now())
        evil = payload.replace(b'{\\"execution_count\\":', b'{\\"source\\":\\"evil\\",\\"x\\":')
        assert evil != payload
        write_outputs(writer, hash_bytes(stripped.notebook), evil)
        writer.finish()
    two_states.write("nb.ipynb", stripped.notebook)
    two_states.commit("notebook")
    assert two_states.restore("HEAD", outputs=True).outputs == ()
    assert two_states.read("nb.ipynb") == stripped.notebook


def test_a_dry_run_names_the_code(two_states: DataProject) -> None:
    two_states.write("train.py", "mine\n")
    before = two_states.everything()
    assert two_states.restore("HEAD", code=True, dry_run=True).code == ("train.py",)
    assert two_states.everything() == before


def test_a_folder_whose_manifests_are_gone_is_not_touched(two_states: DataProject) -> None:
    before = two_states.files("data")
    two_states.write("data.mlops", encode_pointer(TreePointer(None, hash_bytes(b"unknown"))))
    with pytest.raises(NotFoundError) as caught:
        two_states.restore()
    assert caught.value.code == "content-missing"
    assert two_states.files("data") == before


def test_many_files_come_back(data_project: DataProject) -> None:
    """More than a pointer lists: by the hashes of sub-folders, undone by them as well."""
    for number in range(1200):
        data_project.write(f"data/{number % 7}/{number}.txt", f"{number}")
    data_project.snapshot("data", name="many")
    assert data_project.read("data.mlops").count(b"\n") < 30
    data_project.write("data/0/0.txt", "changed")
    data_project.remove("data/1")
    mine = data_project.files("data")
    data_project.restore("many")
    assert len(data_project.files("data")) == 1200
    data_project.undo()
    assert data_project.files("data") == mine


def test_nothing_is_written_through_a_link(two_states: DataProject, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    two_states.remove("data")
    (two_states.root / "data").symlink_to(outside)
    with pytest.raises(ConflictError):
        two_states.restore()
    assert list(outside.iterdir()) == []


def test_nothing_is_restored_beside_an_ignore_file_that_cannot_be_written(
    two_states: DataProject, tmp_path: Path
) -> None:
    ignores = two_states.root / ".gitignore"
    ignores.rename(tmp_path / "ignores")
    ignores.symlink_to(tmp_path / "ignores")
    before = two_states.everything()
    with pytest.raises(ConflictError):
        two_states.restore("one")
    assert two_states.everything() == before


def test_a_restore_inside_or_around_a_tracked_path_is_refused(data_project: DataProject) -> None:
    data_project.write("data/a.bin", b"1")
    data_project.snapshot("data/a.bin", name="inner", commit=True)
    (data_project.root / "data/a.bin.mlops").unlink()
    data_project.git("rm", "--quiet", "--cached", "data/a.bin.mlops")
    (data_project.root / "data/.gitignore").unlink()
    data_project.git("rm", "--quiet", "--cached", "data/.gitignore")
    data_project.snapshot("data")
    before = data_project.everything()
    with pytest.raises(ConflictError) as caught:
        data_project.restore("inner")
    assert caught.value.code == "path-nested"
    assert data_project.everything() == before


def test_a_file_that_git_tracks_by_now_is_not_overwritten(two_states: DataProject) -> None:
    two_states.git("rm", "--quiet", "--cached", "model.bin.mlops")
    two_states.remove("model.bin.mlops")
    two_states.write("model.bin", b"of git")
    two_states.git("add", "--force", "model.bin")
    before = two_states.everything()
    with pytest.raises(ConflictError) as caught:
        two_states.restore("one")
    assert caught.value.code == "tracked-by-git"
    assert two_states.everything() == before


def test_another_program_writing_meanwhile_is_noticed(two_states: DataProject) -> None:
    class Meddler:
        """Shows progress, and changes a file while the restore is staged."""

        def task(self, label: str, total: int | None, unit: str = "B") -> Meddler:
            return self

        def __enter__(self) -> Meddler:
            return self

        def __exit__(self, *exc: object) -> None:
            two_states.write("data/a.csv", b"written meanwhile")

        def advance(self, amount: int) -> None:
            pass

    with pytest.raises(ConflictError) as caught:
        restore(two_states.open(progress=Meddler()), "one")
    assert caught.value.code == "file-changing"
    assert two_states.read("data/a.csv") == b"written meanwhile"
    assert two_states.read("model.bin") == b"m2"
    assert not list((two_states.root / STATE / "unfinished").glob("*"))


def test_a_pointer_file_that_git_does_not_list_is_no_other_programs_work(
    data_project: DataProject,
) -> None:
    data_project.write("model.bin", b"1")
    first = data_project.snapshot("model.bin")
    data_project.write("model.bin", b"2")
    data_project.snapshot()
    data_project.git("rm", "--cached", "--quiet", "model.bin.mlops")
    shutil.rmtree(data_project.root / STATE / "origins")
    data_project.restore(first.id)
    assert data_project.read("model.bin") == b"1"
    assert data_project.states() == {"model.bin": "clean"}
