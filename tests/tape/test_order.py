"""Order across row groups and files, on either clock; and what metadata and rows must agree about."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.errors import TapeError
from simcore.records import ASK_BIT, BEST, BOTH_BITS, DEPTH, EXCH_BIT, LOCAL_BIT, Chunk
from simcore.tape.read import Tape
from simcore.tape.schema import META_KEY, Instrument, TapeMeta, arrow_schema, as_chunk
from simcore.tape.write import TapeWriter

T0 = 1_700_000_000_000_000_000
META = TapeMeta(Instrument("test", "AAABBB", "linear", "0.1", "0.001"))
GROUP = 4
COUNT = 12


def rows_of(exch: list[int], local: list[int], ev: list[int] | None = None) -> Chunk:
    """Level rows at times after T0."""
    codes = np.array([BOTH_BITS] * len(exch) if ev is None else ev, np.uint8)
    return as_chunk([np.array(exch) + T0, np.array(local) + T0, codes, np.arange(len(exch)) + 100, np.ones(len(exch), np.int64)])


def forged(path: Path, chunk: Chunk, group: int = GROUP, **changes: Any) -> Tape:
    """Write rows straight through Parquet, as the writer would not, with metadata that fit them but for changes."""
    schema = arrow_schema("l2")
    table = pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(chunk[:5], schema, strict=True)], schema=schema)
    exch, local = (times[(chunk.ev & bit) != 0] for times, bit in ((chunk.exch_ts, EXCH_BIT), (chunk.local_ts, LOCAL_BIT)))
    times = {
        "first_exch_ts": int(exch.min()), "last_exch_ts": int(exch.max()), "first_local_ts": int(local.min()), "last_local_ts": int(local.max()),
    }  # fmt: skip
    meta = replace(META, price_min_ticks=1, price_max_ticks=1000, **{"rows": len(chunk.ev), "content_hash": "0" * 64, **times, **changes})
    with pq.ParquetWriter(path, schema) as writer:
        writer.write_table(table, row_group_size=group)
        writer.add_key_value_metadata({META_KEY: meta.to_json()})
    return Tape.open(path)


def refusal(tape: Tape, **options: Any) -> str:
    with pytest.raises(TapeError) as caught:
        list(tape.chunks(**options))
    return f"{caught.value.code} {caught.value.cause}"


@pytest.mark.parametrize(("clock", "other"), [("exch_ts", "local_ts"), ("local_ts", "exch_ts")])
@pytest.mark.parametrize("place", [GROUP, 2 * GROUP])
def test_a_row_group_that_begins_before_the_one_before_ended_is_refused(tmp_path: Path, clock: str, other: str, place: int) -> None:
    """On each clock by itself, with the row that goes back; every row group is in order."""
    back = [10 * i if i < place else 10 * i - 15 for i in range(COUNT)]
    times = {clock: back, other: [10 * i for i in range(COUNT)]}
    said = refusal(forged(tmp_path / "t.parquet", rows_of(times["exch_ts"], times["local_ts"])))
    assert said.startswith("TAPE-007")
    assert said.endswith(f"row {place}: {clock} {T0 + back[place]} comes after {T0 + back[place - 1]}")


@pytest.mark.parametrize(("clock", "bit"), [("exch_ts", LOCAL_BIT), ("local_ts", EXCH_BIT)])
def test_a_row_group_that_a_clock_does_not_see_is_no_new_beginning(tmp_path: Path, clock: str, bit: int) -> None:
    """The second row group is seen by the other clock alone; the third begins two rows late, and goes back."""
    ev = [BOTH_BITS] * GROUP + [bit] * GROUP + [bit] * 2 + [BOTH_BITS] * 2
    times = {"exch_ts": [10 * i for i in range(COUNT)], "local_ts": [10 * i for i in range(COUNT)]}
    times[clock] = [*times[clock][:10], 25, 35]
    said = refusal(forged(tmp_path / "t.parquet", rows_of(times["exch_ts"], times["local_ts"], ev)))
    assert said.endswith(f"row 10: {clock} {T0 + 25} comes after {T0 + 30}")


def test_a_stream_from_the_middle_names_the_row_of_the_file(tmp_path: Path) -> None:
    back = [10 * i if i < 2 * GROUP else 10 * i - 15 for i in range(COUNT)]
    tape = forged(tmp_path / "t.parquet", rows_of(back, [10 * i for i in range(COUNT)]))
    assert "row 8: exch_ts" in refusal(tape, start_row=5)


def test_equal_times_across_row_groups_and_passes_are_in_order(tmp_path: Path) -> None:
    """A new pass begins anew, and so does a new file."""
    tape = forged(tmp_path / "t.parquet", rows_of([7] * COUNT, [9] * COUNT))
    assert sum(len(chunk.ev) for chunk in tape.chunks(repeat=2)) == 2 * COUNT


def written(path: Path, rows: Chunk) -> Path:
    with TapeWriter(path, META) as writer:
        writer.append(rows)
    return path


@pytest.mark.parametrize(("clock", "other"), [("exch_ts", "local_ts"), ("local_ts", "exch_ts")])
def test_files_that_overlap_on_one_clock_are_refused(tmp_path: Path, clock: str, other: str) -> None:
    """The other clock is in order; a file may begin at the very time at which the one before ends."""
    first = written(tmp_path / "a.parquet", rows_of([0, 10], [0, 10]))
    for number, begins, is_good in ((1, 9, False), (2, 10, True)):
        times = {clock: [begins, 30], other: [20, 30]}
        second = written(tmp_path / f"b{number}.parquet", rows_of(times["exch_ts"], times["local_ts"]))
        if is_good:
            assert Tape.open([first, second]).rows == 4
        else:
            with pytest.raises(TapeError, match=rf"TAPE-010.*begins at {T0 + 9}, before the end {T0 + 10}"):
                Tape.open([first, second])


def test_days_of_another_level_are_refused(tmp_path: Path) -> None:
    first = written(tmp_path / "a.parquet", rows_of([0, 10], [0, 10]))
    rows = rows_of([20, 30], [20, 30])._replace(order_id=np.array([1, 2]))
    with TapeWriter(tmp_path / "b.parquet", replace(META, level="l3")) as writer:
        writer.append(rows)
    with pytest.raises(TapeError, match=r"TAPE-008.* l2 .* l3 "):
        Tape.open([first, tmp_path / "b.parquet"])


@pytest.mark.parametrize(("clock", "bit"), [("exch", LOCAL_BIT), ("local", EXCH_BIT)])
def test_rows_on_a_clock_that_the_metadata_leave_out_are_refused(tmp_path: Path, clock: str, bit: int) -> None:
    """The metadata say that no row has this clock, and the last one has it."""
    times = [10 * i for i in range(COUNT)]
    rows = rows_of(times, times, [bit] * (COUNT - 1) + [BOTH_BITS])
    changes = {f"first_{clock}_ts": None, f"last_{clock}_ts": None}
    said = refusal(forged(tmp_path / "t.parquet", rows, **changes))
    assert said.startswith("TAPE-004")
    assert f"{clock}_ts reaches {T0 + 10 * (COUNT - 1)}, the metadata says None" in said


def test_a_file_that_has_changed_since_it_was_opened_is_refused(tmp_path: Path) -> None:
    """Fewer rows in a row group than there were."""
    times = [10 * i for i in range(COUNT)]
    tape = forged(tmp_path / "t.parquet", rows_of(times, times))
    forged(tmp_path / "u.parquet", rows_of(times[:-2], times[:-2]))
    shutil.copyfile(tmp_path / "u.parquet", tmp_path / "t.parquet")
    assert "TAPE-004" in refusal(tape)
    assert "row group 2 has 2 rows, not 4" in refusal(tape)


@pytest.mark.parametrize("rows", [COUNT - 1, COUNT + 1])
def test_a_number_of_rows_that_is_not_that_of_the_metadata_is_refused(tmp_path: Path, rows: int) -> None:
    times = [10 * i for i in range(COUNT)]
    with pytest.raises(TapeError, match=rf"TAPE-004.*{COUNT} rows, metadata says {rows}"):
        forged(tmp_path / "t.parquet", rows_of(times, times), rows=rows)


def test_a_tape_ends_with_the_later_of_its_clocks(tmp_path: Path) -> None:
    """And a repeated pass begins a whole second, or more, after that."""
    tape = Tape.open(written(tmp_path / "t.parquet", rows_of([0, 10], [5, 2_000_000_001])))
    assert (tape.start_ts, tape.end_ts, tape.span_ns) == (T0 + 5, T0 + 2_000_000_001, 4_000_000_000)
    early = Tape.open(written(tmp_path / "u.parquet", rows_of([0, 100], [5, 10], [BOTH_BITS, EXCH_BIT])))
    assert early.end_ts == T0 + 100


def test_a_chunk_that_a_clock_does_not_see_does_not_end_a_stream(tmp_path: Path) -> None:
    """What follows may be at or before the wanted end on that clock."""
    times = [10 * i for i in range(COUNT)]
    tape = forged(tmp_path / "t.parquet", rows_of(times, [t - 50 if i >= GROUP else t for i, t in enumerate(times)], [EXCH_BIT] * GROUP + [BOTH_BITS] * (COUNT - GROUP)))
    assert sum(len(chunk.ev) for chunk in tape.chunks(until_ts=T0 - 1)) == 2 * GROUP


def test_metadata_are_those_of_all_appends(tmp_path: Path) -> None:
    """First and last times over appends; prices of levels that hold lots, best prices among them."""
    with TapeWriter(tmp_path / "t.parquet", META) as writer:
        writer.append([[T0], [T0 + 1], np.array([BOTH_BITS | DEPTH], np.uint8), [50], [3]])
        writer.append([[T0 + 5], [T0 + 6], np.array([BOTH_BITS | BEST | ASK_BIT], np.uint8), [90], [3]])
        writer.append([[T0 + 7], [T0 + 8], np.array([BOTH_BITS | DEPTH], np.uint8), [10], [0]])
    meta = Tape.open(tmp_path / "t.parquet").meta
    assert (meta.first_exch_ts, meta.last_exch_ts, meta.first_local_ts, meta.last_local_ts) == (T0, T0 + 7, T0 + 1, T0 + 8)
    assert (meta.price_min_ticks, meta.price_max_ticks) == (50, 90)


def test_verify_compares_the_whole_hash(tmp_path: Path) -> None:
    """A hash that begins as it should is another hash all the same."""
    tape = Tape.open(written(tmp_path / "t.parquet", rows_of([0, 10], [0, 10])))
    almost = tape.content_hash[:-1] + ("0" if tape.content_hash[-1] != "0" else "1")
    table = tape.to_arrow().cast(arrow_schema("l2"))
    with pq.ParquetWriter(tmp_path / "u.parquet", table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({META_KEY: replace(tape.meta, content_hash=almost).to_json()})
    with pytest.raises(TapeError, match=r"TAPE-004.*content hash"):
        Tape.open(tmp_path / "u.parquet").verify()


def test_columns_longer_than_the_first_are_refused(tmp_path: Path) -> None:
    rows = rows_of([0, 10], [0, 10])
    with pytest.raises(TapeError, match=r"TAPE-005.*lengths"), TapeWriter(tmp_path / "t.parquet", META) as writer:
        writer.append([*rows[:4], np.ones(3, np.int64)])


def test_a_bad_row_is_named_by_its_place_in_the_tape(tmp_path: Path) -> None:
    bad = rows_of([20, 30], [20, 30])._replace(price_ticks=np.array([1, 0]))
    with TapeWriter(tmp_path / "t.parquet", META) as writer:
        writer.append(rows_of([0, 10], [0, 10]))
        with pytest.raises(TapeError, match=r"TAPE-009.*row 3:"):
            writer.append(bad)
