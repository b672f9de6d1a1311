"""`mmsim calibrate` as a user meets it: what it prints, what it refuses, and how it survives being stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.blackbox.command import (
    ROOT,
    SAMPLE,
    Done,
    assert_refused,
    command,
    limit_file_size,
    mmsim,
    mmsim_here,
    names_under,
    start,
)
from tests.blackbox.processes import assert_whole, stop_after
from tests.blackbox.tapes import write_sample

GRID = "spread.half_spread_bps: [0.1, 0.2, 0.4, 0.8]\ninventory.skew_bps: [0.5, 1.0]\n"
MAKER = ("--strategy", "demo_maker", "--set", "run.to=2024-01-01T04:00:00Z")
HOURS = ("--splits", "walk-forward:train=2h,test=1h")
FILES = ("trials.parquet", "curves.parquet", "best.yaml")


@pytest.fixture
def grid(tmp_path: Path) -> Path:
    path = tmp_path / "grid.yaml"
    path.write_text(GRID)
    return path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a calibration that nothing stops."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "grid.yaml").write_text(GRID)
    done = mmsim("calibrate", folder / "grid.yaml", SAMPLE, *MAKER, *HOURS, "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def same(one: Path, two: Path) -> bool:
    return all((one / name).read_bytes() == (two / name).read_bytes() for name in FILES)


def refused(done: Done, code: str, *words: str) -> None:
    """As assert_refused, of a calibration that had begun: lines of progress come before."""
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[-2].startswith(f"error {code}: ")
    assert lines[-1].startswith("remedy: ")
    for word in words:
        assert word in lines[-2], (word, lines[-2])


def test_what_it_prints(whole: Path, grid: Path, tmp_path: Path) -> None:
    """Lines of progress with the best so far on stderr; one JSON object on stdout; `run` may be written."""
    done = mmsim("calibrate", "run", grid, SAMPLE, *MAKER, *HOURS, "--out", tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert "best so far: trial" in done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {
        "objective", "constraints", "best", "figures", "at_edge", "values", "trials", "lost", "valueless", "infeasible", "tried", "adopt",
        "verdict", "folder",
    }  # fmt: skip
    assert (found["trials"], found["tried"], set(found["figures"]["best"])) == (9, 9, {"train", "test"})
    assert same(whole, tmp_path / "out")
    assert {"report.html", "report.md", "verdict.json"} < set(names_under(tmp_path / "out"))


def test_what_it_prints_without_json(grid: Path, tmp_path: Path) -> None:
    """Options may come first; the table compares base and best."""
    done = mmsim("calibrate", *MAKER, "--out", tmp_path / "out", "--subject-to", "taker_share<=0.09", grid, SAMPLE)
    assert done.returncode == 0, done.stderr
    for word in ("current", "best", "difference", "train", "all", "net_bps", "taker_share", "best: trial", "folder:", "current parameters"):
        assert word in done.stdout
    listed = [line for line in done.stdout.splitlines() if line.startswith("- ")]
    judged = json.loads((tmp_path / "out" / "verdict.json").read_text())
    broken = dict.fromkeys(rule["text"] for rule in judged["rules"] if not rule["holds"] and rule["text"] not in judged["sentence"])
    assert listed == [f"- {text}" for text in (*broken, *judged["notes"])]
    assert broken


def test_best_yaml_drops_into_a_replay(whole: Path, tmp_path: Path) -> None:
    assert "# Whether to adopt it is another question" in (whole / "best.yaml").read_text()
    done = mmsim("replay", SAMPLE, "--config", whole / "best.yaml", "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fills"] > 0


BAD = {
    "an empty grid": ("", (), "CAL-010", "empty"),
    "an unknown key": ("spread.half_spread_bp: [1]", (), "CAL-011", "spread.half_spread_bps"),
    "a refused value": ("node.tick_interval_ms: [100, -1]", (), "CAL-013", "tick_interval_ms=-1"),
    "a parameter of another strategy": ("strategy.name: [demo_maker, grid]\nspread.half_spread_bps: [1]", (), "CAL-013", "half_spread_bps"),
    "an unknown figure": (GRID, ("--objective", "sharp"), "CAL-014", "sharpe"),
    "a bad constraint": (GRID, ("--subject-to", "fills=>3"), "CAL-014", "fills=>3"),
    "bad splits": (GRID, ("--splits", "walk-forward:train=3"), "CAL-015", "expected"),
    "too few days": (GRID, ("--splits", "walk-forward:train=3,test=1"), "CAL-015", "there are 1"),
    "a key like none": ("a: 1\nspread.half_spread_bps: [1]", (), "CAL-011", "a"),
    "a day that is not there": (GRID, ("nowhere.parquet",), "TAPE-001", "nowhere"),
    "the day twice": (GRID, (str(SAMPLE),), "CAL-017", "the same rows"),
    "a day outside the window": (GRID, ("--set", "run.from=2025-01-01", "--set", "run.to=null"), "CAL-018", "no part"),
    "too many trials": (GRID, ("--search", "random", "--trials", "1000000"), "CAL-024", "at most"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_and_leaves_nothing(case: str, tmp_path: Path) -> None:
    text, more, code, word = BAD[case]
    (tmp_path / "grid.yaml").write_text(text)
    done = mmsim_here("calibrate", tmp_path / "grid.yaml", SAMPLE, *MAKER, "--out", tmp_path / "out" / "x", *more)
    assert_refused(done, code, word)
    assert [name for name in names_under(tmp_path) if not name.startswith("out/.trials")] == ["grid.yaml"]


def test_another_instrument_is_refused(grid: Path, tmp_path: Path) -> None:
    other = write_sample(tmp_path / "other.parquet", symbol="OTHER")
    assert_refused(mmsim_here("calibrate", grid, SAMPLE, other, *MAKER, "--out", tmp_path / "out"), "CAL-017", "OTHER")


def test_options_that_contradict(grid: Path) -> None:
    done = mmsim_here("calibrate", grid, SAMPLE, "--resume")
    assert done.returncode == 2
    assert "--resume needs --out" in done.stderr


def test_nobody_keeps_the_constraints(grid: Path, tmp_path: Path) -> None:
    """The nearest are shown, the report is there, best.yaml is not; resuming says the same and plays nothing."""
    words = ("calibrate", grid, SAMPLE, *MAKER, "--subject-to", "fills>1e9", "--subject-to", "fills<1", "--out", tmp_path / "out")
    refused(mmsim_here(*words), "CAL-016", "9 break a constraint", "nearest: trial")
    assert {"trials.parquet", "report.html"} < set(names_under(tmp_path / "out"))
    assert "best.yaml" not in names_under(tmp_path / "out")
    refused(mmsim_here(*words, "--resume"), "CAL-016")


@pytest.mark.parametrize("number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_stopped_calibration_resumes(number: int, whole: Path, grid: Path, tmp_path: Path) -> None:
    """At any moment; what is there is whole, and the end is that of one that was not stopped. No worker stays."""
    words = ("calibrate", grid, SAMPLE, *MAKER, *HOURS, "--jobs", "2", "--out", tmp_path / "out")
    for seconds in (1.0, 3.5) if number == signal.SIGKILL else (3.0,):
        done = stop_after(start(*words, "--resume"), seconds, number)
        if number == signal.SIGTERM and done.returncode:
            assert (done.returncode, done.stderr.splitlines()[-1]) == (130, "interrupted")
        if (tmp_path / "out").exists():
            assert_whole(tmp_path / "out")
    done = mmsim(*words, "--resume")
    assert done.returncode == 0, done.stderr
    assert same(whole, tmp_path / "out")
    assert no_worker_is_left()


def no_worker_is_left() -> bool:
    """Return whether the workers of killed calibrations have gone, which they do when they next speak."""
    for _ in range(100):
        found = subprocess.run(["pgrep", "-f", "-P", "1", "simcore.calibrate.local"], capture_output=True, text=True, check=False).stdout
        if not [pid for pid in found.split() if Path(f"/proc/{pid}/cwd").exists() and Path(f"/proc/{pid}/cwd").resolve() == ROOT.resolve()]:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow  # tests/calibrate/test_workers.py kills them from inside
def test_a_killed_worker_changes_nothing(whole: Path, grid: Path, tmp_path: Path) -> None:
    """SIGKILL, from outside, while it works on a block."""
    words = ("calibrate", grid, SAMPLE, *MAKER, *HOURS, "--jobs", "2", "--out", tmp_path / "out")
    process = subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    killed = 0
    while not killed and process.poll() is None:
        found = subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid=,args="], capture_output=True, text=True, check=False).stdout
        workers = [line.split()[0] for line in found.splitlines() if "simcore.calibrate.local" in line]
        if workers:
            time.sleep(0.3)
            killed = subprocess.run(["kill", "-9", workers[0]], check=False).returncode == 0
    _, err = process.communicate(timeout=120)
    assert killed
    assert process.returncode == 0, err
    assert same(whole, tmp_path / "out")


@pytest.mark.parametrize("size", [12_000, pytest.param(1_000, marks=pytest.mark.slow)])
def test_a_full_disk_stops_it_with_a_code(size: int, whole: Path, grid: Path, tmp_path: Path) -> None:
    """CAL-021 whatever file it strikes, no winner, nothing half-written; and it can go on."""
    words = ("calibrate", grid, SAMPLE, *MAKER, *HOURS, "--jobs", "1", "--out", tmp_path / "out")
    refused(mmsim(*words, before=limit_file_size(size)), "CAL-021", str(tmp_path))
    assert "best.yaml" not in names_under(tmp_path / "out")
    assert not [name for name in names_under(tmp_path) if name.endswith(".part")]
    done = mmsim(*words, "--resume")
    assert done.returncode == 0, done.stderr
    assert same(whole, tmp_path / "out")


def test_a_file_where_a_folder_should_be(grid: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert_refused(mmsim_here("calibrate", grid, SAMPLE, *MAKER, "--out", tmp_path / "file" / "out"), "CAL-021")
    assert (tmp_path / "file").read_text() == "mine"
