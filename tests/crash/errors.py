"""Which errors a file system may answer a call with."""

from __future__ import annotations

import errno

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FAILING = (errno.EIO,)
_REFUSING = (errno.EACCES, errno.EROFS)

ERRORS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("write", "pwrite64", "writev", "sendfile"), (*_FULL, *_FAILING)),
    **dict.fromkeys(("fsync", "fdatasync", "syncfs"), (*_FAILING, errno.ENOSPC)),
    **dict.fromkeys(("rename", "renameat", "renameat2"), (*_FAILING, *_FULL, errno.EXDEV)),
    **dict.fromkeys(("link", "linkat"), (errno.EPERM, errno.EMLINK, *_FAILING)),
    **dict.fromkeys(("open", "openat"), (*_FULL, errno.EMFILE, *_REFUSING)),
    **dict.fromkeys(("mkdir", "mkdirat", "symlink", "symlinkat"), (*_FULL, *_REFUSING)),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), (errno.EACCES, *_FAILING)),
    **dict.fromkeys(("chmod", "fchmod", "fchmodat", "utimensat"), (errno.EPERM, errno.EROFS)),
    "copy_file_range": (errno.EXDEV, errno.ENOSPC),
    "ftruncate": (*_FAILING, errno.ENOSPC),
    "flock": (errno.ENOLCK, *_FAILING),
}
