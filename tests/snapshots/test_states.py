from __future__ import annotations

import pytest

from jupyter_mlops.formats.entry import Entry, Mode
from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.snapshots.origins import Origin
from jupyter_mlops.snapshots.states import State, count_differences, decide_state


def _entry(content: str) -> Entry:
    return Entry(Mode.FILE, hash_bytes(content.encode()), len(content))


OLD, NEW, OTHER, MINE = (_entry(name) for name in ("old", "newer", "others'", "mine"))


def _origin(content: Entry, before: Entry | None = None) -> Origin:
    return Origin("data", content, before)


CASES: dict[str, tuple[Entry, Origin | None, Entry | None, State]] = {
    "nothing there": (OLD, _origin(OLD), None, State.MISSING),
    "nothing there, never was": (OLD, None, None, State.MISSING),
    "as the pointer says": (OLD, _origin(OLD), OLD, State.CLEAN),
    "as the pointer says, from nowhere": (OLD, None, OLD, State.CLEAN),
    "as the pointer says, by another way": (NEW, _origin(OLD), NEW, State.CLEAN),
    "the data moved": (OLD, _origin(OLD), MINE, State.CHANGED),
    "the pointer moved": (NEW, _origin(OLD), OLD, State.BEHIND),
    "both moved": (NEW, _origin(OLD), MINE, State.DIVERGED),
    "from nowhere": (OLD, None, MINE, State.DIVERGED),
    "killed before the pointer": (OLD, _origin(NEW, OLD), NEW, State.CHANGED),
    "killed after the pointer": (NEW, _origin(NEW, OLD), NEW, State.CLEAN),
    "killed, then edited": (OLD, _origin(NEW, OLD), MINE, State.CHANGED),
    "killed after the pointer, then edited": (NEW, _origin(NEW, OLD), MINE, State.CHANGED),
    "killed after the pointer, data put back": (NEW, _origin(NEW, OLD), OLD, State.BEHIND),
    "killed, then the pointer moved": (OTHER, _origin(NEW, OLD), NEW, State.DIVERGED),
    "killed, data put back, the pointer moved": (OTHER, _origin(NEW, OLD), OLD, State.BEHIND),
    "killed first snapshot, then the pointer moved": (
        OTHER,
        _origin(NEW, NEW),
        NEW,
        State.DIVERGED,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_states(case: str) -> None:
    pointer, origin, data, state = CASES[case]
    assert decide_state(pointer, origin, data) is state


@pytest.mark.parametrize("case", CASES)
def test_an_unfinished_restore_is_diverged_unless_data_and_pointer_agree(case: str) -> None:
    pointer, origin, data, state = CASES[case]
    decided = decide_state(pointer, origin, data, unfinished=True)
    agreed = state in (State.CLEAN, State.MISSING)
    assert decided is (state if agreed else State.DIVERGED)


def test_an_execute_bit_is_a_change() -> None:
    executable = OLD._replace(mode=Mode.EXECUTABLE)
    assert decide_state(OLD, _origin(OLD), executable) is State.CHANGED


def test_differences_are_counted() -> None:
    wanted = {"same": OLD, "edited": OLD, "gone": OLD}
    present = {"same": OLD, "edited": NEW, "came": NEW, "too": NEW}
    assert count_differences(wanted, present) == (1, 2, 1)
