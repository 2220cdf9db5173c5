"""Every command, in the order in which help lists them."""

from __future__ import annotations

import keyword

from jupyter_mlops.commands.spec import Command

_HERE = "jupyter_mlops.commands"


def _command(
    words: str,
    summary: str,
    *,
    reads: bool = False,
    magic: bool = False,
    hidden: bool = False,
    saves_notebook: bool = False,
    python: str | None = None,
    rest: bool = True,
) -> Command:
    parts = tuple(words.split())
    module = python if words in keyword.kwlist and python else "_".join(parts).replace("-", "_")
    return Command(
        words=parts,
        target=f"{_HERE}.{module}:{module}",
        summary=summary,
        reads=reads,
        magic=magic,
        hidden=hidden,
        saves_notebook=saves_notebook,
        python=python,
        rest=rest,
    )


COMMANDS: tuple[Command, ...] = (
    _command("init", "Make this Git repository a project, or repair this clone of one."),
    _command(
        "doctor",
        "Say what is wrong with this clone, and the one command that mends it.",
        reads=True,
    ),
    _command(
        "snapshot",
        "Keep data, models and code as one state tied to the current commit.",
        magic=True,
        saves_notebook=True,
    ),
    _command("snapshot list", "List the snapshots that are kept.", reads=True),
    _command("snapshot name", "Give a snapshot a name, or take it away."),
    _command("snapshot note", "Write down why a snapshot is worth keeping."),
    _command("snapshot branch", "Make a Git branch of a snapshot, its code included."),
    _command("snapshot drop", "Remove snapshots; content that another state needs stays."),
    _command("restore", "Bring data and models back as a revision has them.", magic=True),
    _command("resolve", "Conclude the merge of pointer files that Git left in a conflict."),
    _command("status", "Show tracked paths, their state, and what is only here.", reads=True),
    _command(
        "log",
        "Show snapshots, newest first, with base, branches and metrics.",
        reads=True,
        python="snapshot_log",
    ),
    _command("diff", "Show what changed in tracked data between two revisions.", reads=True),
    _command(
        "push",
        "Send a remote what it lacks of this branch: data, models, outputs of notebooks.",
        magic=True,
    ),
    _command(
        "pull",
        "Bring the data, models and outputs of this branch here from a remote.",
        magic=True,
    ),
    _command(
        "fetch",
        "Bring into the store what HEAD names; the working tree stays as it is.",
        magic=True,
    ),
    _command("get", "Copy data or a model out of any project, without its history.", rest=False),
    _command(
        "import",
        "Track a copy of another project's data or model, and remember where it is from.",
        python="import_data",
        rest=False,
    ),
    _command(
        "update", "Bring imported data to the newest version of the revision that it follows."
    ),
    _command(
        "export",
        "Write tracked data of a revision as plain files to a folder or a bucket.",
        rest=False,
    ),
    _command("remote add", "Name another store, to push to and to pull from."),
    _command("remote list", "List the remotes that the project names.", reads=True),
    _command("remote remove", "Forget a remote of the project; what it holds stays there."),
    _command("remote test", "Try what a remote can do, and say what is missing."),
    _command(
        "gc", "Make the store smaller, or a remote: what nothing names any more goes, in steps."
    ),
    _command("evict", "Drop at once what an alternate, or a remote, is verified to hold."),
    _command("erase", "Destroy content for good, in every version, here and on remotes."),
    _command("forget", "Drop all snapshots but those that a rule keeps."),
    _command("undo", "Take back the last command of this worktree."),
    _command("untrack", "Give a path back to Git or to you; its files stay."),
    _command("move", "Rename tracked data together with its pointer file."),
    _command("metrics show", "Show the metrics of a revision.", reads=True, magic=True),
    _command("metrics diff", "Compare the metrics of two revisions.", reads=True, magic=True),
    _command(
        "metrics history",
        "Show how metrics moved along the commits of branches.",
        reads=True,
        magic=True,
    ),
    _command(
        "metrics blame",
        "Find the commits where a metric moved more than its noise, each with its why.",
        reads=True,
        magic=True,
    ),
    _command(
        "metrics chart",
        "Give a page what it needs to draw how metrics moved.",
        reads=True,
        hidden=True,
    ),
    _command(
        "why",
        "Say what differs between two states, the likeliest cause of a move first.",
        reads=True,
    ),
    _command(
        "runs list",
        "List runs, the newest first, with their state and their last values.",
        reads=True,
    ),
    _command(
        "runs show",
        "Show how a run stands, the values that it logged last, and its series.",
        reads=True,
    ),
    _command("params diff", "Compare the parameters of two revisions.", reads=True),
    _command("plots show", "Draw the plots of a revision.", reads=True),
    _command("plots diff", "Draw the plots of revisions over each other.", reads=True),
    _command(
        "ci init", "Write the workflow that checks and reports in a team's own CI.", rest=False
    ),
    _command(
        "ci doctor",
        "Say where this runs and what would keep a report from being posted.",
        reads=True,
        rest=False,
    ),
    _command(
        "ci comment",
        "Post files as the one comment that a report has on the pull request.",
        rest=False,
    ),
    _command("ci pr", "Open or bring up to date a pull request of results.", rest=False),
    _command("strip", "Remove outputs and noise from notebooks.", magic=True),
    _command("notebook diff", "Show what changed in notebooks, cell by cell.", reads=True),
    _command(
        "notebook verdict",
        "Say whether what a kernel ran is what a notebook says.",
        reads=True,
        saves_notebook=True,
    ),
    _command(
        "notebook verify",
        "Run notebooks of a revision again in a clean kernel, and compare their metrics.",
        rest=False,
    ),
    _command(
        "check-notebooks",
        "Find what is wrong with notebooks and with the project that they lie in.",
        rest=False,
    ),
    _command(
        "report",
        "Tell how this state differs from its base: metrics, gates, checks, and why.",
        rest=False,
    ),
    _command(
        "gates", "Judge the gates of the project, and raise the bars of those with a ratchet."
    ),
    _command("demo", "Make a project with real data and real runs to look at.", rest=False),
    _command(
        "check",
        "Find out whether every snapshot and commit can be brought back whole.",
        reads=True,
    ),
    _command(
        "repair", "Mend the store out of itself, of the working trees, and of the default remote."
    ),
    _command(
        "selftest",
        "Kill, damage and hurry commands on this disk, and see whether anything is lost.",
        rest=False,
    ),
    _command("upgrade", "Bring the store to the newest format."),
    _command("help", "Explain a command, or list them all.", reads=True),
    _command("completion", "Print the script that completes commands in a shell.", reads=True),
    _command(
        "complete",
        "Print the words that may stand at the cursor.",
        reads=True,
        hidden=True,
        rest=False,
    ),
    _command("hook", "Do what a Git hook asks for.", hidden=True, rest=False),
    _command("filter", "Clean and smudge notebooks for Git.", hidden=True, rest=False),
    _command("merge", "Merge a pointer file for Git.", hidden=True, rest=False),
    _command("difftool", "Show for Git what changed in a notebook.", hidden=True, rest=False),
    _command("notebook merge", "Merge a notebook for Git.", hidden=True, rest=False),
)

MAGICS: tuple[str, ...] = tuple(dict.fromkeys(c.words[0] for c in COMMANDS if c.magic))
"""First words that are line magics of their own."""
