"""The texts of the Git hooks: POSIX sh that starts Python only when there is something to do.

Each runs the hooks that stood in its place first, with the same arguments and standard input, and
hands on their status. Its own part never fails a Git command; ``pre-commit`` and ``pre-push`` alone
may refuse. The variable ``MLOPS_IN_<HOOK>`` ends a circle: a program that finds our hook, keeps it
under another name and calls it from its own, which ours then calls.
"""

from __future__ import annotations

from jupyter_mlops.git.commits import HOOKS_OFF_VARIABLE

MARKER = b"# jupyter-mlops hook"
"""The beginning of a line that no other program's hook has."""

BEFORE_SUFFIX = ".before-mlops"
"""Added to the name of a hook that ours has taken the place of."""

HOOKS_PATH_BEFORE = "mlops.hooksPathBefore"
"""The setting that keeps what ``core.hooksPath`` was."""

REFUSED_STATUS = 4
"""What ``jupyter mlops hook`` exits with when the commit, or the push, shall not be made."""

_NAMES_OF_OTHERS = (
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "pre-rebase",
    "pre-auto-gc",
)

_HEAD = """\
#!/bin/sh
{marker}, written by "jupyter mlops init". {explanation}
[ "${guard}" != "$PWD" ] || exit 0
status=0
{run_others}
[ "${off}" != 1 ] || exit $status
"""

_RUN_RENAMED = """\
for before in "${{0%/*}}/{name}{suffix}" "${{0%/*}}/{name}{suffix}"-[0-9]*; do
    [ -x "$before" ] || continue
    {guard}="$PWD" "$before" "$@" || status=$?
done"""

_RUN_IN_FORMER_FOLDER = """\
before="$(git config --type=path --get {setting})/{name}"
if [ -x "$before" ]; then
    {guard}="$PWD" "$before" "$@" || status=$?
fi"""

_CALL = '"$before" "$@" || status=$?'
_CALL_WITH_INPUT = '"$before" "$@" <<EOF || status=$?\n$pushed\nEOF'
_KEEP_INPUT = "pushed=$(cat)\n"

_FUNCTIONS = """\
git_dir=$(git rev-parse --git-dir) || exit $status
launch() {
    sh "$(git rev-parse --git-common-dir)/mlops/launcher" hook "$@" </dev/null
}
rebasing() {
    [ -d "$git_dir/rebase-merge" ] || [ -d "$git_dir/rebase-apply" ]
}
last_move() {
    git log --walk-reflogs --max-count=1 --format=%gs 2>/dev/null
}
notebooks_look_changed() {
    ! git diff-files --quiet -- '*.ipynb' 2>/dev/null
}
pointers_differ() {
    ! git diff-tree -r --quiet "$1" "$2" -- '*.mlops' 2>/dev/null
}
staged_pointers_differ() {
    ! git diff-index --cached --quiet HEAD -- '*.mlops' 2>/dev/null
}
"""

# A rebase begins with a checkout; it ends with post-rewrite, unless it moved none of the commits.
_POST_CHECKOUT = """\
[ ! -f "$git_dir/BISECT_LOG" ] || exit $status
if [ "$3" = 0 ]; then
    ! rebasing || exit $status
    staged_pointers_differ || exit $status
else
    [ "$1" != "$2" ] || exit $status
    case $1 in
        *[!0]*) old=$1 ;;
        *) old=$(git hash-object -t tree /dev/null) ;;
    esac
    pointers_differ "$old" "$2" || exit $status
    case $(last_move) in
        'rebase '*) git merge-base --is-ancestor "$1" "$2" || exit $status ;;
        *) ! rebasing || exit $status ;;
    esac
fi
launch post-checkout "$@"
"""

# A commit that was typed changes no file; one that ends a merge, a cherry-pick or a revert does.
_POST_COMMIT = """\
! rebasing || exit $status
! notebooks_look_changed || launch notebooks
case $(last_move) in
    'commit: '* | 'commit (initial): '* | 'commit (amend): '*) exit $status ;;
esac
git rev-parse --quiet --verify 'HEAD^' >/dev/null || exit $status
pointers_differ 'HEAD^' HEAD || exit $status
launch post-commit "$@"
"""

_POST_MERGE = """\
if [ "$1" = 1 ]; then
    staged_pointers_differ || exit $status
else
    pointers_differ ORIG_HEAD HEAD || exit $status
fi
launch post-merge "$@"
"""

_POST_REWRITE = """\
[ "$1" = rebase ] || exit $status
pointers_differ ORIG_HEAD HEAD || exit $status
launch post-rewrite "$@"
"""

_PRE_COMMIT = """\
[ $status = 0 ] || exit $status
! rebasing || exit 0
for state in MERGE_HEAD CHERRY_PICK_HEAD REVERT_HEAD; do
    [ ! -f "$git_dir/$state" ] || exit 0
done
staged_file_over_1_mib() {
    git diff --cached --raw --no-abbrev --no-renames --diff-filter=AM 2>/dev/null |
        cut -d ' ' -f 4 | git cat-file --batch-check='%(objectsize)' 2>/dev/null |
        awk '$1 > 1048576 { found = 1 } END { exit !found }'
}
if [ -n "$(git ls-files -- '*.mlops' | head -n 1)" ] || staged_file_over_1_mib; then
    launch pre-commit "$@"
    [ $? != REFUSED ] || exit 1
fi
""".replace("REFUSED", str(REFUSED_STATUS))

# What Git tells on standard input goes to each hook in turn.
_PRE_PUSH = """\
[ $status = 0 ] || exit $status
[ -n "$pushed" ] || exit 0
grep -q '^ *[[]remotes' mlops.toml 2>/dev/null || exit 0
printf '%s\\n' "$pushed" |
    sh "$(git rev-parse --git-common-dir)/mlops/launcher" hook pre-push "$@"
[ $? != REFUSED ] || exit 1
""".replace("REFUSED", str(REFUSED_STATUS))

_BODIES = {
    "post-checkout": _POST_CHECKOUT,
    "post-commit": _POST_COMMIT,
    "post-merge": _POST_MERGE,
    "post-rewrite": _POST_REWRITE,
    "pre-commit": _PRE_COMMIT,
    "pre-push": _PRE_PUSH,
}

HOOK_NAMES = tuple(_BODIES)
"""Hooks that do something of ours."""

FORWARDED_NAMES = (*HOOK_NAMES, *_NAMES_OF_OTHERS)
"""Hooks for which a script that does nothing is the same as none."""


def format_hook(name: str) -> bytes:
    """Return the script of a hook in the folder where Git looks by itself."""
    return _format(
        name,
        f"What stood here before is {name}{BEFORE_SUFFIX}, and runs first.",
        _RUN_RENAMED.format(name=name, suffix=BEFORE_SUFFIX, guard=_guard(name)),
    )


def format_forwarder(name: str) -> bytes:
    """Return the script of a hook, ours or not, that runs the one in the former folder first."""
    return _format(
        name,
        f"What git config {HOOKS_PATH_BEFORE} has of this name runs first.",
        _RUN_IN_FORMER_FOLDER.format(name=name, setting=HOOKS_PATH_BEFORE, guard=_guard(name)),
    )


def _format(name: str, explanation: str, run_others: str) -> bytes:
    if name == "pre-push":
        run_others = _KEEP_INPUT + run_others.replace(_CALL, _CALL_WITH_INPUT)
    head = _HEAD.format(
        marker=MARKER.decode("ascii"),
        explanation=explanation,
        guard=_guard(name),
        run_others=run_others,
        off=HOOKS_OFF_VARIABLE,
    )
    body = _FUNCTIONS + _BODIES[name] if name in _BODIES else ""
    return (head + body + "exit $status\n").encode("ascii")


def _guard(name: str) -> str:
    return "MLOPS_IN_" + name.upper().replace("-", "_")
