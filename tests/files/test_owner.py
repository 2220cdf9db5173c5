from __future__ import annotations

import os
import subprocess
import sys

import pytest

from jupyter_mlops.files.owner import (
    Owner,
    current_owner,
    format_owner,
    is_gone,
    parse_owner,
    sees_gone,
)


def ended_owner() -> Owner:
    """Return this process's surroundings with the number of a process that has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return current_owner()._replace(pid=ended.pid, started=1)


def test_the_text_of_an_owner_is_read_back() -> None:
    owner = current_owner()
    assert owner.pid == os.getpid()
    assert parse_owner(format_owner(owner)) == owner


@pytest.mark.parametrize("text", ["", "1.2.3", "1.2.zz.4.01234567", "1.2.a.4.01234567\n", "x" * 99])
def test_other_text_names_no_owner(text: str) -> None:
    assert parse_owner(text) is None


def test_this_process_is_not_gone() -> None:
    assert not is_gone(current_owner(), age_seconds=1e9)


def test_a_process_that_has_ended_is_gone_at_once() -> None:
    assert is_gone(ended_owner(), age_seconds=0)


def test_a_process_known_by_its_number_alone_is_looked_up() -> None:
    assert is_gone(ended_owner()._replace(started=0), age_seconds=0)
    assert not is_gone(current_owner()._replace(started=0), age_seconds=0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process was started")
def test_another_process_with_the_same_number_is_not_taken_for_it() -> None:
    assert is_gone(current_owner()._replace(started=1), age_seconds=0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells one boot from another")
def test_a_reboot_ends_every_process() -> None:
    assert is_gone(current_owner()._replace(boot="0123abcd"), age_seconds=0)


def test_a_process_on_another_machine_is_given_an_hour() -> None:
    elsewhere = current_owner()._replace(host="01234567")
    assert not is_gone(elsewhere, age_seconds=3000)
    assert is_gone(elsewhere, age_seconds=4000)


def test_a_process_in_another_container_is_given_an_hour() -> None:
    elsewhere = current_owner()._replace(namespace=1)
    assert not is_gone(elsewhere, age_seconds=3000)
    assert is_gone(elsewhere, age_seconds=4000)


def test_only_a_process_that_can_be_looked_at_is_seen_to_be_gone() -> None:
    assert sees_gone(ended_owner()) is True
    assert sees_gone(current_owner()) is False
    for unseen in ({"host": "01234567"}, {"boot": "0123abcd"}, {"namespace": 1}):
        assert sees_gone(ended_owner()._replace(**unseen)) is None
