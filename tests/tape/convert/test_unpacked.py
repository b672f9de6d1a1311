"""Sources unpack in blocks, within limits: bombs, endless lines and cut streams end in a code, at flat memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.errors import ConvertError
from simcore.tape.convert import unpacked
from simcore.tape.convert.base import ConvertOptions
from simcore.tape.convert.unpacked import blocks, lines, members
from tests.blackbox.command import assert_refused, command, mmsim_here

NONE = ConvertOptions()
PACKERS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "xz": lzma.compress, "bz2": bz2.compress, "plain": bytes}


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.data", data)
    return out.getvalue()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> int:
    """A low limit, so that a bomb is quick to make and to refuse, bytes."""
    monkeypatch.setattr(unpacked, "ALWAYS_BYTES", 1 << 20)
    monkeypatch.setattr(unpacked, "BLOCK_BYTES", 1 << 16)
    return 1 << 20


@pytest.mark.parametrize("name", PACKERS)
def test_what_was_packed_comes_out(tmp_path: Path, name: str) -> None:
    """One stream or several in a row, small or of several blocks; no block is larger than the limit of one."""
    data = os.urandom(3) + bytes(range(256)) * 6_000
    for times in (1, 3):
        path = tmp_path / f"x.{name}"
        path.write_bytes(PACKERS[name](data) * times)
        found = list(blocks(path, NONE))
        assert b"".join(found) == data * times
        assert max(map(len, found)) <= unpacked.BLOCK_BYTES


def test_the_members_of_a_zip_come_by_name(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b.data", b"0123456789abc")
        archive.writestr("a.data", b"0123456789")
    assert [(name, b"".join(part)) for name, part in members(tmp_path / "x.zip", NONE)] == [("a.data", b"0123456789"), ("b.data", b"0123456789abc")]


def test_lines_are_those_of_the_whole(tmp_path: Path) -> None:
    """However the blocks fall; the last one is said to be cut off if no newline ends it."""
    for data in (b"", b"a", b"a\n", b"\n\n", b"ab\ncd\n\nefg", b"ab\ncd\n"):
        want = data.split(b"\n")
        for size in (1, 2, 3, 100):
            parts = [data[i : i + size] for i in range(0, len(data), size)]
            found = list(lines(iter(parts), "x"))
            assert [line for line, _ in found] == (want if want[-1] else want[:-1])
            assert [is_cut for _, is_cut in found] == [i == len(want) - 1 for i in range(len(found))]


@pytest.mark.parametrize("name", ["gz", "xz", "bz2"])
def test_a_cut_stream_is_counted_or_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(PACKERS[name](os.urandom(100_000))[:-500])
    counts: Counter[str] = Counter()
    assert len(b"".join(blocks(path, NONE, counts))) < 100_000
    assert counts == {"truncated_gzip": 1}
    with pytest.raises(ConvertError, match="CONV-003"):
        list(blocks(path, NONE))


def test_a_line_without_end_is_refused() -> None:
    with pytest.raises(ConvertError, match="CONV-026"):
        list(lines((b"x" * (1 << 20) for _ in range(1 << 20)), "x"))


@pytest.mark.parametrize(
    ("packer", "form"),
    [(gzip.compress, "binance"), (gzip.compress, "bybit"), (zipped, "bybit"), (lzma.compress, "bitstamp"), (lzma.compress, "binance"), (bz2.compress, "bitstamp")],
)  # fmt: skip
@pytest.mark.parametrize(("filling", "codes"), [(b"\n", "CONV-025"), (b"0", ("CONV-025", "CONV-026"))])
def test_a_bomb_is_refused(tmp_path: Path, small: int, packer: Callable[[bytes], bytes], form: str, filling: bytes, codes: str) -> None:
    """A few kilobytes that unpack to more than a hundred times as much."""
    (tmp_path / "bomb").write_bytes(packer(filling * (small + 1000)))
    assert_refused(mmsim_here("tape", "convert", tmp_path / "bomb", "--format", form, "--out", tmp_path / "out.parquet"), codes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bomb"]


def test_the_limit_can_be_raised_and_is_a_number(tmp_path: Path, small: int) -> None:
    (tmp_path / "x").write_bytes(gzip.compress(b"\n" * (2 * small)))
    assert sum(map(len, blocks(tmp_path / "x", ConvertOptions(extra={"unpack-max-gb": "0.1"})))) == 2 * small
    for text in ("", "x", "-1", "nan", "inf", "1e999"):
        with pytest.raises(ConvertError, match="CONV-025"):
            list(blocks(tmp_path / "x", ConvertOptions(extra={"unpack-max-gb": text})))


def test_arrays_and_tables_that_hold_too_much_are_refused_before_they_are_unpacked(tmp_path: Path, small: int) -> None:
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", b"\0" * (2 * small))
    assert_refused(mmsim_here("tape", "convert", tmp_path / "x.npz", "--format", "hftbacktest", "--out", tmp_path / "o.parquet"), "CONV-025")
    rows = 100_000  # of one value: some kilobytes of Parquet
    table = pa.table({name: np.ones(rows, np.int64) for name in ("ts_event", "ts_recv", "price", "size", "order_id", "flags")})
    table = table.append_column("action", pa.array(["A"] * rows)).append_column("side", pa.array(["B"] * rows))
    pq.write_table(table, tmp_path / "x.parquet")
    assert_refused(mmsim_here("tape", "convert", tmp_path / "x.parquet", "--format", "mbo", "--out", tmp_path / "o.parquet"), "CONV-025")


_MEASURE = "import resource, sys, cli; code = cli.run_command(sys.argv[1:]); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"


@pytest.mark.parametrize("packer", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_a_bomb_takes_no_memory(tmp_path: Path, packer: Callable[[bytes], bytes]) -> None:
    """Peak memory of the refusal is that of a refused empty file and a few blocks more, MB."""
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "bomb").write_bytes(packer(b"\n" * (1 << 27)))
    peaks = []
    for name in ("empty", "bomb"):
        form = "binance" if packer is gzip.compress else "bitstamp"
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, "tape", "convert", str(tmp_path / name), "--format", form, "--out", str(tmp_path / "o.parquet")],
            capture_output=True, text=True, check=False, cwd=Path(command()[1]).parent,
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        peaks.append(int(done.stderr.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] + 90, peaks
