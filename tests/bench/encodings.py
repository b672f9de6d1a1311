"""Compare ways to write a tape: `python -m tests.bench.encodings TAPE` prints bytes a row and ns a row to decode."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from simcore.tape.schema import ROW_GROUP_ROWS, WRITE_OPTIONS

_SAME = {name: WRITE_OPTIONS[name] for name in ("write_statistics", "write_page_checksum", "store_schema")}
_DICTIONARY = {"use_dictionary": ["ev", "price_ticks", "qty_lots"], "dictionary_pagesize_limit": 1 << 22}
_SPLIT = dict.fromkeys(("ev", "price_ticks", "qty_lots"), "BYTE_STREAM_SPLIT")
WAYS: dict[str, dict[str, Any]] = {
    "as mmsim writes": WRITE_OPTIONS,
    "the same, zstd": {**WRITE_OPTIONS, "compression": "zstd"},
    "the same, times plain": {**WRITE_OPTIONS, "column_encoding": _SPLIT},
    "times plain, the rest dictionary, zstd": {**_SAME, **_DICTIONARY, "compression": "zstd"},
    "times plain, the rest dictionary, lz4": {**_SAME, **_DICTIONARY, "compression": "lz4"},
    "all dictionary, zstd": {**_SAME, "use_dictionary": True, "dictionary_pagesize_limit": 1 << 22, "compression": "zstd"},
    "plain, not compressed": {**_SAME, "use_dictionary": False, "compression": "none"},
}


def measure(tape: Path, options: dict[str, Any], rounds: int = 7) -> tuple[float, float]:
    """Return bytes a row, and the least CPU time of some rounds of decoding on one thread, ns a row."""
    table = pq.read_table(tape)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tape.parquet"
        pq.write_table(table, path, row_group_size=ROW_GROUP_ROWS, **options)
        best = float("inf")
        for _ in range(rounds):
            with pq.ParquetFile(path, page_checksum_verification=True) as parquet:
                begin = time.thread_time()
                for group in range(parquet.num_row_groups):
                    parquet.read_row_group(group, use_threads=False)
                best = min(best, time.thread_time() - begin)
        return path.stat().st_size / table.num_rows, best / table.num_rows * 1e9


if __name__ == "__main__":
    for way, written in WAYS.items():
        size, decode = measure(Path(sys.argv[1]), written)
        print(f"| {way} | {size:.2f} | {decode:.1f} |")
