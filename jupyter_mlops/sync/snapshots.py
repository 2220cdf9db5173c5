"""Snapshots through remotes: named ones as references of a Git remote, others as bundles."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from jupyter_mlops.errors import (
    ConflictError,
    IntegrityError,
    MlopsError,
    NotFoundError,
    UnavailableError,
)
from jupyter_mlops.files.durable import Staging, open_staging
from jupyter_mlops.git.refs import Ref, RefUpdate, list_refs, update_refs
from jupyter_mlops.git.remotes import (
    RefPush,
    choose_git_remote,
    fetch_objects,
    list_remote_refs,
    push_refs,
)
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import peel_to_commits
from jupyter_mlops.ids import is_snapshot_id
from jupyter_mlops.objects.store import Store, create_store
from jupyter_mlops.snapshots.handles import Handles
from jupyter_mlops.snapshots.listing import (
    REMOTE_REFS,
    SNAPSHOT_REFS,
    Listed,
    bundle_ref,
    find_among,
    git_remote_ref,
    list_all_snapshots,
    list_snapshots,
    read_snapshots,
)
from jupyter_mlops.sync.bundles import list_bundles, put_bundle, take_bundle
from jupyter_mlops.sync.remote import Remote

_NO_GIT_REMOTE = (
    "of Git's remotes this branch follows none, none is called origin, and none is alone"
)


@dataclass(frozen=True, slots=True)
class SentSnapshots:
    """What of some snapshots was sent, by their ids; those that were there already are in neither.

    ``as_refs`` went to the Git remote ``git_remote``, ``as_bundles`` to the data's remote. Where
    named ones went there, ``refusal`` says why. ``moved`` are those that somebody
    else has changed there meanwhile: they stay as they are there.
    """

    git_remote: str | None = None
    as_refs: tuple[str, ...] = ()
    as_bundles: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    refusal: str | None = None


@dataclass(slots=True)
class FetchedSnapshots:
    """What came of a fetch of snapshots.

    ``came`` are the ids of those that are new here, or changed. ``refused`` are the errors for
    those that are not what a snapshot is, by id, or by the name that is none. ``problem`` is why
    not all could be asked for.
    """

    came: list[str] = field(default_factory=list)
    refused: dict[str, MlopsError] = field(default_factory=dict)
    problem: MlopsError | None = None


def choose_snapshots(git: Repository, texts: Sequence[str]) -> list[Listed]:
    """Return the snapshots of this clone that ``texts`` name, or all that have a name.

    Raises:
        NotFoundError: there is no such snapshot.
        ConflictError: it is another's (code ``snapshot-of-remote``), or may be several.
    """
    if not texts:
        return [snapshot for snapshot in list_snapshots(git) if snapshot.name is not None]
    known = list_all_snapshots(git)
    found = {snapshot.id: snapshot for snapshot in (find_among(known, text) for text in texts)}
    for snapshot in found.values():
        if snapshot.remote is not None:
            raise ConflictError(
                f"Snapshot {snapshot.id} was fetched from {snapshot.remote} and is not yours.",
                code="snapshot-of-remote",
                hints=(f"jupyter mlops snapshot name {snapshot.id} NAME",),
            )
    return list(found.values())


def send_snapshots(
    handles: Handles, remote: Remote, name: str, snapshots: Sequence[Listed]
) -> SentSnapshots:
    """Send ``snapshots``, whose content has been sent; durable on return.

    Args:
        handles: of the project that they are in.
        remote: where bundles go.
        name: what the project calls that.
        snapshots: those of this clone that are sent.

    Raises:
        UnavailableError: a remote failed.
        ConflictError: one is too big for a bundle.
    """
    git = handles.git
    git_remote = choose_git_remote(git)
    tracked = {ref.name: ref.oid for ref in list_refs(git, REMOTE_REFS)}
    bundled = [one for one in snapshots if one.name is None]
    named = [one for one in snapshots if one.name is not None]
    as_refs: list[str] = []
    moved: list[str] = []
    refusal = None
    if named and git_remote is None:
        bundled += named
        refusal = _NO_GIT_REMOTE
    elif named and git_remote is not None:
        pushes = [
            RefPush(SNAPSHOT_REFS + o.id, o.commit, tracked.get(git_remote_ref(git_remote, o.id)))
            for o in named
        ]
        results = push_refs(git, git_remote, pushes)
        known: dict[str, str] = {}
        for one, push in zip(named, pushes, strict=True):
            result = results[push.name]
            if result.outcome == "done":
                known[git_remote_ref(git_remote, one.id)] = one.commit
                as_refs += [] if push.old == one.commit else [one.id]
            elif result.outcome == "moved":
                moved.append(one.id)
            else:
                bundled.append(one)
                refusal = f"{git_remote} does not take them ({result.reason})"
        _track(git, tracked, known)
    as_bundles = _send_bundles(handles, remote, name, bundled, git_remote, tracked)
    return SentSnapshots(git_remote, tuple(as_refs), tuple(as_bundles), tuple(moved), refusal)


def fetch_snapshots(
    handles: Handles, remote: Remote, name: str, texts: Sequence[str]
) -> FetchedSnapshots:
    """Bring the snapshots of others here, under references of their own; their content stays there.

    No other reference is made or moved, and no hook runs. What one of the remotes no longer has
    stays here.

    Args:
        handles: of the project that they come to.
        remote: where bundles come from.
        name: what the project calls that.
        texts: ids, beginnings of ids, or names: only these; all where there are none.

    Raises:
        UnavailableError: ``remote`` failed, or the disk.
    """
    git = handles.git
    ids = texts if all(map(is_snapshot_id, texts)) else ()
    fetched = FetchedSnapshots()
    known = {ref.name: ref.oid for ref in list_refs(git, SNAPSHOT_REFS, REMOTE_REFS)}
    git_remote = choose_git_remote(git)
    if git_remote is not None:
        try:
            found = _fetch_refs(git, git_remote, ids, known, fetched)
        except UnavailableError as error:
            fetched.problem = error
        else:
            _keep(git, known, found, texts, fetched)
    found = _fetch_bundles(handles, remote, name, ids, known, fetched)
    _keep(git, known, found, texts, fetched)
    return fetched


def count_waiting(git: Repository, remote: Remote) -> int:
    """Return how many snapshots ``remote`` has as bundles that are not here; it is not asked."""
    here = {ref.oid for ref in list_refs(git, SNAPSHOT_REFS, REMOTE_REFS)}
    return sum(bundles[0].commit not in here for bundles in list_bundles(remote).values())


def _send_bundles(
    handles: Handles,
    remote: Remote,
    name: str,
    snapshots: Sequence[Listed],
    git_remote: str | None,
    known: Mapping[str, str],
) -> list[str]:
    """Send what the remote's newest bundle of it is not; return the ids of those."""
    there = list_bundles(remote)
    sent: list[str] = []
    now: dict[str, str] = {}
    task = handles.progress.task(f"Sending snapshots to {name}", len(snapshots))
    with task as progress:
        for one in snapshots:
            ref, former = bundle_ref(name, one.id), there.get(one.id, [])
            if former and former[0].commit == one.commit:
                now[ref] = one.commit
            else:
                with _open_staging(handles.store) as staging:
                    now[ref] = put_bundle(handles.git, remote, one, former, git_remote, staging)
                sent.append(one.id)
            progress.advance(1)
    _track(handles.git, known, now)
    return sent


def _fetch_refs(
    git: Repository,
    remote: str,
    ids: Sequence[str],
    known: Mapping[str, str],
    fetched: FetchedSnapshots,
) -> dict[str, Ref]:
    """Fetch what a Git remote has; return by id what is to be kept, under the name it gets here."""
    wanted: dict[str, Ref] = {}
    for name, oid in list_remote_refs(git, remote, SNAPSHOT_REFS).items():
        id = name.removeprefix(SNAPSHOT_REFS)
        if not is_snapshot_id(id):
            fetched.refused[id] = _refused(id, remote, "no snapshot is called that")
        elif (not ids or id in ids) and known.get(git_remote_ref(remote, id)) != oid:
            wanted[id] = Ref(git_remote_ref(remote, id), oid)
    if not wanted:
        return {}
    names = [SNAPSHOT_REFS + id for id in wanted]
    _fetch_objects(git, remote, names)
    commits = peel_to_commits(git, [ref.oid for ref in wanted.values()])
    whole = [ref for ref in wanted.values() if commits.get(ref.oid) == ref.oid]
    valid = {snapshot.id for snapshot in read_snapshots(git, whole)}
    for id in wanted.keys() - valid:
        fetched.refused[id] = _refused(id, remote, "what came is no whole snapshot of that id")
    return {id: ref for id, ref in wanted.items() if id in valid}


def _fetch_objects(git: Repository, remote: str, names: Sequence[str]) -> None:
    """Fetch what references reach, and leave those out alone that Git refuses.

    Raises:
        UnavailableError: Git failed for a reason that lies in none of them.
    """
    try:
        fetch_objects(git, remote, names)
    except UnavailableError:
        list_remote_refs(git, remote, SNAPSHOT_REFS)  # it can be reached
        refused = 0
        for name in names:
            try:
                fetch_objects(git, remote, [name])
            except UnavailableError:
                refused += 1
        if not refused:
            raise


def _fetch_bundles(
    handles: Handles,
    remote: Remote,
    name: str,
    ids: Sequence[str],
    known: Mapping[str, str],
    fetched: FetchedSnapshots,
) -> dict[str, Ref]:
    """Fetch bundles; return by id what is to be kept, under the name it gets here."""
    found: dict[str, Ref] = {}
    here = {(name.rpartition("/")[2], oid) for name, oid in known.items()}
    bundles = {id: b for id, b in list_bundles(remote).items() if not ids or id in ids}
    if not bundles:
        return found
    task = handles.progress.task(f"Fetching snapshots from {name}", len(bundles))
    with task as progress:
        for id, several in bundles.items():
            for bundle in several:
                if (id, bundle.commit) not in here:
                    try:
                        with _open_staging(handles.store) as staging:
                            take_bundle(handles.git, remote, bundle, staging)
                    except NotFoundError as error:
                        fetched.refused[id] = error
                        break
                    except IntegrityError as error:
                        fetched.refused[id] = error
                        continue
                found[id] = Ref(bundle_ref(name, id), bundle.commit)
                break
            progress.advance(1)
    return found


@contextmanager
def _open_staging(store: Store) -> Iterator[Staging]:
    create_store(store)
    with open_staging(store.staging_folder, shared=store.is_shared) as staging:
        yield staging


def _keep(
    git: Repository,
    known: dict[str, str],
    found: dict[str, Ref],
    texts: Sequence[str],
    fetched: FetchedSnapshots,
) -> None:
    """Let references name what has come and was asked for."""
    if texts:
        listed = read_snapshots(git, list(found.values()))
        asked = {one.id for one in listed if any(one.may_be(text) for text in texts)}
        found = {id: ref for id, ref in found.items() if id in asked}
    here = set(known.values())
    fetched.came += [id for id, ref in found.items() if ref.oid not in here]
    _track(git, known, dict(found.values()))
    known.update(found.values())


def _track(git: Repository, known: Mapping[str, str], now: Mapping[str, str]) -> None:
    moves = {name: oid for name, oid in now.items() if known.get(name) != oid}
    update_refs(git, [RefUpdate(name, oid, known.get(name)) for name, oid in moves.items()])


def _refused(id: str, remote: str, reason: str) -> IntegrityError:
    return IntegrityError(
        f"The snapshot {id!r} of {remote} is refused: {reason}.",
        code="snapshot-refused",
        hints=(f"git ls-remote {shlex.quote(remote)}",),
    )
