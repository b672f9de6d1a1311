"""One flipped bit in the folder of a calibration, or in the census of trials: refused with a code, or nothing else changes."""

from __future__ import annotations

import shutil
from pathlib import Path

from simcore.calibrate import store
from simcore.calibrate.census import count_trials, note_trials
from simcore.calibrate.folder import Calibration, load
from tests.flips import REFUSED, flipped, outcome, places

HASH = "ab" * 32


def told(calibration: Calibration) -> str:
    return str((calibration.note, calibration.frame().to_csv(), [curve.tolist() for curve in calibration.results.equity]))


def test_a_flipped_calibration_is_refused(finished: Calibration, tmp_path: Path) -> None:
    """Note, trials and curves: what a report or a verdict is made of."""
    folder = tmp_path / "out"
    shutil.copytree(finished.folder, folder)
    for name in (store.NOTE, store.TRIALS, store.CURVES):
        for bit in places(folder / name, 40):
            with flipped(folder / name, bit):
                assert outcome(lambda: told(load(folder))) == REFUSED, (name, bit)
    assert told(load(folder)) == told(finished)


def test_flipped_parts_are_refused(finished: Calibration, tmp_path: Path) -> None:
    """What a calibration that was stopped goes on from."""
    from simcore.calibrate.folder import parts_of_tables

    for part in parts_of_tables(finished.folder):
        store.write_part(tmp_path, part)
    paths = sorted((tmp_path / store.PARTS).iterdir())
    assert len(paths) == 4
    for path in paths:
        for bit in places(path, 30):
            with flipped(path, bit):
                assert outcome(lambda: list(store.read_parts(tmp_path))) == REFUSED, (path.name, bit)


def test_a_flipped_census_is_refused_or_counts_the_same(tmp_path: Path) -> None:
    """Every third bit: also those that make another line of the line of the hash."""
    note_trials(tmp_path, HASH, [f"{number:016x}" for number in range(9)])
    (path,) = tmp_path.glob("*.txt")
    found = []
    for bit in range(0, 8 * path.stat().st_size, 3):
        with flipped(path, bit):
            found.append(outcome(lambda: count_trials(tmp_path, HASH)))
    assert set(found) == {9, REFUSED}
    assert found.count(REFUSED) > found.count(9)  # which are bits of the two lines above


def test_a_census_without_a_hash_is_still_read(tmp_path: Path) -> None:
    (tmp_path / f"{HASH[:32]}.txt").write_text(f"# mmsim: one line for each parameter set that was ever played on the tape {HASH}\na\nb\n")
    assert count_trials(tmp_path, HASH) == 2
    assert note_trials(tmp_path, HASH, ["c"]) == 3
