"""Which symbolic links may be kept: those that stay inside the folder that is tracked."""

from __future__ import annotations

from jupyter_mlops.errors import ConflictError


def check_link(path: str, target: str) -> None:
    """Let a link at ``path`` in a tracked folder pass if ``target`` stays in that folder.

    ``..`` may stand only at the head of the target, so that the answer does not depend on other
    links.

    Raises:
        ConflictError: the target is empty, absolute, or may lead out.
    """
    parts = target.split("/")
    up = 0
    while up < len(parts) and parts[up] == "..":
        up += 1
    drive = len(target) > 1 and target[1] == ":"
    odd = not target or "\0" in target or "\\" in target or drive
    if odd or target.startswith("/") or up > path.count("/") or ".." in parts[up:]:
        raise ConflictError(
            f"The link {path} -> {target} may lead out of the folder that is tracked.",
            code="link-leaves-folder",
            hints=("Replace the link by what it points to, or track its target as well.",),
        )
