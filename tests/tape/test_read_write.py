"""Tapes on disk: what is written is read, however it is cut; damaged, foreign and unfit files are refused by code."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.errors import TapeError
from simcore.records import ASK_BIT, BOTH_BITS, CLEAR, DEPTH, EXCH_BIT, L3_ADD, LOCAL_BIT, NO_SIDE_BIT, TRADE, Chunk
from simcore.tape import decode as decode_module
from simcore.tape import read as read_module
from simcore.tape import write as write_module
from simcore.tape.read import Tape
from simcore.tape.schema import META_KEY, Instrument, TapeMeta, arrow_schema, as_chunk
from simcore.tape.write import TapeWriter
from simcore.units import NS_PER_S

INSTRUMENT = Instrument("test", "AAABBB", "linear", "0.1", "0.001", base="AAA", quote="BBB")
META = TapeMeta(INSTRUMENT)
T0 = 1_700_000_000_000_000_000


def make_rows(n: int, seed: int = 1, ids: bool = False) -> Chunk:
    """Rows in order on both clocks; the price and quantity ranges reach the edges of the schema."""
    rng = np.random.default_rng(seed)
    exch = T0 + np.cumsum(rng.integers(0, 5_000_000, n))
    local = np.maximum.accumulate(exch + rng.integers(1, 9_000_000, n))
    ev = rng.choice([DEPTH, DEPTH | ASK_BIT, TRADE], n).astype(np.uint8) | np.uint8(BOTH_BITS)
    columns = [exch, local, ev, rng.integers(1, 1 << 50, n), rng.integers(0, 1 << 40, n)]
    return as_chunk([*columns, rng.integers(1, 99, n)] if ids else columns)


def write(path: Path, rows: Chunk, meta: TapeMeta = META) -> Tape:
    with TapeWriter(path, meta) as writer:
        writer.append(rows)
    return Tape.open(path)


def joined(chunks: Any) -> Chunk:
    parts = list(chunks)
    return Chunk(*(np.concatenate([getattr(part, name) for part in parts]) for name in Chunk._fields))


def assert_equal(a: Chunk, b: Chunk) -> None:
    for name in Chunk._fields:
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)


def code_of(call: Any, *args: Any) -> str:
    with pytest.raises(TapeError) as caught:
        call(*args)
    return caught.value.code


@pytest.fixture
def small_groups(monkeypatch: pytest.MonkeyPatch) -> int:
    """Row groups of 64 rows, so that short tapes have many."""
    for module in (write_module, read_module):
        monkeypatch.setattr(module, "ROW_GROUP_ROWS", 64)
    return 64


@given(cuts=st.lists(st.integers(0, 300), max_size=6), ids=st.booleans())
def test_rows_come_back_however_they_were_appended(tmp_path_factory: Any, cuts: list[int], ids: bool) -> None:
    """Appending in any pieces gives the same rows, the same bytes and the same hash."""
    folder = tmp_path_factory.mktemp("t")
    rows = make_rows(300, ids=ids)
    meta = replace(META, level="l3") if ids else META
    whole = write(folder / "whole.parquet", rows, meta)
    edges = [0, *sorted(cuts), 300]
    with TapeWriter(folder / "cut.parquet", meta) as writer:
        for start, stop in pairwise(edges):
            writer.append(Chunk(*(column[start:stop] for column in rows)))
    cut = Tape.open(folder / "cut.parquet")
    assert_equal(joined(cut.chunks()), rows)
    assert cut.meta == whole.meta
    assert (folder / "cut.parquet").read_bytes() == (folder / "whole.parquet").read_bytes()
    assert cut.verify() == whole.content_hash


def test_buffers_may_be_reused_after_append(tmp_path: Path) -> None:
    rows = [np.array(column) for column in make_rows(10)[:5]]
    with TapeWriter(tmp_path / "t.parquet", META) as writer:
        writer.append(rows)
        want = as_chunk([column.copy() for column in rows])
        rows[3][:] = -1
    assert_equal(joined(Tape.open(tmp_path / "t.parquet").chunks()), want)


def test_metadata_say_what_is_in_the_rows(tmp_path: Path) -> None:
    ev = np.array([CLEAR | NO_SIDE_BIT | BOTH_BITS, DEPTH | EXCH_BIT, DEPTH | ASK_BIT | LOCAL_BIT, TRADE | BOTH_BITS], np.uint8)
    rows = as_chunk([[T0, T0 + 5, T0 + 9, T0 + 7], [T0 + 1, 0, T0 + 3, T0 + 20], ev, [0, 7, 9, 1], [0, 3, 3, 1]])
    meta = write(tmp_path / "t.parquet", rows, replace(META, inferred=("lot_size",), synthetic=True, source={"format": "x"})).meta
    assert (meta.rows, meta.first_exch_ts, meta.last_exch_ts) == (4, T0, T0 + 7)
    assert (meta.first_local_ts, meta.last_local_ts) == (T0 + 1, T0 + 20)
    assert (meta.price_min_ticks, meta.price_max_ticks) == (7, 9)
    assert (meta.inferred, meta.synthetic, meta.source) == (("lot_size",), True, {"format": "x"})
    assert meta.instrument == INSTRUMENT


def test_chunks_have_the_one_form_that_kernels_are_compiled_for(tmp_path: Path, small_groups: int) -> None:
    tape = write(tmp_path / "t.parquet", make_rows(200))
    for repeat in (1, 2):
        for chunk in tape.chunks(repeat=repeat):
            for name, column in zip(Chunk._fields, chunk, strict=True):
                assert column.dtype == (np.uint8 if name == "ev" else np.int64)
                assert column.flags.c_contiguous
                assert not column.flags.writeable


@given(start=st.integers(0, 650), repeat=st.integers(1, 3), ahead=st.integers(1, 5))
def test_a_stream_can_start_at_any_row_of_any_pass(tmp_path_factory: Any, start: int, repeat: int, ahead: int) -> None:
    """Rows from `start_row` on are the tail of the whole stream; passes are shifted by whole seconds."""
    folder = tmp_path_factory.mktemp("t")
    rows = make_rows(200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_module, "ROW_GROUP_ROWS", 64)
        tape = write(folder / "t.parquet", rows)
    assert tape.span_ns % NS_PER_S == 0
    assert tape.span_ns >= int(max(rows.local_ts.max(), rows.exch_ts.max()) - rows.exch_ts[0]) + NS_PER_S
    want = [
        Chunk(rows.exch_ts + k * tape.span_ns, rows.local_ts + k * tape.span_ns, *rows[2:]) for k in range(repeat)
    ]
    tail = Chunk(*(column[start:] for column in joined(want)))
    got = list(tape.chunks(repeat=repeat, start_row=start, read_ahead=ahead))
    assert sum(len(chunk.ev) for chunk in got) == max(200 * repeat - start, 0)
    if got:
        assert_equal(joined(got), tail)


def test_only_wanted_columns_are_decoded(tmp_path: Path) -> None:
    rows = make_rows(50)
    chunk = joined(write(tmp_path / "t.parquet", rows).chunks(columns=["ev", "qty_lots"]))
    assert len(chunk.exch_ts) == len(chunk.price_ticks) == 0
    np.testing.assert_array_equal(chunk.qty_lots, rows.qty_lots)


def test_until_ts_ends_the_stream_only_when_both_clocks_are_past(tmp_path: Path, small_groups: int) -> None:
    rows = make_rows(640)
    tape = write(tmp_path / "t.parquet", rows)
    for until in (T0 - 1, int(rows.exch_ts[100]), int(rows.local_ts[300]), int(rows.local_ts[-1])):
        got = sum(len(chunk.ev) for chunk in tape.chunks(until_ts=until))
        needed = int(np.flatnonzero((rows.exch_ts <= until) | (rows.local_ts <= until)).max(initial=-1)) + 1
        assert needed <= got <= min(needed + 2 * small_groups, 640)


def test_closing_a_stream_stops_its_thread(tmp_path: Path, small_groups: int) -> None:
    stream = write(tmp_path / "t.parquet", make_rows(640)).chunks()
    next(stream)
    assert any(thread.name.startswith("tape-decode") for thread in threading.enumerate())
    stream.close()  # type: ignore[attr-defined]
    assert not any(thread.name.startswith("tape-decode") for thread in threading.enumerate())


def test_a_stream_holds_a_bounded_number_of_row_groups(tmp_path: Path, small_groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that stops consuming stops the decoder after read_ahead more row groups."""
    tape = write(tmp_path / "t.parquet", make_rows(6400))
    decoded: list[int] = []
    plain = decode_module.Decoder.decode
    monkeypatch.setattr(decode_module.Decoder, "decode", lambda self, *task: (decoded.append(task[1]), plain(self, *task))[1])
    stream = tape.chunks(read_ahead=3)
    for k in range(5):
        next(stream)
        assert len(decoded) <= k + 4
    stream.close()  # type: ignore[attr-defined]


def test_head_and_frames(tmp_path: Path) -> None:
    rows = make_rows(50)
    tape = write(tmp_path / "t.parquet", rows)
    assert len(tape.head(7).ev) == 7
    assert len(tape.head(500).ev) == 50
    assert tape.to_arrow().num_rows == 50
    frame = tape.to_pandas(3)
    assert frame["exch_ts"].iloc[0] == pd.Timestamp(int(rows.exch_ts[0]), tz="UTC")
    assert set(tape.to_pandas()["kind"].unique()) <= {"depth", "trade"}
    assert frame["price_ticks"].tolist() == rows.price_ticks[:3].tolist()


def test_other_tools_read_the_file(tmp_path: Path) -> None:
    write(tmp_path / "t.parquet", make_rows(50))
    frame = pd.read_parquet(tmp_path / "t.parquet")
    assert list(frame.columns) == ["exch_ts", "local_ts", "ev", "price_ticks", "qty_lots"]
    assert len(frame) == 50


# --- several files ---------------------------------------------------------------------------------


def split(rows: Chunk, at: int) -> tuple[Chunk, Chunk]:
    return Chunk(*(column[:at] for column in rows)), Chunk(*(column[at:] for column in rows))


def test_a_folder_is_one_tape(tmp_path: Path) -> None:
    rows = make_rows(100)
    one = write(tmp_path / "one.parquet", rows)
    days = tmp_path / "days"
    for name, part in zip(("2023-11-14", "2023-11-15"), split(rows, 40), strict=True):
        write(days / f"{name}.parquet", part)
    tape = Tape.open(days)
    assert_equal(joined(tape.chunks()), rows)
    assert (tape.rows, tape.start_ts, tape.end_ts, tape.span_ns) == (100, one.start_ts, one.end_ts, one.span_ns)
    assert_equal(joined(tape.chunks(start_row=33)), split(rows, 33)[1])
    tape.verify()


def test_files_of_another_instrument_or_out_of_order_are_refused(tmp_path: Path) -> None:
    early, late = split(make_rows(100), 50)
    a, b, c = tmp_path / "a.parquet", tmp_path / "b.parquet", tmp_path / "c.parquet"
    write(a, early)
    write(b, late)
    write(c, late, replace(META, instrument=replace(INSTRUMENT, tick_size="0.5")))
    assert Tape.open([a, b]).rows == 100
    assert code_of(Tape.open, [b, a]) == "TAPE-010"
    assert code_of(Tape.open, [a, a]) == "TAPE-010"
    assert code_of(Tape.open, [a, c]) == "TAPE-008"


# --- files that are no tapes -----------------------------------------------------------------------


def test_missing_and_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "zero.parquet").touch()
    (tmp_path / "text.parquet").write_text("exch_ts,local_ts\n")
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    assert code_of(Tape.open, tmp_path / "no.parquet") == "TAPE-001"
    assert code_of(Tape.open, tmp_path / "empty") == "TAPE-001"
    assert code_of(Tape.open, []) == "TAPE-001"
    assert code_of(Tape.open, tmp_path / "zero.parquet") == "TAPE-006"
    assert code_of(Tape.open, tmp_path / "text.parquet") == "TAPE-002"
    assert code_of(Tape.open, tmp_path / "other.parquet") == "TAPE-002"


def forge(path: Path, table: pa.Table, text: bytes) -> Path:
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({META_KEY: text})
    return path


def test_versions_columns_and_figures_are_checked(tmp_path: Path) -> None:
    tape = write(tmp_path / "t.parquet", make_rows(20))
    table, text = tape.to_arrow().cast(arrow_schema("l2")), tape.meta.to_json()
    out = tmp_path / "forged.parquet"
    assert Tape.open(forge(out, table, text)).rows == 20
    assert code_of(Tape.open, forge(out, table, replace(tape.meta, schema_version=3).to_json())) == "TAPE-003"
    assert code_of(Tape.open, forge(out, table, b"{")) == "TAPE-004"
    assert code_of(Tape.open, forge(out, table, b'{"schema_version":1}')) == "TAPE-015"
    assert code_of(Tape.open, forge(out, table, text.replace(b'"linear"', b'"round"'))) == "TAPE-015"
    assert code_of(Tape.open, forge(out, table, replace(tape.meta, rows=21).to_json())) == "TAPE-004"
    assert code_of(Tape.open, forge(out, table.slice(0, 0), text)) == "TAPE-006"
    assert code_of(Tape.open, forge(out, table.drop_columns(["ev"]), text)) == "TAPE-005"
    typed = table.set_column(3, "price_ticks", table["price_ticks"].cast(pa.float64(), safe=False))
    assert code_of(Tape.open, forge(out, typed, text)) == "TAPE-005"
    nullable = table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
    assert code_of(Tape.open, forge(out, nullable, text)) == "TAPE-005"
    assert code_of(Tape.open, forge(out, table.append_column(pa.field("x", pa.int64()), table["exch_ts"]), text)) == "TAPE-005"


def test_a_changed_value_is_found_by_verify(tmp_path: Path) -> None:
    tape = write(tmp_path / "t.parquet", make_rows(20))
    table = tape.to_arrow()
    prices = table["price_ticks"].to_pylist()
    prices[7] += 1
    changed = table.set_column(3, arrow_schema("l2").field(3), pa.array(prices)).cast(arrow_schema("l2"))
    assert code_of(Tape.open(forge(tmp_path / "f.parquet", changed, tape.meta.to_json())).verify) == "TAPE-004"


@given(at=st.floats(0, 1, exclude_max=True), byte=st.integers(1, 255), cut=st.booleans())
def test_damage_is_refused_by_code_or_found_by_verify(tmp_path_factory: Any, at: float, byte: int, cut: bool) -> None:
    """Whichever byte is changed, or wherever the file is cut: a TapeError, or rows and metadata that are all right."""
    folder = tmp_path_factory.mktemp("t")
    tape = write(folder / "t.parquet", make_rows(300))
    data = bytearray((folder / "t.parquet").read_bytes())
    place = int(at * len(data))
    if cut:
        data = data[:place]
    else:
        data[place] ^= byte
    (folder / "d.parquet").write_bytes(data)
    code, found = "", ""
    try:
        damaged = Tape.open(folder / "d.parquet")
        found = damaged.verify()
        list(damaged.chunks())
    except TapeError as error:
        code = error.code
    if code:
        assert code in {"TAPE-002", "TAPE-003", "TAPE-004", "TAPE-005", "TAPE-006", "TAPE-012", "TAPE-015", "TAPE-016"}
    else:
        assert not cut
        assert found == tape.content_hash


# --- the writer ------------------------------------------------------------------------------------


def test_rows_out_of_order_or_of_unknown_kind_are_refused(tmp_path: Path) -> None:
    good = make_rows(10)
    for name, value, code in (("exch_ts", T0 - 1, "TAPE-007"), ("local_ts", T0 - 1, "TAPE-007"), ("ev", 255, "TAPE-009"), ("ev", 0, "TAPE-009")):
        column = getattr(good, name).copy()
        column[5] = value
        with pytest.raises(TapeError, match="row 5") as caught:
            write(tmp_path / "t.parquet", good._replace(**{name: column}))
        assert caught.value.code == code
        assert list(tmp_path.iterdir()) == []


def test_order_is_checked_across_appends_and_only_where_seen(tmp_path: Path) -> None:
    early, late = split(make_rows(10), 5)
    with TapeWriter(tmp_path / "t.parquet", META) as writer:
        writer.append(late)
        with pytest.raises(TapeError, match="row 5"):
            writer.append(early)
    unseen = as_chunk([[T0, 1, T0], [T0, T0, T0], np.array([BOTH_BITS, LOCAL_BIT, BOTH_BITS], np.uint8), [1, 1, 1], [1, 1, 1]])
    assert write(tmp_path / "u.parquet", unseen).rows == 3


def write_and_stop(path: Path, rows: Chunk) -> None:
    with TapeWriter(path, META) as writer:
        writer.append(rows)
        raise KeyboardInterrupt


def test_nothing_is_left_of_a_write_that_failed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(tmp_path / "t.parquet", make_rows(10))
    assert code_of(lambda: TapeWriter(tmp_path / "t.parquet", META).close()) == "TAPE-006"
    assert list(tmp_path.iterdir()) == []


def test_an_old_tape_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    old = write(tmp_path / "t.parquet", make_rows(10))
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(tmp_path / "t.parquet", make_rows(20))
    assert Tape.open(tmp_path / "t.parquet").content_hash == old.content_hash


def test_leftovers_of_killed_writers_are_removed(tmp_path: Path) -> None:
    dead = tmp_path / ".t.parquet.4194999-0.part"  # above the largest process id of Linux by default
    other = tmp_path / f".t.parquet.{os.getppid()}-0.part"
    dead.touch()
    other.touch()
    write(tmp_path / "t.parquet", make_rows(5))
    assert {path.name for path in tmp_path.iterdir()} == {"t.parquet", other.name}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error_with_a_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, mode: str = "r") -> Any:
        return open("/dev/full" if mode == "w+b" else self, mode)  # noqa: PTH123

    monkeypatch.setattr(Path, "open", full)
    assert code_of(lambda: write(tmp_path / "t.parquet", make_rows(50_000))) == "TAPE-011"
    monkeypatch.undo()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code_of(TapeWriter, tmp_path / "file" / "t.parquet", META) == "TAPE-011"


def test_columns_of_unequal_length_are_refused(tmp_path: Path) -> None:
    rows = make_rows(5)
    with pytest.raises(TapeError, match="lengths"), TapeWriter(tmp_path / "t.parquet", replace(META, level="l3")) as writer:
        writer.append(rows)
    with pytest.raises(TapeError, match="lengths"), TapeWriter(tmp_path / "t.parquet", META) as writer:
        writer.append([*rows[:4], rows.qty_lots[:2]])


def test_tapes_with_orders_carry_ids(tmp_path: Path) -> None:
    rows = make_rows(30, ids=True)
    rows = rows._replace(ev=np.full(30, L3_ADD | BOTH_BITS, np.uint8))
    tape = write(tmp_path / "t.parquet", rows, replace(META, level="l3"))
    assert_equal(joined(tape.chunks()), rows)
    assert tape.to_pandas()["order_id"].tolist() == rows.order_id.tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "x"}, {"tick_size": "0"}, {"lot_size": "nan"}, {"maker_rate": "1e-9"}, {"base": 3}, {"tick_size": "1e999999999"},
        {"lot_size": "1e-13"}, {"contract_size": "1e13"}, {"taker_rate": "0.2"}, {"maker_rate": "-1e999999999"}, {"symbol": "A\nB"},
        {"venue": "x" * 101}, {"quote": "\ud800"}, {"tick_size": "1e9", "lot_size": "1e9"}, {"tick_size": "0.1234567890123456789"},
    ],
)  # fmt: skip
def test_an_instrument_that_is_none_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"kind|expected|finite|finer|string|more than"):
        replace(INSTRUMENT, **change)
