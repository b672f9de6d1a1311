"""Units of a test: tapes cut into days of symbols, what is missing, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simcore.calibrate.ab.settings import load_settings, settings_table
from simcore.calibrate.ab.units import Plan, plan_units
from simcore.config.load import load_config
from simcore.config.model import Config
from simcore.errors import AbError, ConfigError, MmsimError, TapeError
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from tests.property.runs import columns, market_rows
from tests.support import INSTRUMENT

SECOND_NS = 10**9
DAY_NS = 86_400 * SECOND_NS
DAY = 19_700  # 2023-12-09
WINDOW_NS = 60 * SECOND_NS


def write(path: Path, symbol: str, start_s: float, rows: int = 200, seed: int = 1, **changes: str) -> Path:
    """Write a market of a symbol whose rows are about a second apart, from so many seconds after the day's begin on."""
    chunk = columns(market_rows(seed, rows, False), False, SECOND_NS)
    at = DAY * DAY_NS + round(start_s * SECOND_NS) - int(chunk.local_ts[0])
    with TapeWriter(path, TapeMeta(replace(INSTRUMENT, symbol=symbol, **changes))) as writer:
        writer.append(chunk._replace(exch_ts=chunk.exch_ts + at, local_ts=chunk.local_ts + at))
    return path


def plan(*tapes: Path, a: Config | None = None, b: Config | None = None) -> Plan:
    return plan_units(tapes, a or Config(), b or Config(), WINDOW_NS)


def config(*sets: str) -> Config:
    return load_config(None, sets)


def test_each_symbol_and_day_is_a_unit(tmp_path: Path) -> None:
    """In order of days, whatever the order of the tapes; pairs without a tape are listed."""
    tapes = [
        write(tmp_path / "b1.parquet", "BBB", 3600 + 86_400), write(tmp_path / "a0.parquet", "AAA", 3600), write(tmp_path / "b0.parquet", "BBB", 3600, 150),
    ]  # fmt: skip
    found = plan(*tapes)
    assert [(unit.day, unit.name) for unit in found.units] == [("2023-12-09", "AAA"), ("2023-12-09", "BBB"), ("2023-12-10", "BBB")]
    assert found.missing == (("AAA", "2023-12-10"),)
    assert plan(tmp_path).units[2].tape.rows == found.units[2].tape.rows
    assert [unit.a.run.from_ts for unit in found.units] == [None] * 3  # a day that is whole is played as it is


def test_a_tape_over_midnight_is_cut(tmp_path: Path) -> None:
    """Each date is a run of its own; a part of a date that is less than a window is left out, and said."""
    tape = write(tmp_path / "x.parquet", "XAB", 86_400 - 90, 400)
    first, second = plan(tape).units
    midnight = (DAY + 1) * DAY_NS
    assert (first.day, first.a.run.from_ts, first.a.run.to_ts) == ("2023-12-09", None, midnight)
    assert (second.day, second.b.run.from_ts, second.b.run.to_ts) == ("2023-12-10", midnight, None)
    found = plan(write(tmp_path / "y.parquet", "YAB", 86_400 - 20, 400))
    assert [(unit.day, unit.a.run.from_ts) for unit in found.units] == [("2023-12-10", midnight)]
    assert found.left_out == ("y.parquet: 20 s of 2023-12-09",)


def test_a_short_tape_is_kept(tmp_path: Path) -> None:
    """A tape that is shorter than a window is a unit: it is all there is."""
    (unit,) = plan(write(tmp_path / "x.parquet", "XAB", 100, 15)).units
    assert 0 < unit.tape.end_ts - unit.tape.start_ts < WINDOW_NS


def test_tapes_of_one_day_are_one_run(tmp_path: Path) -> None:
    """Tapes that follow each other on a date are played as one, in time order."""
    one, other = write(tmp_path / "1.parquet", "XAB", 5000, seed=2), write(tmp_path / "2.parquet", "XAB", 100)
    (unit,) = plan(one, other).units
    assert unit.tape.rows == 400
    assert unit.tape.start_ts == DAY * DAY_NS + 100 * SECOND_NS


def test_run_windows_choose_parts_of_days(tmp_path: Path) -> None:
    """run.from and run.to hold for the whole test; a tape outside is left out."""
    tapes = [write(tmp_path / "0.parquet", "XAB", 0), write(tmp_path / "1.parquet", "XAB", 86_400)]
    cut = config("run.from=2023-12-10T00:01:00Z", "run.to=2023-12-10T00:02:00Z")
    found = plan(*tapes, a=cut, b=cut)
    assert [unit.day for unit in found.units] == ["2023-12-10"]
    assert found.left_out == ("0.parquet: not between run.from and run.to",)
    assert found.units[0].a.run.to_ts == (DAY + 1) * DAY_NS + 120 * SECOND_NS


def test_a_symbol_has_its_own_configuration(tmp_path: Path) -> None:
    """Keys below `instruments` hold for one symbol, in each arm by itself."""
    tapes = [write(tmp_path / "a.parquet", "AAA", 0), write(tmp_path / "b.parquet", "BBB", 0)]
    a, b = plan(*tapes, b=config("instruments.BBB.fees.maker_bps=3")).units
    assert (a.a.fees, b.a.fees) == (a.b.fees, b.a.fees)
    assert float(b.b.fees.maker_bps or 0) == 3


@pytest.mark.parametrize(
    ("b", "code", "words"),
    [
        (("run.to=2023-12-10",), "AB-001", "run.to"),
        (("run.from=2023-12-09T00:00:01Z",), "AB-001", "run.from"),
        (("node.sample_interval_ms=500",), "AB-001", "node.sample_interval_ms"),
        (("run.repeat=2",), "AB-001", "run.repeat of B"),
        (("portfolio.allocate=true",), "AB-001", "portfolio of B"),
        (("portfolio.max_gross=5",), "AB-001", "portfolio of B"),
        (("links=[{follower: XAB, leader: YAB}]",), "AB-001", "links of B"),
        (("instruments.YAB.fees.maker_bps=3",), "CONF-003", "YAB"),
    ],
)
def test_pairs_that_cannot_be_compared(tmp_path: Path, b: tuple[str, ...], code: str, words: str) -> None:
    """What differs is named."""
    with pytest.raises(MmsimError, match=words) as refused:
        plan(write(tmp_path / "x.parquet", "XAB", 0), b=config(*b))
    assert refused.value.code == code


def test_tapes_that_cannot_be_compared(tmp_path: Path) -> None:
    """The same tape twice, by name or content; overlapping ones; two levels; none; none inside the window."""
    tape = write(tmp_path / "x.parquet", "XAB", 0)
    copy = tmp_path / "copy.parquet"
    shutil.copy(tape, copy)
    overlapping = write(tmp_path / "y.parquet", "XAB", 30, seed=2)
    late = config("run.from=2024-01-01")
    cases: list[tuple[type[MmsimError], str, str, Any]] = [
        (AbError, "AB-002", "again", lambda: plan(tape, tape)),
        (AbError, "AB-002", "copy.parquet is .*x.parquet again", lambda: plan(tape, copy)),
        (AbError, "AB-002", "y.parquet begins before", lambda: plan(overlapping, tape)),
        (AbError, "AB-004", "no tape", plan),
        (AbError, "AB-004", "run.from", lambda: plan(tape, a=late, b=late)),
        (TapeError, "TAPE-001", "gone", lambda: plan(tmp_path / "gone.parquet")),
        (TapeError, "TAPE-008", "sizes", lambda: plan(tape, write(tmp_path / "z.parquet", "XAB", 4000, seed=3, tick_size="0.2"))),
    ]
    for kind, code, words, call in cases:
        with pytest.raises(kind, match=words) as refused:
            call()
        assert refused.value.code == code


def test_settings_come_from_a_file_and_options(tmp_path: Path) -> None:
    """Options over the file over the defaults."""
    path = tmp_path / "ab.yaml"
    path.write_text("ab:\n  split: 20\n  salt: mine\n  gates:\n    sustain_s: 900\n    taker_share: null\n")
    found = load_settings(path, {"split": 30.0, "gates.slippage_bps": 0.5})
    assert (found.split, found.salt, found.window_s) == (30, "mine", 300)
    assert (found.gates.sustain_s, found.gates.taker_share, found.gates.slippage_bps, found.gates.tick_p95) == (900, None, 0.5, 0.1)


@pytest.mark.parametrize(
    ("given", "code", "words"),
    [
        ({"split": -1}, "AB-003", "split is -1: expected a number >= 0"),
        ({"split": 100.5}, "AB-003", "split is 100.5: expected a number <= 100"),
        ({"split": float("nan")}, "AB-003", "split"),
        ({"window_s": 7}, "AB-003", "window_s is 7.*a day is a multiple"),
        ({"window_s": 0}, "AB-003", "window_s"),
        ({"route": "week"}, "AB-003", "route"),
        ({"gates.scope": "some"}, "AB-003", "gates.scope"),
        ({"gates.taker_share": -0.1}, "AB-003", "gates.taker_share"),
        ({"level": 1}, "AB-003", "level"),
        ({"level": 0.99, "repetitions": 1000}, "AB-003", "repetitions is 1000: expected at least 1200"),
        ({"gates.slipage_bps": 1}, "CONF-002", "slippage_bps"),
        ({"salz": "x"}, "CONF-002", "salt"),
    ],
)
def test_settings_that_are_refused(given: dict[str, Any], code: str, words: str) -> None:
    """The key, what was found, and what is expected."""
    with pytest.raises((AbError, ConfigError), match=words) as refused:
        load_settings(None, given)
    assert refused.value.code == code


def test_a_settings_file_has_one_section(tmp_path: Path) -> None:
    """Anything else is a file of something else."""
    path = tmp_path / "x.yaml"
    for text in ("split: 3\n", "ab: 3\n", "", "ab:\n  split: 1\nother: 2\n"):
        path.write_text(text)
        with pytest.raises(AbError, match="AB-003"):
            load_settings(path)


def test_the_page_lists_the_settings() -> None:
    """docs/ab.md has each setting with its default."""
    page = (Path(__file__).parents[3] / "docs" / "ab.md").read_text(encoding="utf-8")
    for key, default, words in settings_table():
        assert f"| `{key}` | {default} | {words} |" in page
