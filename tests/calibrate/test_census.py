"""The census of trials: what a tape has ever seen, each set once, also when several write."""

import subprocess
import sys
from pathlib import Path

import pytest

from simcore.calibrate.census import FOLDER, count_trials, home_of, note_trials
from simcore.errors import CalibrateError

ROOT = Path(__file__).parents[2]
HASH = "ab" * 32


def test_sets_count_once(tmp_path):
    assert count_trials(tmp_path, HASH) == 0
    assert note_trials(tmp_path, HASH, ["b", "a"]) == 2
    assert note_trials(tmp_path, HASH, ["a", "c", "c"]) == 3
    assert count_trials(tmp_path, HASH) == 3
    assert count_trials(tmp_path, "cd" * 32) == 0
    assert note_trials(tmp_path, "cd" * 32, ["c", "d"]) == 2
    assert count_trials(tmp_path, HASH, "cd" * 32) == 4


def test_its_place(tmp_path):
    """Beside the folder of the calibration, or in the user's own."""
    assert home_of(tmp_path / "reports" / "x", None) == tmp_path / "reports" / FOLDER
    assert home_of(tmp_path / "reports" / "x", tmp_path / "home") == tmp_path / "home" / FOLDER


def test_several_processes_lose_nothing(tmp_path):
    code = f"from pathlib import Path; from simcore.calibrate.census import note_trials; import sys\nfor i in range(40): note_trials(Path({str(tmp_path)!r}), {HASH!r}, [f'{{sys.argv[1]}}-{{i}}', f'both-{{i}}'])"
    writers = [subprocess.Popen([sys.executable, "-c", code, str(k)], cwd=ROOT) for k in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert count_trials(tmp_path, HASH) == 4 * 40


def test_a_census_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CalibrateError, match="CAL-021"):
        note_trials(tmp_path / "file", HASH, ["a"])
