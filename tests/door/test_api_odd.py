"""Every public function with odd arguments: a result or a code, never another exception; and case by case the right code."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import simcore
from simcore import (
    Config,
    ConvertOptions,
    Instrument,
    MmsimError,
    PortfolioResult,
    RunResult,
    Tape,
    build_dataset,
    build_report,
    compare,
    convert,
    export_npz,
    load_config,
    make_config,
    preset_spec,
    replay,
    replay_band,
    run_lanes,
    sweep_fees,
    sweep_latency,
    synth,
    validate,
    verify,
    warmup,
    write_dataset,
    write_sweep,
)
from simcore.calibrate.datasets.intervals import Limits
from simcore.calibrate.sweeps.sweep import Drawing


class Anything:
    """A callable that takes what it is given."""

    def __init__(self, *_: object, **__: object) -> None: ...


ODD: dict[str, Any] = {
    "None": None, "5": 5, "-1": -1, "0": 0, "2^70": 1 << 70, "1.5": 1.5, "nan": float("nan"), "inf": float("inf"), "True": True, "empty": "",
    "word": "nothing-of-this-name", "NUL": "a\0b", "surrogate": "\ud800", "long": "x" * 5000, "bytes": b"x", "list": [], "list of None": [None],
    "list of words": ["10"], "list in itself": [], "tuple": (1, 2), "mapping": {"x": 1}, "mapping of ints": {1: 2}, "object": object(), "class": Anything,
    "array": np.zeros(3), "numpy": np.int64(3), "huge": 1 << 20_000, "Path": Path("nowhere/at/all"), "set": {1},
}  # fmt: skip
ODD["list in itself"].append(ODD["list in itself"])


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tape of a minute and a run of it."""
    folder = tmp_path_factory.mktemp("odd")
    (made,) = synth(preset_spec(duration_s=60, warmup_s=1), folder / "syn")
    replay(made.path, {"strategy.name": "demo_maker"}, folder / "run")
    return folder


@cache
def tape_of(home: Path) -> Path:
    return next((home / "syn").glob("*.parquet"))


def functions(home: Path, out: Path) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """Return every public function with arguments that it takes; the odd value then replaces one of them."""
    tape = Tape.open(tape_of(home))
    config = make_config(strategy="demo_maker")
    run = RunResult(home / "run")
    return {
        "Tape.open": (Tape.open, {"source": tape_of(home)}),
        "Tape.open_each": (Tape.open_each, {"source": tape_of(home)}),
        "Tape.chunks": (tape.chunks, {"columns": None, "repeat": 1, "read_ahead": 1, "start_row": 0, "until_ts": None, "check": True}),
        "Tape.head": (tape.head, {"n": 1}),
        "Tape.to_pandas": (tape.to_pandas, {"n": 1}),
        "RunResult": (RunResult, {"run_dir": home / "run"}),
        "RunResult.plot": (run.plot, {"name": "equity"}),
        "RunResult.arrow": (run.arrow, {"name": "fills"}),
        "PortfolioResult": (PortfolioResult, {"run_dir": home / "run"}),
        "Instrument": (Instrument, dict.fromkeys(("venue", "symbol", "kind", "tick_size", "lot_size", "contract_size", "base", "maker_rate"), "1")),
        "build_dataset": (build_dataset, {"feeds": home, "from_ts": None, "to_ts": None, "interval_s": 60, "limits": Limits()}),
        "build_report": (build_report, {"run_dir": home / "nowhere"}),
        "compare": (compare, {"run_a": home / "run", "run_b": home / "run"}),
        "convert": (convert, {"sources": home / "x", "fmt": "binance", "out": out / "x.parquet", "options": None, "progress": None}),
        "export_npz": (export_npz, {"tape": tape, "out": out / "x.npz", "best": "depth"}),
        "load_config": (load_config, {"path": None, "sets": [], "overrides": None, "environ": None, "warn": None}),
        "make_config": (make_config, {"config": None, **dict.fromkeys(("strategy", "params", "venue", "queue_model", "latency", "seed", "start", "end"), "x")}),
        "preset_spec": (preset_spec, {"preset": "small-tick", "duration_s": 60, "symbol": "S", "regime_mean_s": (1.0, 1.0, 1.0), "tick_size": "0.1"}),
        "replay": (replay, {"tapes": tape, "config": config, "out": None, "resume": True, "jobs": 1, "progress": None}),
        "replay_band": (replay_band, {"tapes": tape, "config": config, "out": out / "band", "bounds": None, "resume": False, "progress": None}),
        "run_lanes": (run_lanes, {"tape": tape, "configs": [config], "curve_ms": 1000.0, "progress": None}),
        "sweep_fees": (sweep_fees, {"tapes": tape, "config": config, "rates": [(0.1, 0.2)], "drawing": Drawing(), "progress": None}),
        "sweep_latency": (sweep_latency, {"tapes": tape, "config": config, "ms": [5.0], "legs": ["place"], "drawing": Drawing(), "progress": None}),
        "synth": (synth, {"spec": preset_spec(duration_s=1, warmup_s=1), "out": out, "level": "l2", "progress": None}),
        "validate": (validate, {"tape": tape}),
        "verify": (verify, {"run": home / "nowhere", "progress": None}),
        "warmup": (warmup, {"config": config}),
        "write_dataset": (write_dataset, {"found": None, "out": out}),
        "write_sweep": (write_sweep, {"sweep": None, "out": out}),
    }  # fmt: skip


@pytest.mark.parametrize("words", ODD)
def test_odd_arguments_end_in_a_result_or_a_code(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Each argument of each function, replaced by the value; nothing but an MmsimError is raised."""
    monkeypatch.chdir(tmp_path)
    causes: list[str] = []
    for call, right in functions(home, tmp_path).values():
        for argument in right:
            try:
                call(**{**right, argument: ODD[words]})
            except MmsimError as error:
                causes.append(error.cause)
    assert len(causes) > 20
    assert all(0 < len(cause) < 20_000 for cause in causes)


def test_every_public_name_is_in_the_table(home: Path, tmp_path: Path) -> None:
    """A new public function needs a row here."""
    tested = {name.partition(".")[0] for name in functions(home, tmp_path)}
    assert set(simcore.__all__) - tested == {"Config", "ConvertOptions", "LaneRun", "MmsimError"}  # values, not calls of their own


def test_wrong_names_of_arguments_are_refused(home: Path, tmp_path: Path) -> None:
    for name, (call, right) in functions(home, tmp_path).items():
        if inspect.isclass(call) or name in ("make_config", "replay", "preset_spec", "warmup"):
            continue
        with pytest.raises(MmsimError, match="CONF-014"):
            call(**right, no_such_argument=1)


CASES: dict[str, tuple[Callable[[Path], Any], str, str]] = {
    "plot of no name": (lambda home: RunResult(home / "run").plot("nothing"), "CONF-014", "expected one of equity"),
    "arrow of no name": (lambda home: RunResult(home / "run").arrow("nothing"), "CONF-014", "expected one of"),
    "texts as latencies": (lambda home: sweep_latency(tape_of(home), None, ["10"]), "CONF-014", "sweep_latency: ms is ['10'] (list); expected a list of a number"),  # type: ignore[list-item]
    "no tape": (lambda home: replay(None), "CONF-014", "replay: tapes is None (NoneType)"),  # type: ignore[arg-type]
    "a number as a tape": (lambda home: replay(5), "CONF-014", "replay: tapes is 5 (int)"),  # type: ignore[arg-type]
    "an empty list of tapes": (lambda home: replay([]), "TAPE-001", "no tape was named"),
    "a curve of no interval": (lambda home: run_lanes(Tape.open(tape_of(home)), [Config()], curve_ms=0), "CONF-014", "run_lanes: curve_ms is 0 (int)"),
    "a curve of a negative interval": (lambda home: run_lanes(Tape.open(tape_of(home)), [Config()], curve_ms=-5), "CONF-014", "curve_ms is -5"),
    "an option that is no text": (lambda home: convert("x", "binance", "y", ConvertOptions(tick_size=5)), "CONF-014", "tick_size to be text"),  # type: ignore[arg-type]
    "an instrument of no size": (lambda home: Instrument("v", "s", "linear", "0", "1"), "TAPE-015", "tick_size 0: expected 1e-12 to 1e+12"),
    "a duration as text": (lambda home: preset_spec(duration_s="60"), "CONF-003", "synth duration_s is '60', expected a whole number"),
    "a NUL in a path": (lambda home: Tape.open("a\0b"), "CONF-014", "Tape.open: source is 'a\\x00b' (str)"),
}  # fmt: skip


@pytest.mark.parametrize("words", CASES)
def test_what_is_odd_is_said(home: Path, words: str) -> None:
    call, code, cause = CASES[words]
    with pytest.raises(MmsimError) as caught:
        call(home)
    assert caught.value.code == code
    assert cause in caught.value.cause


def test_paths_may_be_text_everywhere(home: Path, tmp_path: Path) -> None:
    """What takes a Tape takes its path, as a Path or as text; a source by itself is a list of one."""
    text = str(tape_of(home))
    assert validate(text).rows == validate(tape_of(home)).rows == validate(Tape.open(text)).rows
    assert export_npz(text, str(tmp_path / "a.npz")) == export_npz(Tape.open(text), tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    alone = convert(str(tmp_path / "a.npz"), "hftbacktest", str(tmp_path / "c.parquet"), ConvertOptions(symbol="S", tick_size="0.5", lot_size="0.001", kind="linear"))
    listed = convert([tmp_path / "a.npz"], "hftbacktest", tmp_path / "d.parquet", ConvertOptions(symbol="S", tick_size="0.5", lot_size="0.001", kind="linear"))
    assert alone.rows == listed.rows
