"""Lines of plain, gzip and xz files: whole ones only, bounded memory, one file in several streams."""

from __future__ import annotations

import gzip
import lzma
import tracemalloc
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from simcore.errors import ConvertError
from simcore.tape.convert import text_lines

PACKERS: list[Callable[[bytes], bytes]] = [bytes, gzip.compress, lzma.compress]


def read(folder: Path, data: bytes) -> tuple[list[tuple[int, str]], Counter[str]]:
    counts: Counter[str] = Counter()
    (folder / "x").write_bytes(data)
    return list(text_lines.lines(folder / "x", counts)), counts


@pytest.mark.parametrize("pack", PACKERS)
def test_lines_are_numbered_and_a_last_one_without_end_is_cut_off(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    assert read(tmp_path, pack(b"a\r\n\nb\n")) == ([(1, "a"), (2, ""), (3, "b")], {})
    assert read(tmp_path, pack(b"a\nb")) == ([(1, "a")], {"truncated_last_line": 1})
    assert text_lines.first_line(tmp_path / "x") == "a"


@pytest.mark.parametrize("pack", PACKERS[1:])
def test_streams_in_a_row_are_one_file_and_one_that_stops_early_is_counted(pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    text = b"".join(b"%d,%d\n" % (i, i * i) for i in range(100_000))
    found, counts = read(tmp_path, pack(text) + pack(b"end\n"))
    assert (len(found), found[-1], counts) == (100_001, (100_001, "end"), {})
    found, counts = read(tmp_path, pack(text)[:-2000])
    assert counts["truncated_stream"] == 1
    assert 0 < len(found) < 100_000
    assert [line for _, line in found] == text.decode().split("\n")[: len(found)]


@pytest.mark.parametrize("pack", PACKERS[1:])
def test_a_line_without_end_is_refused_before_it_fills_the_memory(pack: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MB of zeros are 64 kB of gzip; the limit is lowered to 1 MB here."""
    monkeypatch.setattr(text_lines, "LINE_BYTES_MAX", 1 << 20)
    data = pack(bytes(1 << 26))
    tracemalloc.start()
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, data)
    assert refused.value.code == "CONV-003"
    assert tracemalloc.get_traced_memory()[1] < 16 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(("data", "code"), [(b"\xff\xfe\n", "CONV-003"), (b"\x1f\x8b\x08\x00rubbish" * 9, "CONV-003"), (b"\xfd7zXZ\x00rubbish" * 9, "CONV-003")])
def test_what_is_no_text_is_refused(data: bytes, code: str, tmp_path: Path) -> None:
    with pytest.raises(ConvertError) as refused:
        read(tmp_path, data)
    assert refused.value.code == code


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConvertError) as refused:
        list(text_lines.lines(tmp_path / "gone", Counter()))
    assert refused.value.code == "CONV-001"
