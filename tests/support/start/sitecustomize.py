"""Hands a program over to the process that stands by for it, where the environment names one.

Python imports this as it starts with this folder in PYTHONPATH, so it imports next to nothing.
"""

from __future__ import annotations

import marshal
import os
import sys
from _socket import AF_UNIX, SCM_RIGHTS, SOCK_SEQPACKET, SOL_SOCKET, socket

STANDBY = "TESTS_STANDBY"
"""The variable that names the socket of the process that stands by."""

_FOR_GIT = ["-P", "-m", "jupyter_mlops"]


def ask(standby: str, words: list[str], folder: str, env: dict[str, str], *streams: int) -> int:
    """Run ``python WORDS`` as a fork of the process ``standby``; return how it ended.

    That is what ``waitpid`` says of it. ``streams`` are the three standard ones.
    """
    mask = os.umask(0o077)
    os.umask(mask)
    request = os.memfd_create("request")
    os.write(request, marshal.dumps((words, folder, env, mask)))
    handed = b"".join([fd.to_bytes(4, sys.byteorder) for fd in (request, *streams)])
    connection = socket(AF_UNIX, SOCK_SEQPACKET)
    connection.connect(standby)
    connection.sendmsg([b"!"], [(SOL_SOCKET, SCM_RIGHTS, handed)])
    os.close(request)
    ended = connection.recv(16)
    connection.close()
    if not ended:
        raise AssertionError("the process that stands by has ended")
    return int(ended)


def _hand_over(standby: str, words: list[str]) -> None:
    status = os.waitstatus_to_exitcode(ask(standby, words, os.getcwd(), dict(os.environ), 0, 1, 2))
    if status < 0:
        os.kill(os.getpid(), -status)
    os._exit(status)


if STANDBY in os.environ and sys.orig_argv[1:4] == _FOR_GIT:
    _hand_over(os.environ[STANDBY], sys.orig_argv[1:])
