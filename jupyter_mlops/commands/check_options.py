"""What a caller says of a check: which rules count, and how far it goes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from jupyter_mlops.config import ChecksConfig
from jupyter_mlops.errors import UsageError
from jupyter_mlops.reports.selection import Selection, select_rules

MOST_REPEATS = 100


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What is said on a command line, which goes before what ``mlops.toml`` says.

    Attributes:
        select: rules that count, instead of the project's.
        ignore: rules that do not, besides the project's.
        fast: look at notebooks and at Git's index only.
        base: the revision that gates call ``base``.
        yes: whether places that the project names may be asked from now on.
        repeat: how many times notebooks are run.
        tolerance: by what part of itself a number in an output may differ.
        parameters: values that runs are given; stored outputs are then those of other ones.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    fast: bool = False
    base: str | None = None
    yes: bool = False
    repeat: int = 1
    tolerance: float | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    def check(self, *, executes: bool) -> None:
        """Let pass what has a meaning where notebooks are run, or are not (``executes``).

        Raises:
            UsageError: a rule does not exist (``unknown-rule``), a number is out of range, or one
                option takes back what another says.
        """
        select_rules(self.select, self.ignore)
        if (self.parameters or self.repeat > 1) and not executes:
            raise UsageError(
                "--parameter and --repeat say how notebooks are run, which only --execute does.",
                code="bad-value",
                hints=("jupyter mlops check-notebooks --execute --repeat 2",),
            )
        if self.fast and executes:
            raise UsageError(
                "--fast runs nothing, and --execute runs notebooks.",
                code="bad-value",
                hints=("jupyter mlops check-notebooks --fast",),
            )
        if not 1 <= self.repeat <= MOST_REPEATS:
            raise UsageError(
                f"A notebook is run once, or up to {MOST_REPEATS} times, not {self.repeat}.",
                code="bad-number",
                hints=("jupyter mlops check-notebooks --execute --repeat 2",),
            )
        if self.tolerance is not None and not 0 <= self.tolerance < math.inf:
            raise UsageError(
                "The tolerance is a part of the stored value, from 0 on.",
                code="bad-number",
                hints=("jupyter mlops check-notebooks --execute --tolerance 0.01",),
            )

    def choose(self, config: ChecksConfig) -> Selection:
        """Return the rules that count in a project.

        Raises:
            UsageError: the project names a rule that does not exist (``unknown-rule``).
        """
        ignore = (*config.ignore, *self.ignore)
        return select_rules(self.select or config.select, ignore, fast=self.fast)
