"""The store against ``cp -r`` and ``sync``, and mean chunk sizes against each other.

Run it with ``python -m tests.benchmarks.bench_store [--folder DIR] [--files N] [--csv-mib N]
[chunks|files|csv]…``. Everything is made on the fly in a temporary folder of DIR and warm in the
page cache; what is ours is durable when it is done, ``cp`` is followed by ``sync``. Deleting many
files makes ext4 slow to create some for a while: use a fresh file system for figures to be quoted.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from blake3 import blake3
from pyfastcdc import FastCDC
from zstandard import ZstdCompressor

from jupyter_mlops.files.stat_cache import StatCache, make_rows, read_stat_cache
from jupyter_mlops.files.walk import FileStat, walk
from jupyter_mlops.files.worktree import WorkTree
from jupyter_mlops.formats.entry import Entry
from jupyter_mlops.objects.folders import Folder, write_folder
from jupyter_mlops.objects.reader import missing, restore_files
from jupyter_mlops.objects.store import Store, open_store
from jupyter_mlops.objects.writer import WriteReport, open_writer
from tests.benchmarks.measure import clock, peak_mib, say
from tests.benchmarks.workloads import edit_csv, make_csv, make_small_files

_ROW_BYTES = 32 + 26
_HEADER_BYTES = 56


def main() -> None:
    """Run the parts that were asked for, all by default."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", default=[], metavar="chunks|files|csv")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--csv-mib", type=int, default=512)
    options = parser.parse_args()
    parts = options.parts or ["files", "csv", "chunks"]
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        top = Path(name)
        if "files" in parts:
            _files(top, options.files)
        if "csv" in parts or "chunks" in parts:
            (top / "one").mkdir()
            (top / "two").mkdir()
            make_csv(top / "one" / "table.csv", options.csv_mib << 20)
            edit_csv(top / "one" / "table.csv", top / "two" / "table.csv")
        if "csv" in parts:
            _csv(top)
        if "chunks" in parts:
            _chunks(top / "one" / "table.csv", top / "two" / "table.csv")
    print(f"peak memory {peak_mib()} MiB")


def _add(store: Store, folder: Path, stats: Sequence[FileStat]) -> tuple[list[Entry], WriteReport]:
    with open_writer(store) as writer:
        entries = writer.add_files(folder, stats)
        named = zip([item.path for item in stats], entries, strict=True)
        write_folder(writer, Folder.of(dict(named)))
        return entries, writer.finish()


def _restore(
    store: Store, target: Path, stats: Sequence[FileStat], entries: Sequence[Entry]
) -> None:
    target.mkdir()
    with WorkTree(target, target.parent / "staging").open_batch("") as batch:
        restore_files(
            store,
            [
                (entry, partial(batch.open_file, item.path, item.mode))
                for item, entry in zip(stats, entries, strict=True)
            ],
        )
        batch.apply()


def _copy(source: Path, target: Path) -> None:
    subprocess.run(["cp", "-r", str(source), str(target)], check=True)
    subprocess.run(["sync"], check=True)


def _floor(source: Path, target: Path) -> None:
    timing, _ = clock(lambda: _copy(source, target))
    say("cp -r and sync", timing)


def _files(top: Path, count: int) -> None:
    print(f"{count:,} small files")
    source = top / "files"
    make_small_files(source, count)
    _floor(source, top / "files-copied")
    timing, stats = clock(lambda: walk(source), 3)
    say("walk and stat", timing)
    store = open_store(top / "files-store")
    timing, (entries, report) = clock(lambda: _add(store, source, stats))
    say("first write, durable", timing, stored=f"{report.stored_bytes:,}")
    timing, _ = clock(lambda: _add(store, source, stats))
    say("write of what is known", timing)
    timing, _ = clock(lambda: missing(store, entries))
    say("ask for each whether it is there", timing)
    timing, _ = clock(lambda: _restore(store, top / "files-out", stats, entries))
    say("restore, durable", timing)
    cache = StatCache()
    files = {item.path: item for item in stats}
    hashes = {item.path: entry.hash for item, entry in zip(stats, entries, strict=True)}
    cache.record("files", "", make_rows(files, hashes))
    timing, _ = clock(lambda: cache.write(top / "cache"))
    say("stat cache written", timing)
    timing, again = clock(lambda: read_stat_cache(top / "cache"), 3)
    say("stat cache read", timing, entries=f"{len(again):,}")


def _csv(top: Path) -> None:
    size = (top / "one" / "table.csv").stat().st_size
    print(f"a table of {size:,} bytes, and its second version")
    _floor(top / "one", top / "csv-copied")
    store = open_store(top / "csv-store")
    for name in ("one", "two"):
        stats = walk(top / name)
        timing, (entries, report) = clock(partial(_add, store, top / name, stats))
        say(
            f"write version {name}, durable",
            timing,
            new=f"{report.new_bytes:,}",
            stored=f"{report.stored_bytes:,}",
        )
        timing, _ = clock(partial(_restore, store, top / f"out-{name}", stats, entries))
        say(f"restore version {name}, durable", timing)


def _chunks(first: Path, second: Path) -> None:
    print("mean chunk size: second version of the table, chunks at zstd level 1")
    contents = (first.read_bytes(), second.read_bytes())
    compress = ZstdCompressor(level=1).compress
    for mean in (32, 64, 128, 256, 512):
        cutter = FastCDC(mean << 10, min_size=mean << 8, max_size=mean << 12)
        cuts = partial(lambda cutter: [c.length for c in cutter.cut_buf(contents[0])], cutter)
        timing, lengths = clock(cuts, 3)
        known: dict[bytes, int] = {}
        stored = new = 0
        for number, content in enumerate(contents):
            stored = new = 0
            for chunk in cutter.cut_buf(content):
                name = blake3(chunk.data).digest()
                if name not in known:
                    known[name] = len(compress(chunk.data)) + _HEADER_BYTES
                    new += chunk.length
                    stored += known[name]
            if number == 0:
                whole = stored
        say(
            f"mean {mean} KiB: cutting",
            timing,
            chunks=f"{len(lengths):,}",
            first=f"{whole:,}",
            new=f"{new:,}",
            stored=f"{stored:,}",
            index=f"{len(lengths) * _ROW_BYTES:,}",
        )


if __name__ == "__main__":
    main()
