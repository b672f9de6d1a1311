"""Configurations that are not: each key, value and text that is wrong is named, and no run folder is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blackbox.command import assert_refused, mmsim, mmsim_here, names_under

TEXTS: dict[str, tuple[str, str | bytes, str]] = {
    "an unknown section": ("CONF-002", "veneu: {queue_model: power}", "did you mean venue?"),
    "an unknown key": ("CONF-002", "venue: {queue_modle: power}", "did you mean venue.queue_model?"),
    "a key of another section": ("CONF-002", "run: {queue_model: power}", "venue.queue_model"),
    "text for a number": ("CONF-003", "node: {tick_interval_ms: often}", "node.tick_interval_ms"),
    "a negative number": ("CONF-003", "node: {tick_interval_ms: -1}", "node.tick_interval_ms"),
    "not a number": ("CONF-003", "node: {tick_interval_ms: .nan}", "node.tick_interval_ms"),
    "infinity": ("CONF-003", "node: {tick_interval_ms: .inf}", "node.tick_interval_ms"),
    "an unknown choice": ("CONF-003", "venue: {queue_model: fiffo}", "venue.queue_model"),
    "a list for a section": ("CONF-003", "venue: [power]", "venue"),
    "a seed below zero": ("CONF-003", "run: {seed: -1}", "run.seed"),
    "a key twice": ("CONF-004", "run: {seed: 1}\nrun: {seed: 2}", "line 2"),
    "no YAML": ("CONF-004", "run: {seed: 1", "line"),
    "a tab": ("CONF-004", "run:\n\tseed: 1", "line 2"),
    "a list": ("CONF-004", "- run", "line 1"),
    "a program": ("CONF-004", "run: !!python/object/apply:os.system [true]", "line 1"),
    "bytes that are no text": ("CONF-001", b"\xff\xfe\x00", "UTF-8"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_bad_file_is_refused(name: str, tape: Path, tmp_path: Path) -> None:
    """By its code; the cause names the file and the key or line."""
    code, text, word = TEXTS[name]
    path = tmp_path / "run.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = mmsim_here("replay", tape, "--config", path, "--out", tmp_path / "out", "--json")
    assert_refused(done, code, str(path), word)
    assert names_under(tmp_path) == ["run.yaml"]


@pytest.mark.parametrize("path", ["gone.yaml", "."])
def test_a_file_that_cannot_be_read(path: str, tape: Path, tmp_path: Path) -> None:
    """Missing, or a folder."""
    assert_refused(mmsim_here("replay", tape, "--config", tmp_path / path, "--out", tmp_path / "out"), "CONF-001", str(tmp_path))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("seed", "CONF-005"), ("=1", "CONF-005"), ("run.=1", "CONF-005"), (".seed=1", "CONF-005"), ("", "CONF-005"),
        ("run.seed=[1", "CONF-005"), ("run.sed=1", "CONF-002"), ("run.seed=x", "CONF-003"), ("run.seed=", "CONF-003"),
        ("run=1", "CONF-003"), ("run.seed.x=1", "CONF-003"), ("run.seed=99999999999999999999", "CONF-003"),
        ("strategy.params.no_such=1", "CONF-002"), ("strategy.name=nobody", "STRAT-001"),
    ],
)  # fmt: skip
def test_rubbish_in_set_is_refused(text: str, code: str, tape: Path, tmp_path: Path) -> None:
    """--set takes key=value with a known key and a value of its type."""
    assert_refused(mmsim_here("replay", tape, "--set", text, "--out", tmp_path / "out", "--json"), code)
    assert names_under(tmp_path) == []


def test_the_process_refuses_as_well(tape: Path, tmp_path: Path) -> None:
    """One case through a process of its own: exit code, streams."""
    assert_refused(mmsim("replay", tape, "--set", "run.sed=1", "--out", tmp_path / "out", "--json"), "CONF-002", "run.seed")


LATENCIES: dict[str, tuple[str | None, str, str]] = {
    "not there": (None, "CONF-001", "no such file"),
    "nothing": ("", "CONF-003", "Empty"),
    "no columns of latencies": ("time,delay\n1,2\n", "CONF-003", "ending in _ns"),
    "rows of other lengths": ("time_ns,latency_us\n1,2,3\n", "CONF-003", "Expected 2 columns"),
    "text": ("time_ns,latency_us\n1,slow\n", "CONF-003", "string"),
    "a negative one": ("time_ns,latency_us\n1,5\n2,-1\n", "CONF-003", "not negative"),
    "not a number": ("time_ns,latency_us\n1,5.0\n2,inf\n", "CONF-003", "finite"),
    "a missing one": ("time_ns,latency_us\n1,5\n2,\n", "CONF-003", "1 nulls"),
    "a time, not a latency": ("time_ns,latency_s\n1,1723161601\n2,5\n", "CONF-003", "less than a day"),
    "no times": ("latency_us\n5\n", "CONF-003", "time_ns"),
    "times of text": ("time_ns,latency_us\nnoon,5\n", "CONF-003", "time_ns"),
    "equal times": ("time_ns,latency_us\n1,5\n1,6\n", "CONF-003", "increasing"),
}


@pytest.mark.parametrize("name", LATENCIES)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_bad_recorded_latencies_are_refused(name: str, suffix: str, tape: Path, tmp_path: Path) -> None:
    """Files of recorded latencies: missing, damaged, of other units; a Parquet file that is none."""
    text, code, word = LATENCIES[name]
    path = tmp_path / f"latency{suffix}"
    if text is not None:
        path.write_text(text)
        word = word if suffix == ".csv" else "latency.parquet"
    done = mmsim_here("replay", tape, "--latency", f"recorded:{path}", "--out", tmp_path / "out", "--json")
    assert_refused(done, code, str(path), word)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", [("--from", "2030-01-01"), ("--to", "2001-01-01"), ("--from", "tomorrow"), ("--repeat", "0")])
def test_a_window_without_rows_is_refused(option: tuple[str, str], tape: Path, tmp_path: Path) -> None:
    """Outside the tape, or no time at all."""
    assert_refused(mmsim_here("replay", tape, *option, "--out", tmp_path / "out"), "CONF-003")
    assert names_under(tmp_path) == []


def test_a_closed_pipe_ends_quietly(tape: Path) -> None:
    """`mmsim … | head`: no traceback, exit code 141."""
    import os
    import subprocess

    from tests.blackbox.command import ROOT, command

    for words in (("tape", "head", str(tape), "-n", "4000"), ("tape", "info", str(tape)), ("errors", "--json")):
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "w") as closed:
            done = subprocess.run(command(*words), stdout=closed, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
        assert (done.returncode, done.stderr) == (141, "")
