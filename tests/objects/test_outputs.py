from __future__ import annotations

from jupyter_mlops.ids import hash_bytes
from jupyter_mlops.objects.outputs import read_outputs, write_outputs
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import open_writer

_KEY = hash_bytes(b"stripped notebook")


def _payload(minute: int) -> bytes:
    return b'{"created_at": "2026-01-01T00:%02d:00Z", "format": 0}' % minute


def test_the_newest_outputs_win_whatever_the_order_of_writing(store: Store) -> None:
    assert read_outputs(store, _KEY) is None
    for minute in (5, 9, 7):
        with open_writer(store) as writer:
            write_outputs(writer, _KEY, _payload(minute))
            writer.finish()
    assert read_outputs(open_store(store.folder), _KEY) == _payload(9)
    assert read_outputs(store, hash_bytes(b"other")) is None


def test_outputs_survive_the_loss_of_the_index(store: Store) -> None:
    with open_writer(store) as writer:
        write_outputs(writer, _KEY, _payload(1))
        write_outputs(writer, _KEY, _payload(2))
        writer.finish()
    for segment in (store.folder / "index").iterdir():
        segment.unlink()
    assert read_outputs(open_store(store.folder), _KEY) == _payload(2)
