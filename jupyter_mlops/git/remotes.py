"""References of Git's own remotes: listed, pushed and fetched, each by its full name.

No setting of Git is written: nothing that is done here changes what a plain ``git push``, ``fetch``
or ``remote prune`` does.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple

from jupyter_mlops.errors import UnavailableError
from jupyter_mlops.git.commits import HOOKS_OFF_VARIABLE
from jupyter_mlops.git.config import read_setting
from jupyter_mlops.git.left_locks import noted_locks
from jupyter_mlops.git.process import NO_HOOKS, explanation, run_git, try_git
from jupyter_mlops.git.repository import Repository
from jupyter_mlops.git.revisions import head

_DEFAULT = "origin"
_AT_ONCE = 200
"""References in one push: their names stand on the command line."""

NO_QUESTIONS = {"GIT_TERMINAL_PROMPT": "0"}
"""Nobody may be there to answer; what a credential helper or an agent knows is used."""

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_STATUS = re.compile(r"(?P<flag>[ +*=!-])\t[^\t]*:(?P<name>refs/[^\t]+)\t(?P<summary>.*)")
_REASON = re.compile(r"\((?P<reason>[^()]*)\)\s*$")
_MOVED = "stale info"

Outcome = Literal["done", "moved", "refused"]


class RefPush(NamedTuple):
    """One reference to be set in a remote."""

    name: str
    """Its full name there."""
    new: str
    """The full id of the commit it is to name."""
    old: str | None
    """The one that it names there as far as is known; None when there is none."""


@dataclass(frozen=True, slots=True)
class RefPushed:
    """What came of a push of one reference.

    ``done`` also where it was so before; ``moved``: it names another commit than was expected, and
    stays; ``refused``: the remote did not take it, for the ``reason`` it gave.
    """

    outcome: Outcome
    reason: str = ""


def choose_git_remote(repo: Repository) -> str | None:
    """Return the Git remote that the branch follows, else ``origin``, else the only one, else None.

    Of several without these none is chosen.
    """
    names = run_git(repo, "remote").decode("utf-8", "surrogateescape").split("\n")[:-1]
    branch = head(repo).branch
    followed = read_setting(repo, f"branch.{branch}.remote") if branch else None
    for name in (followed, _DEFAULT):
        if name in names:
            return name
    return names[0] if len(names) == 1 else None


def list_remote_refs(
    repo: Repository, remote: str, prefix: str, *, env: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what the references at or under ``prefix`` in ``remote`` name, by their full names.

    ``env`` are variables for Git, such as a token for a host.

    Raises:
        UnavailableError: the remote cannot be read (code ``git-remote-unreachable``).
    """
    words = ("ls-remote", "--refs", "--end-of-options", remote, f"{prefix}*")
    status, printed, said = try_git(repo, *words, env={**NO_QUESTIONS, **(env or {})})
    if status != 0:
        raise unreachable(f"Git cannot read its remote {remote}", remote, said)
    lines = printed.decode("utf-8", "surrogateescape").split("\n")
    rows = (line.split("\t", 1) for line in lines if "\t" in line)
    return {name: oid for oid, name in rows if name.startswith(prefix)}


def read_remote_default(
    repo: Repository, remote: str, *, env: Mapping[str, str] | None = None
) -> str | None:
    """Return the name of the branch that HEAD of ``remote`` names, None where it names none.

    Raises:
        UnavailableError: the remote cannot be read (code ``git-remote-unreachable``).
    """
    words = ("ls-remote", "--symref", "--end-of-options", remote, "HEAD")
    status, printed, said = try_git(repo, *words, env={**NO_QUESTIONS, **(env or {})})
    if status != 0:
        raise unreachable(f"Git cannot read its remote {remote}", remote, said)
    told = printed.decode("utf-8", "surrogateescape").partition("\n")[0]
    name = told.removeprefix("ref: refs/heads/").removesuffix("\tHEAD")
    return name if told == f"ref: refs/heads/{name}\tHEAD" else None


def push_refs(
    repo: Repository,
    remote: str,
    pushes: Sequence[RefPush],
    *,
    env: Mapping[str, str] | None = None,
) -> dict[str, RefPushed]:
    """Set references in ``remote``, each only from the value expected; return what came of each.

    The user's hook ``pre-push`` runs, ours does not.

    Raises:
        UnavailableError: the remote cannot be read either (code ``git-remote-unreachable``).
    """
    results: dict[str, RefPushed] = {}
    remaining = iter(pushes)
    while batch := list(islice(remaining, _AT_ONCE)):
        results.update(_push(repo, remote, batch, env))
    return results


def fetch_objects(
    repo: Repository,
    remote: str,
    names: Iterable[str],
    *,
    depth: int | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Bring what references and commits of ``remote`` reach.

    No reference here is made or moved, but those that a refspec among ``names`` says. Objects that
    are not well formed are refused.

    Args:
        repo: the repository.
        remote: a Git remote.
        names: references there, full ids of commits, or refspecs.
        depth: how many commits of each history come at most, which then ends there; None: all.
        env: variables for Git, such as a token for a host.

    Raises:
        UnavailableError: Git fails (code ``git-remote-unreachable``).
    """
    with noted_locks(repo, [repo.common_dir / "shallow.lock"]):
        status, _, said = try_git(
            repo,
            *(*NO_HOOKS, "-c", "fetch.fsckObjects=true", "fetch", "--quiet", "--no-tags"),
            *("--no-prune", "--no-write-fetch-head", "--no-auto-maintenance", "--refmap="),
            *("--no-recurse-submodules", *((f"--depth={depth}",) if depth is not None else ())),
            *("--stdin", "--end-of-options", remote),
            input="".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape"),
            env={**NO_QUESTIONS, **(env or {})},
            durable="objects",
        )
    if status != 0:
        raise unreachable(f"Git cannot fetch from its remote {remote}", remote, said)


def _push(
    repo: Repository, remote: str, pushes: Sequence[RefPush], env: Mapping[str, str] | None
) -> dict[str, RefPushed]:
    leases = [f"--force-with-lease={push.name}:{push.old or ''}" for push in pushes]
    _, printed, said = try_git(
        repo,
        *("-c", f"remote.{remote}.mirror=false", "push", "--porcelain", "--no-follow-tags"),
        *("--recurse-submodules=no", *leases, "--end-of-options", remote),
        *(f"{push.new}:{push.name}" for push in pushes),
        env={**NO_QUESTIONS, **(env or {}), HOOKS_OFF_VARIABLE: "1"},
    )
    found = dict(_iter_results(printed))
    lacking = [push.name for push in pushes if push.name not in found]
    if lacking:
        there = list_remote_refs(repo, remote, "refs/", env=env)
        reason = _explain(said)
        for push in pushes:
            if push.name not in found:
                done = there.get(push.name) == push.new
                found[push.name] = RefPushed("done") if done else RefPushed("refused", reason)
    return found


def _iter_results(printed: bytes) -> Iterator[tuple[str, RefPushed]]:
    for line in printed.decode("utf-8", "replace").split("\n"):
        matched = _STATUS.fullmatch(line)
        if matched is None:
            continue
        if matched["flag"] != "!":
            yield matched["name"], RefPushed("done")
            continue
        told = _REASON.search(matched["summary"])
        reason = told["reason"] if told else matched["summary"]
        yield matched["name"], RefPushed("moved" if reason == _MOVED else "refused", reason)


def unreachable(what: str, remote: str, said: bytes) -> UnavailableError:
    """Return the error for a remote that Git does not reach; ``what`` is all but the reason."""
    return UnavailableError(
        f"{what}: {_explain(said)}.",
        code="git-remote-unreachable",
        hints=(f"git ls-remote {shlex.quote(remote)}",),
    )


def _explain(said: bytes) -> str:
    """Return Git's reason without the credentials that a URL in it may hold."""
    return _CREDENTIALS.sub("", explanation(said))
