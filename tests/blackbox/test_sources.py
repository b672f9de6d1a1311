"""Bad sources through `mmsim tape convert`: a code and the line, or a count; no tape is left of a refused one."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.commands.tapes import FORMATS
from tests.blackbox.command import assert_refused, mmsim, mmsim_here, names_under
from tests.blackbox.sources import lobster_lines, write_lobster
from tests.blackbox.tapes import write_sample

NAME = "AMZN_2021-04-12_message_10.csv"


def with_field(field: int, text: str, line: int = 50) -> list[str]:
    lines = lobster_lines(100)
    parts = lines[line].split(",")
    parts[field] = text
    lines[line] = ",".join(parts)
    return lines


BAD_LINES: dict[str, tuple[list[str], tuple[str, ...]]] = {
    "a price that is no number": (with_field(4, "nan"), ("CONV-003", "CONV-004")),
    "an infinite price": (with_field(4, "inf"), ("CONV-003", "CONV-004")),
    "a negative price": (with_field(4, "-5"), ("CONV-003", "CONV-004")),
    "a negative quantity": (with_field(3, "-5"), ("CONV-003", "CONV-004")),
    "an unknown type": (with_field(1, "9"), ("CONV-003",)),
    "an unknown side": (with_field(5, "0"), ("CONV-003", "CONV-004")),
    "a time of text": (with_field(0, "noon"), ("CONV-003",)),
    "a field missing": ([*lobster_lines(50), "34200.5,1,7", *lobster_lines(90)[60:]], ("CONV-003",)),
    "rubbish": ([*lobster_lines(50), "\x00\x01\x02", *lobster_lines(90)[60:]], ("CONV-003",)),
}


@pytest.mark.parametrize("name", BAD_LINES)
def test_a_bad_line_is_refused_and_named(name: str, tmp_path: Path) -> None:
    """CONV-003 or CONV-004 with the line."""
    lines, codes = BAD_LINES[name]
    source = tmp_path / NAME
    source.write_text("\n".join(lines) + "\n")
    done = mmsim_here("tape", "convert", source, "--format", "lobster", "--out", tmp_path / "out", "--json")
    assert_refused(done, codes)
    assert "51" in done.stderr or "50" in done.stderr
    assert names_under(tmp_path) == [NAME]


def test_a_line_cut_off_at_the_end_is_dropped_and_counted(tmp_path: Path) -> None:
    """A recorder that was stopped leaves half a line."""
    source = tmp_path / NAME
    source.write_text("\n".join(lobster_lines(100)) + "\n34201.9,1,10")
    done = mmsim_here("tape", "convert", source, "--format", "lobster", "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"]["truncated_last_line"] == 1


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize(("name", "content"), [("empty", b""), ("bytes", bytes(range(256)) * 40), ("text", b"hello\nworld\n" * 50)])
def test_what_is_not_of_the_format_is_refused(format_name: str, name: str, content: bytes, tmp_path: Path) -> None:
    """Empty, binary and text sources: a CONV code from every converter."""
    for suffix in ("", ".gz", ".csv", ".npz", ".parquet", ".zip"):
        source = tmp_path / f"{name}{suffix}"
        source.write_bytes(gzip.compress(content) if suffix == ".gz" else content)
        done = mmsim_here("tape", "convert", source, "--format", format_name, "--symbol", "X", "--out", tmp_path / "out")
        assert_refused(done, [f"CONV-00{i}" for i in range(1, 8)])
        assert names_under(tmp_path) == [source.name]
        source.unlink()


@pytest.mark.parametrize("format_name", FORMATS)
def test_missing_sources_and_formats(format_name: str, tmp_path: Path) -> None:
    """CONV-001 names the path, CONV-008 the formats."""
    assert_refused(mmsim_here("tape", "convert", tmp_path / "gone", "--format", format_name, "--out", tmp_path / "o"), "CONV-001", "gone")
    assert_refused(mmsim_here("tape", "convert", tmp_path, "--format", "csv", "--out", tmp_path / "o"), "CONV-008", format_name)


def test_numbers_that_are_none_in_parquet_and_npz(tmp_path: Path) -> None:
    """NaN prices, null prices."""
    event = np.dtype([("ev", "u8"), ("exch_ts", "i8"), ("local_ts", "i8"), ("px", "f8"), ("qty", "f8"), ("order_id", "u8"), ("ival", "i8"), ("fval", "f8")])
    events = np.zeros(10, event)
    events["ev"], events["px"], events["qty"] = 0xE0000001, 100.0, 1.0
    events["exch_ts"] = events["local_ts"] = 1_700_000_000_000_000_000 + np.arange(10)
    events["px"][5] = np.nan
    np.savez(tmp_path / "x.npz", data=events)
    done = mmsim("tape", "convert", tmp_path / "x.npz", "--format", "hftbacktest", "--symbol", "X", "--out", tmp_path / "out")
    assert_refused(done, "CONV-004", "5")
    rows = {name: np.arange(1, 11) for name in ("ts_event", "ts_recv", "size", "order_id", "flags", "sequence")}
    table = pa.table({**rows, "action": ["A"] * 10, "side": ["B"] * 10, "price": [1_000_000_000] * 5 + [None] + [1_000_000_000] * 4})
    pq.write_table(table, tmp_path / "x.parquet")
    done = mmsim_here("tape", "convert", tmp_path / "x.parquet", "--format", "mbo", "--symbol", "X", "--out", tmp_path / "out")
    assert_refused(done, ("CONV-003", "CONV-004"))
    assert names_under(tmp_path) == ["x.npz", "x.parquet"]


def test_a_broken_archive_is_refused(tmp_path: Path) -> None:
    """A truncated zip and a truncated gzip."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("day.data", "{}\n" * 1000)
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:200])
    assert_refused(mmsim_here("tape", "convert", tmp_path / "b.zip", "--format", "bybit", "--out", tmp_path / "o"), ("CONV-002", "CONV-003"))
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"1723161601277678785 {}\n" * 1000)[:50])
    assert_refused(mmsim_here("tape", "convert", tmp_path / "b.gz", "--format", "binance", "--out", tmp_path / "o"), ("CONV-002", "CONV-003"))


def test_the_target_is_not_overwritten_by_another_instrument(tmp_path: Path) -> None:
    """A folder of another instrument, and the source itself."""
    folder = tmp_path / "tapes"
    folder.mkdir()
    write_sample(folder / "day.parquet", rows=1000)
    source = write_lobster(tmp_path / NAME, 100)
    assert_refused(mmsim_here("tape", "convert", source, "--format", "lobster", "--out", folder), "CONV-009", "SYNBTC")
    assert_refused(mmsim_here("tape", "convert", source, "--format", "lobster", "--out", source), "CONV-009", NAME)
    assert names_under(tmp_path) == [NAME, "tapes/day.parquet"]
