"""Files and days that are there already: kept, extended, refused or, where the user says so, replaced."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, BOTH_BITS, CLEAR, DEPTH, EXCH_BIT, LOCAL_BIT, NO_SIDE_BIT, SNAPSHOT, TRADE, Chunk
from simcore.tape.convert import ConvertOptions, ConvertReport, convert
from simcore.tape.convert.folder import join
from simcore.tape.read import Tape
from simcore.tape.schema import as_chunk
from simcore.tape.validate import validate
from tests.blackbox.command import assert_refused, mmsim_here, names_under

DAY_MS = 86_400_000
T0 = 1_767_225_600_000  # 2026-01-01
OPTIONS = ConvertOptions(tick_size="0.1", lot_size="1")


def message(kind: str, ms: int, u: int, qty: int) -> str:
    data = {"s": "BTCUSDT", "b": [["100.0", str(qty)]], "a": [["100.1", "5"]], "u": u, "seq": u * 10}
    return json.dumps({"topic": "orderbook.500.BTCUSDT", "type": kind, "ts": T0 + ms + 2, "data": data, "cts": T0 + ms})


def archive(tmp_path: Path, day: int, rows: int = 4, first_qty: int = 5) -> Path:
    """A day as Bybit sells it: its own snapshot, deltas, and the snapshot that opens the next day."""
    begin = day * DAY_MS + 48
    lines = [message("snapshot", begin, 1, first_qty), *(message("delta", begin + 1000 * i, 1 + i, 10 + i) for i in range(1, rows))]
    path = tmp_path / f"d{day}-{rows}-{first_qty}.data"
    path.write_text("\n".join([*lines, message("snapshot", begin + DAY_MS, 1, 5)]) + "\n")
    return path


def made(sources: Path | list[Path], out: Path, **more: bool) -> ConvertReport:
    return convert([sources] if isinstance(sources, Path) else sources, "bybit", out, OPTIONS, **more)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 0, 1), (1, 0, 1)])
def test_case_10_days_go_on_in_whatever_order_they_are_converted(tmp_path: Path, order: tuple[int, ...]) -> None:
    """The snapshot at an archive's end is the one that the next archive begins with: its day has it once, and keeps its other rows."""
    archives = [archive(tmp_path, 0), archive(tmp_path, 1)]
    for day in order:
        made(archives[day], tmp_path / "fold")
    made(archives, tmp_path / "both")
    fold, both = Tape.open(tmp_path / "fold"), Tape.open(tmp_path / "both")
    assert fold.rows == both.rows == 9 + 9 + 3
    assert fold.content_hash == both.content_hash
    assert validate(fold).is_usable


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    first = made(archive(tmp_path, 0), tmp_path / "fold")
    held = {path: path.read_bytes() for path in first.files}
    again = made(archive(tmp_path, 0), tmp_path / "fold")
    assert (again.unchanged, again.extended) == (first.files, ())
    assert {path: path.read_bytes() for path in again.files} == held
    done = mmsim_here("tape", "convert", archive(tmp_path, 0), "--format", "bybit", "--out", tmp_path / "fold", "--tick-size", "0.1", "--lot-size", "1", "--json")
    assert json.loads(done.stdout)["unchanged"] == [str(path) for path in first.files]


def test_a_day_that_differs_is_refused_and_replaced_on_demand(tmp_path: Path) -> None:
    """Nothing is written where one of several days is refused."""
    made(archive(tmp_path, 1), tmp_path / "fold")
    held = {path: path.read_bytes() for path in (tmp_path / "fold").iterdir()}
    other = archive(tmp_path, 1, first_qty=6)
    words = ("tape", "convert", archive(tmp_path, 0), other, "--format", "bybit", "--out", tmp_path / "fold", "--tick-size", "0.1", "--lot-size", "1")
    assert_refused(mmsim_here(*words), "CONV-015", "2026-01-02")
    assert {path: path.read_bytes() for path in (tmp_path / "fold").iterdir()} == held
    assert mmsim_here(*words, "--replace").returncode == 0
    assert Tape.open(tmp_path / "fold").rows == 9 + 3 + 9 + 3


def test_a_later_part_of_a_day_with_a_book_of_its_own_extends_it(tmp_path: Path) -> None:
    """What both conversions counted and warned of is kept."""
    late = tmp_path / "late.data"
    late.write_text("\n".join([message("snapshot", 3_600_000, 900, 7), message("delta", 3_601_000, 901, 8)]) + "\n")
    early = tmp_path / "early.data"
    early.write_text("\n".join([message("snapshot", 0, 1, 7), message("delta", 1_000, 2, 8), message("delta", 1_000, 2, 8)]) + "\n")
    for i, order in enumerate(([early, late], [late, early])):
        for path in order:
            report = made(path, tmp_path / str(i))
        assert report.extended == report.files
    one, other = (Tape.open(tmp_path / str(i)) for i in range(2))
    assert one.content_hash == other.content_hash
    assert one.rows == 3 + 2 + 3 + 2
    assert one.meta.source["counts"] == {"snapshots": 2, "repeated_deltas_dropped": 1}
    assert sorted(name for name, _ in one.meta.source["files"]) == ["early.data", "late.data"]


def test_a_later_part_without_a_book_of_its_own_is_refused(tmp_path: Path) -> None:
    """Whether an update is missing between cannot be seen in a tape."""
    made(archive(tmp_path, 0), tmp_path / "fold")
    late = tmp_path / "late.data"
    late.write_text("\n".join([message("snapshot", 0, 1, 7), message("delta", 3_601_000, 901, 8)]) + "\n")
    with pytest.raises(ConvertError, match="CONV-015"):
        made(late, tmp_path / "fold")


def test_a_day_of_other_sizes_is_refused(tmp_path: Path) -> None:
    """A folder of two tick sizes could not be opened."""
    made(archive(tmp_path, 0), tmp_path / "fold")
    with pytest.raises(ConvertError, match=r"CONV-017.*tick_size 0\.1"):
        convert([archive(tmp_path, 3)], "bybit", tmp_path / "fold", ConvertOptions(tick_size="0.05", lot_size="1"))


def test_a_file_that_is_no_tape_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "fold").mkdir()
    (tmp_path / "fold" / "2026-01-01.parquet").write_bytes(b"mine")
    with pytest.raises(ConvertError, match="CONV-015"):
        made(archive(tmp_path, 0), tmp_path / "fold")
    assert names_under(tmp_path / "fold") == ["2026-01-01.parquet"]
    made(archive(tmp_path, 0), tmp_path / "fold", replace=True)
    assert Tape.open(tmp_path / "fold").rows == 12


def test_one_file_that_differs_is_refused_and_replaced_on_demand(tmp_path: Path) -> None:
    out = tmp_path / "t.parquet"
    assert made(archive(tmp_path, 0), out).unchanged == ()
    assert made(archive(tmp_path, 0), out).unchanged == (out,)
    with pytest.raises(ConvertError, match="CONV-016"):
        made(archive(tmp_path, 1), out)
    made(archive(tmp_path, 1), out, replace=True)
    assert Tape.open(out).rows == 12


def rows(*each: tuple[int, int, int, int, int]) -> Chunk:
    return as_chunk([np.array(column) for column in zip(*each, strict=True)])


OPENING = [(100, 102, CLEAR | NO_SIDE_BIT | BOTH_BITS, 0, 0), (100, 102, SNAPSHOT | BOTH_BITS, 5, 1)]
LATE = (99, 103, TRADE | ASK_BIT | LOCAL_BIT, 5, 1)
EARLY = [(98, 101, TRADE | BOTH_BITS, 5, 1), (99, 99, TRADE | ASK_BIT | EXCH_BIT, 5, 1)]


def test_trades_of_the_day_before_that_arrive_after_its_end_stay() -> None:
    """Their rows stand among those of the next day, where the Node sees them."""
    old = rows(*EARLY, *OPENING, LATE)
    new = rows(*OPENING, (101, 103, DEPTH | BOTH_BITS, 5, 2), (104, 104, DEPTH | BOTH_BITS, 5, 3))
    whole = join(old, new)
    assert whole is not None
    assert list(zip(*(column.tolist() for column in whole[:5]), strict=True)) == [
        *EARLY, *OPENING, LATE, (101, 103, DEPTH | BOTH_BITS, 5, 2), (104, 104, DEPTH | BOTH_BITS, 5, 3),
    ]  # fmt: skip
    again = join(new, old)
    assert again is not None
    assert all(np.array_equal(one, two) for one, two in zip(whole, again, strict=True))
    for part in (old, new):
        assert len(join(whole, part).ev) == len(whole.ev)  # type: ignore[union-attr]


@given(st.integers(1, 20), st.integers(0, 19), st.integers(0, 19))
def test_overlapping_parts_of_a_day_give_the_day(count: int, end: int, begin: int) -> None:
    """Two parts that share at least a row are one again, whichever comes first; none is lost, none is there twice."""
    whole = rows(*((100 + i, 200 + i, DEPTH | BOTH_BITS, 5, 1 + i) for i in range(count)))
    stop, start = min(end, count - 1) + 1, min(begin, count - 1)
    if start >= stop:
        return
    first, second = (Chunk(*(column[lo:hi] for column in whole)) for lo, hi in ((0, stop), (start, count)))
    for one, other in ((first, second), (second, first)):
        found = join(one, other)
        assert found is not None
        assert all(np.array_equal(mine, theirs) for mine, theirs in zip(found, whole, strict=True))


def test_parts_that_share_rows_and_differ_after_them_do_not_join() -> None:
    old = rows(*OPENING, (101, 103, DEPTH | BOTH_BITS, 5, 2))
    assert join(old, rows(*OPENING, (101, 103, DEPTH | BOTH_BITS, 5, 3))) is None
