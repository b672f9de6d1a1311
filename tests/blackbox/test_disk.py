"""Disks that are full, folders that cannot be written, and what is in the way: a code, and nothing half-written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.command import (
    ROOT,
    SAMPLE,
    assert_refused,
    command,
    limit_file_size,
    mmsim,
    mmsim_here,
    names_under,
)
from tests.blackbox.sources import write_lobster

pytestmark = pytest.mark.usefixtures("compiled")  # the limits are for what a command writes, not for compiled code

SLOWLY = ("--set", "run.checkpoint_s=0.0001", "--repeat", "8")  # a checkpoint after each pass


def test_a_full_disk_stops_synth(tmp_path: Path) -> None:
    """TAPE-011, and no file."""
    done = mmsim("tape", "synth", "--out", tmp_path / "out", "--duration", "3600", before=limit_file_size(20_000))
    assert_refused(done, "TAPE-011", "out/")
    assert names_under(tmp_path) == []


def test_a_full_disk_stops_convert(tmp_path: Path) -> None:
    """TAPE-011, and no file."""
    source = write_lobster(tmp_path / "AMZN_2021-04-12_message_10.csv", 5000)
    done = mmsim("tape", "convert", source, "--format", "lobster", "--out", tmp_path / "out", before=limit_file_size(2_000))
    assert_refused(done, "TAPE-011", "out/")
    assert names_under(tmp_path) == [source.name]


@pytest.mark.parametrize("size", [10_000, *(pytest.param(size, marks=pytest.mark.slow) for size in (500, 60_000, 400_000))])
def test_a_full_disk_stops_a_run_with_a_code(size: int, tape: Path, tmp_path: Path) -> None:
    """JRNL-005, whatever file it strikes: manifest, checkpoint, journal, report; and the run can go on."""
    out = tmp_path / "out"
    done = mmsim("replay", tape, "--out", out, *SLOWLY, before=limit_file_size(size))
    assert_refused(done, "JRNL-005", str(out))
    assert not [name for name in names_under(out) if name.endswith((".part", ".tmp"))]
    again = mmsim_here("replay", tape, "--out", out, *SLOWLY, "--resume", "--json")
    if again.returncode:
        assert_refused(again, "JRNL-002", "mmsim report")
        again = mmsim_here("report", out, "--json")
    assert again.returncode == 0, again.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", folder], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small file system: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_really_full_disk(small_disk: Path, tape: Path, tmp_path: Path) -> None:
    """ENOSPC, not only a limit: synth, convert and replay."""
    source = write_lobster(tmp_path / "AMZN_2021-04-12_message_10.csv", 60_000)
    (small_disk / "ballast").write_bytes(bytes(250_000))
    assert_refused(mmsim("tape", "synth", "--out", small_disk / "s", "--duration", "20000"), "TAPE-011")
    assert_refused(mmsim("tape", "convert", source, "--format", "lobster", "--out", small_disk / "c"), "TAPE-011")
    assert names_under(small_disk) == ["ballast"]
    assert_refused(mmsim("replay", tape, "--out", small_disk / "r", *SLOWLY), "JRNL-005")
    assert not [name for name in names_under(small_disk) if name.endswith((".part", ".tmp"))]


def test_a_read_only_disk(small_disk: Path, tmp_path: Path) -> None:
    """EROFS, which also holds for root."""
    source = write_lobster(tmp_path / "AMZN_2021-04-12_message_10.csv", 100)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert_refused(mmsim("tape", "synth", "--out", small_disk / "s", "--duration", "60"), "TAPE-011")
    assert_refused(mmsim("tape", "convert", source, "--format", "lobster", "--out", small_disk / "c"), "TAPE-011")
    assert_refused(mmsim("replay", SAMPLE, "--out", small_disk / "r"), "JRNL-005")
    assert_refused(mmsim("tape", "export", SAMPLE, "--out", small_disk / "x.npz"), ("CONV-009", "TAPE-011"))
    assert names_under(small_disk) == []


def test_a_file_where_a_folder_should_be(tape: Path, tmp_path: Path) -> None:
    """Of the run, of a tape, and in the middle of the path."""
    (tmp_path / "file").write_text("mine")
    source = write_lobster(tmp_path / "AMZN_2021-04-12_message_10.csv", 100)
    assert_refused(mmsim_here("replay", tape, "--out", tmp_path / "file"), "JRNL-002")
    assert_refused(mmsim_here("replay", tape, "--out", tmp_path / "file" / "run"), "JRNL-005")
    for out in (tmp_path / "file", tmp_path / "file" / "tapes"):
        assert_refused(mmsim_here("tape", "synth", "--out", out, "--duration", "60"), "TAPE-011")
        assert_refused(mmsim_here("tape", "convert", source, "--format", "lobster", "--out", out), ("CONV-009", "TAPE-011"))
    assert (tmp_path / "file").read_text() == "mine"
    assert names_under(tmp_path) == [source.name, "file"]


def test_a_folder_that_is_in_use_is_not_touched(tape: Path, finished_run: Path, tmp_path: Path) -> None:
    """Another run, or files of the user."""
    before = {name: (finished_run / name).read_bytes() for name in names_under(finished_run)}
    assert_refused(mmsim_here("replay", tape, "--out", finished_run), "JRNL-002", str(finished_run))
    assert_refused(mmsim_here("replay", tape, "--out", finished_run, "--resume"), "JRNL-002", "complete")
    assert {name: (finished_run / name).read_bytes() for name in names_under(finished_run)} == before
    (tmp_path / "notes.txt").write_text("mine")
    for more in ([], ["--resume"]):
        assert_refused(mmsim_here("replay", tape, "--out", tmp_path, *more), "JRNL-002", "not an empty folder")
    assert names_under(tmp_path) == ["notes.txt"]


def test_a_compile_cache_that_cannot_be_written(tape: Path, tmp_path: Path) -> None:
    """The cause names the folder, the remedy says what to set."""
    (tmp_path / "file").write_text("mine")
    done = mmsim("replay", tape, "--out", tmp_path / "run", MMSIM_CACHE_DIR=str(tmp_path / "file" / "cache"))
    assert_refused(done, "ENG-004", "file/cache")
    assert names_under(tmp_path) == ["file"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [("tape", "info", str(SAMPLE)), ("tape", "head", str(SAMPLE), "-n", "4000"), ("errors", "--json"), ("--help",)])
def test_a_full_disk_under_the_output(words: tuple[str, ...]) -> None:
    """`mmsim … > file` on a full disk: OUT-001, no traceback."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command(*words), stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert_refused(subprocess.CompletedProcess(done.args, done.returncode, "", done.stderr), "OUT-001", "No space left")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("more", [pytest.param((), marks=pytest.mark.slow), ("--json",)])
def test_a_run_is_complete_although_its_table_could_not_be_printed(more: tuple[str, ...], tape: Path, tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        words = command("replay", tape, "--out", tmp_path / "run", *more)
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    assert_refused(subprocess.CompletedProcess(done.args, done.returncode, "", done.stderr), "OUT-001")
    assert mmsim_here("verify", tmp_path / "run").returncode == 0
    assert (tmp_path / "run" / "report.html").exists()
