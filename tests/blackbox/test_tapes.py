"""Bad tapes, one by one, through the command: each is refused by its code, and nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.records import ASK_BIT, BOTH_BITS, DEPTH, GAP, KIND_LABELS, L3_ADD, NO_SIDE_BIT, TRADE
from simcore.tape.schema import META_KEY, arrow_schema
from tests.blackbox.command import ROOT, assert_refused, mmsim, mmsim_here, names_under
from tests.blackbox.tapes import forge, with_cell, write_sample

SAMPLE_L3 = ROOT / "datasets" / "synes-20240101-l3.parquet"
SCHEMA = arrow_schema("l2")


def truncate(size: Callable[[int], int]) -> Callable[[Path, Path], None]:
    def make(good: Path, bad: Path) -> None:
        content = good.read_bytes()
        bad.write_bytes(content[: size(len(content))])

    return make


def retyped(name: str, kind: pa.DataType, nullable: bool = False) -> Callable[[Path, Path], None]:
    index = SCHEMA.get_field_index(name)
    return lambda good, bad: forge(good, bad, schema=SCHEMA.set(index, pa.field(name, kind, nullable=nullable)))


def noted(**changes: object) -> Callable[[Path, Path], None]:
    return lambda good, bad: forge(good, bad, meta=changes)


def without_metadata(good: Path, bad: Path) -> None:
    pq.write_table(pq.read_table(good).replace_schema_metadata({}), bad)


def with_damaged_metadata(good: Path, bad: Path) -> None:
    pq.write_table(pq.read_table(good).replace_schema_metadata({META_KEY: b'{"schema_version": 1, "rows"'}), bad)


def without_rows(good: Path, bad: Path) -> None:
    forge(good, bad, {name: np.empty(0, np.int64) for name in SCHEMA.names})


BAD_FILES: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "not there": ("TAPE-001", lambda _good, _bad: None),
    "an empty folder": ("TAPE-001", lambda _good, bad: bad.mkdir()),
    "a folder of other files": ("TAPE-001", lambda _good, bad: (bad.mkdir(), (bad / "notes.txt").write_text("x"))[0]),
    "0 bytes": ("TAPE-006", lambda _good, bad: bad.write_bytes(b"")),
    "no rows": ("TAPE-006", without_rows),
    "text": ("TAPE-002", lambda _good, bad: bad.write_text("time,price\n1,2\n")),
    "Parquet of something else": ("TAPE-002", without_metadata),
    "metadata damaged": ("TAPE-004", with_damaged_metadata),
    "3 bytes": ("TAPE-002", truncate(lambda _: 3)),
    "cut after the magic": ("TAPE-004", truncate(lambda _: 4)),
    "cut in the middle": ("TAPE-004", truncate(lambda n: n // 2)),
    "cut in the footer": ("TAPE-004", truncate(lambda n: n - 12)),
    "last byte missing": ("TAPE-004", truncate(lambda n: n - 1)),
    "rubbish at the end": ("TAPE-004", lambda good, bad: bad.write_bytes(good.read_bytes() + b"\n# appended\n")),
    "rubbish in a page": (
        "TAPE-004", lambda good, bad: bad.write_bytes(good.read_bytes()[:100] + b"\xff" * 300 + good.read_bytes()[400:]),
    ),
    "version 3": ("TAPE-003", noted(schema_version=3)),
    "version of text": ("TAPE-003", noted(schema_version="1")),
    "tick of zero": ("TAPE-015", noted(instrument={"venue": "X", "symbol": "Y", "kind": "linear", "tick_size": "0", "lot_size": "1"})),
    "an unknown key": ("TAPE-015", noted(colour="red")),
    "an unknown level": ("TAPE-015", noted(level="l9")),
    "fewer rows than it says": ("TAPE-004", noted(rows=10_000)),
    "prices as floats": ("TAPE-005", retyped("price_ticks", pa.float64())),
    "times as text": ("TAPE-005", retyped("exch_ts", pa.string())),
    "quantities of 32 bits": ("TAPE-005", retyped("qty_lots", pa.int32())),
    "kinds of 64 bits": ("TAPE-005", retyped("ev", pa.int64())),
    "a column that may hold nulls": ("TAPE-005", retyped("qty_lots", pa.int64(), nullable=True)),
    "a column missing": ("TAPE-005", lambda good, bad: forge(good, bad, schema=SCHEMA.remove(4))),
    "a column too many": ("TAPE-005", lambda good, bad: forge(good, bad, schema=SCHEMA.append(pa.field("x", pa.int64(), nullable=False)))),
    "columns in another order": ("TAPE-005", lambda good, bad: forge(good, bad, schema=pa.schema([SCHEMA.field(i) for i in (1, 0, 2, 3, 4)]))),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_every_command(name: str, tape: Path, tmp_path: Path) -> None:
    """Replay, verify, info, head and validate give the same code; no run folder is made."""
    code, make = BAD_FILES[name]
    bad = tmp_path / "bad.parquet"
    make(tape, bad)
    before = names_under(tmp_path)
    out = tmp_path / "out"
    assert_refused(mmsim_here("replay", bad, "--out", out, "--json"), code, str(bad))
    assert not out.exists()
    words = ["validate", "head", "info"] if name != "rubbish in a page" else ["validate", "head"]  # info reads no rows
    for word in words:
        assert_refused(mmsim_here("tape", word, bad, "--json"), code, str(bad))
    assert names_under(tmp_path) == before


@pytest.mark.parametrize("name", ["not there", "cut in the middle", "no rows"])
def test_a_bad_file_is_refused_by_the_process(name: str, tape: Path, tmp_path: Path) -> None:
    """The same in a process of its own: exit code and streams."""
    code, make = BAD_FILES[name]
    make(tape, tmp_path / "bad.parquet")
    assert_refused(mmsim("replay", tmp_path / "bad.parquet", "--out", tmp_path / "out", "--json"), code, "bad.parquet")
    assert not (tmp_path / "out").exists()


def bad_row(column: str, value: int, row: int = 3000) -> Callable[[Path, Path], int]:
    def make(good: Path, bad: Path) -> int:
        with_cell(good, bad, column, row, value)
        return row

    return make


def swapped(good: Path, bad: Path) -> int:
    """Exchange two rows in time: the later one first."""
    table = pq.read_table(good)
    times = table["local_ts"].to_numpy()
    row = int(np.flatnonzero(np.diff(times) > 0)[1000])
    order = np.arange(len(times))
    order[[row, row + 1]] = row + 1, row
    forge(good, bad, {name: table[name].to_numpy()[order] for name in table.column_names})
    return row + 1


BAD_ROWS: dict[str, tuple[str, Callable[[Path, Path], int], str]] = {
    "two rows exchanged": ("TAPE-007", swapped, "comes after"),
    "exchange time goes back": ("TAPE-007", bad_row("exch_ts", 10**18), "exch_ts"),
    "local time goes back": ("TAPE-007", bad_row("local_ts", 10**18), "local_ts"),
    "time 0": ("TAPE-009", bad_row("local_ts", 0), "local_ts"),
    "time before 1970": ("TAPE-009", bad_row("exch_ts", -(2**63)), "exch_ts"),
    "price 0": ("TAPE-009", bad_row("price_ticks", 0), "price"),
    "negative price": ("TAPE-009", bad_row("price_ticks", -1), "price"),
    "a price beyond all floats": ("TAPE-009", bad_row("price_ticks", 2**52), "price"),
    "negative quantity": ("TAPE-009", bad_row("qty_lots", -1), "quantity"),
    "a quantity beyond all floats": ("TAPE-009", bad_row("qty_lots", 2**62), "quantity"),
    "the least quantity": ("TAPE-009", bad_row("qty_lots", -(2**63)), "quantity"),
    "unknown kind": ("TAPE-009", bad_row("ev", BOTH_BITS | 13), "kind"),
    "seen by nobody": ("TAPE-009", bad_row("ev", DEPTH), "nobody"),
    "a level without a side": ("TAPE-009", bad_row("ev", BOTH_BITS | NO_SIDE_BIT | DEPTH), "side"),
    "a trade of two sides": ("TAPE-009", bad_row("ev", BOTH_BITS | NO_SIDE_BIT | ASK_BIT | TRADE), "side"),
    "an order row on a tape without order ids": ("TAPE-009", bad_row("ev", BOTH_BITS | L3_ADD), "order id"),
    "the very last row": ("TAPE-009", bad_row("price_ticks", 0, row=4999), "price"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_stops_the_run_and_is_named(name: str, tape: Path, tmp_path: Path) -> None:
    """`replay` names file and row; `tape validate` lists it and exits with 1."""
    code, make, word = BAD_ROWS[name]
    bad = tmp_path / "bad.parquet"
    row = make(tape, bad)
    assert_refused(mmsim_here("replay", bad, "--out", tmp_path / "out", "--json"), code, f"{bad}: row {row}: ", word)
    done = mmsim_here("tape", "validate", bad, "--json")
    assert (done.returncode, done.stderr) == (1, "")
    errors = [found for found in json.loads(done.stdout)["findings"] if found["severity"] == "error"]
    assert any(row in found["rows"] for found in errors), errors


def test_the_first_row_has_no_predecessor_but_the_metadata(tape: Path, tmp_path: Path) -> None:
    """Rows outside the times that the tape states are refused: a run's window comes from there."""
    first = int(pq.read_table(tape)["local_ts"][0].as_py())
    early = forge(tape, tmp_path / "early.parquet", meta={"first_local_ts": first + 1})
    assert_refused(mmsim_here("replay", early, "--out", tmp_path / "a"), "TAPE-007", "row 0")
    late = forge(tape, tmp_path / "late.parquet", meta={"last_local_ts": first + 1})
    assert_refused(mmsim_here("replay", late, "--out", tmp_path / "b"), "TAPE-004", "metadata")


def test_a_bad_order_id_is_refused(tmp_path: Path) -> None:
    """On an L3 tape every order row names its order."""
    ids = pq.read_table(SAMPLE_L3)["order_id"].to_numpy().copy()
    row = int(np.flatnonzero(ids)[500])
    for value in (-1, 0):
        bad = with_cell(SAMPLE_L3, tmp_path / "bad.parquet", "order_id", row, value)
        assert_refused(mmsim_here("replay", bad, "--out", tmp_path / f"out{value}"), "TAPE-009", f"row {row}", f"order id {value}")


def test_tapes_of_one_symbol_that_differ_are_refused(tape: Path, tmp_path: Path) -> None:
    """Also when only the fees or the level differ; tapes of several symbols run side by side (docs/portfolio.md)."""
    other = write_sample(tmp_path / "other.parquet", first=5000, maker_rate="0.001")
    assert_refused(mmsim_here("replay", tape, other, "--out", tmp_path / "o"), "TAPE-008", "fees differ")
    levels = ROOT / "datasets" / "synes-20240101-l2.parquet"
    assert_refused(mmsim_here("replay", levels, SAMPLE_L3, "--out", tmp_path / "o"), "TAPE-008")
    assert not (tmp_path / "o").exists()


def test_overlapping_and_repeated_tapes_are_refused(tape: Path, tmp_path: Path) -> None:
    """The same tape twice, its copy, tapes that overlap, and tapes in the wrong order."""
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(tape.read_bytes())
    later = write_sample(tmp_path / "later.parquet", first=5000)
    overlap = write_sample(tmp_path / "overlap.parquet", first=4000)
    for tapes in ([tape, tape], [tape, copy], [later, tape], [tape, overlap], [tape, later, later]):
        assert_refused(mmsim_here("replay", *tapes, "--out", tmp_path / "o"), "TAPE-010")
    folder = tmp_path / "days"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.parquet").write_bytes(tape.read_bytes())
    assert_refused(mmsim_here("replay", folder, "--out", tmp_path / "o"), "TAPE-010")


def test_one_tape_missing_of_two_is_named(tape: Path, tmp_path: Path) -> None:
    """The cause names the one that is not there."""
    assert_refused(mmsim("replay", tape, tmp_path / "gone.parquet", "--out", tmp_path / "o"), "TAPE-001", "gone.parquet")


def test_another_quantity_changes_the_hash(tape: Path, tmp_path: Path) -> None:
    """A valid row that is not the recorded one: `tape validate` compares the content hash."""
    table = pq.read_table(tape)
    row = int(np.flatnonzero(table["qty_lots"].to_numpy() > 0)[2000])
    bad = with_cell(tape, tmp_path / "bad.parquet", "qty_lots", row, int(table["qty_lots"][row].as_py()) + 1)
    assert_refused(mmsim_here("tape", "validate", bad), "TAPE-004", "content hash")


def test_a_crossed_book_and_gaps_and_repeats_are_counted(tape: Path, tmp_path: Path) -> None:
    """They happen in real captures: a run goes on, `tape validate` counts them and names rows, with exit code 0."""
    table = {name: pq.read_table(tape)[name].to_numpy().copy() for name in SCHEMA.names}
    bids = (table["ev"] & (ASK_BIT | NO_SIDE_BIT | 15)) == DEPTH
    crossing = int(np.flatnonzero(bids & (table["qty_lots"] > 0))[-50])
    table["price_ticks"][crossing] = int(table["price_ticks"].max())
    gap = crossing - 100
    table["ev"][gap], table["qty_lots"][gap] = BOTH_BITS | NO_SIDE_BIT | GAP, 7
    for column in table.values():
        column[2000:2010] = column[2000]
    bad = forge(tape, tmp_path / "odd.parquet", table)
    rehash(bad)
    done = mmsim_here("tape", "validate", bad, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    counts = {finding["check"]: finding for finding in found["findings"]}
    assert {"crossed_exch", "crossed_local", "gap"} <= set(counts)
    assert {"duplicate", "duplicate_trade"} & set(counts)
    assert counts["gap"]["rows"] == [gap]
    assert found["updates_missing"] == 7
    run = mmsim("replay", bad, "--out", tmp_path / "out", "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "out" / "counts.json").read_text())["skipped_ticks"] > 0


def rehash(path: Path) -> None:
    """Give a forged tape the hash of its rows."""
    from dataclasses import asdict

    from simcore.tape.read import Tape
    from simcore.tape.schema import ContentHash

    tape = Tape.open(path)
    digest = ContentHash(tape.instrument, tape.level)
    digest.update(tape.head(tape.rows))
    forge(path, path, meta={"content_hash": digest.hexdigest(), "instrument": asdict(tape.instrument)})


def test_kinds_have_names_in_the_messages(tape: Path, tmp_path: Path) -> None:
    """The cause says what kind of row it is."""
    kinds = pq.read_table(tape)["ev"].to_numpy() & 15
    row = int(np.flatnonzero(kinds == TRADE)[0])
    bad = with_cell(tape, tmp_path / "bad.parquet", "price_ticks", row, -5)
    assert_refused(mmsim_here("replay", bad, "--out", tmp_path / "o"), "TAPE-009", f"price of a {KIND_LABELS[TRADE]} row is -5 ticks")
