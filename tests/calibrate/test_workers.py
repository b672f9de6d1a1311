"""Worker processes and Ray tasks: equal results, deaths that are told, nothing left running."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from simcore.calibrate import local
from simcore.calibrate.run import calibrate
from simcore.calibrate.store import BEST, CURVES, PARTS, TRIALS
from simcore.errors import CalibrateError
from tests.blackbox.tapes import write_sample

WALK = "walk-forward:train=3,test=1"


def children() -> list[int]:
    """Return the processes that this one has started and that still run."""
    found = subprocess.run(["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True, check=False).stdout
    return [int(line.split()[0]) for line in found.splitlines() if "simcore.calibrate.local" in line]


class Killer:
    """Kills the process of each block, up to a number of times, as soon as it has it."""

    def __init__(self, monkeypatch, times):
        self.left, self.kills = times, 0
        send = local.Child.send

        def killing(child, name, *values):
            send(child, name, *values)
            if name == "block" and self.left:
                self.left -= 1
                self.kills += 1
                os.kill(child.process.pid, signal.SIGKILL)

        monkeypatch.setattr(local.Child, "send", killing)


def test_a_killed_worker_is_replaced_and_its_block_tried_again(finished, four_days, asking, tmp_path, monkeypatch):
    """The result is that of a calibration whose workers live."""
    killer = Killer(monkeypatch, 1)
    calibrate(asking(four_days, splits=WALK), tmp_path / "out", jobs=2)
    assert killer.kills == 1
    for name in (TRIALS, CURVES, BEST):
        assert (tmp_path / "out" / name).read_bytes() == (finished.folder / name).read_bytes()
    assert children() == []


def test_a_block_whose_workers_die_ends_all_and_resumes(finished, four_days, asking, tmp_path, monkeypatch):
    """CAL-022 names trials and day; there is no best.yaml; what was finished stays, and going on gives the same bytes."""
    killer = Killer(monkeypatch, 100)
    with pytest.raises(CalibrateError, match=r"CAL-022.*trials 0 to .*killed by SIGKILL"):
        calibrate(asking(four_days, splits=WALK), tmp_path / "out", jobs=2)
    assert not (tmp_path / "out" / BEST).exists()
    assert children() == []
    killer.left = 0
    calibrate(asking(four_days, splits=WALK), tmp_path / "out", jobs=2, resume=True)
    for name in (TRIALS, CURVES, BEST):
        assert (tmp_path / "out" / name).read_bytes() == (finished.folder / name).read_bytes()
    assert not (tmp_path / "out" / PARTS).exists()


def test_a_mistake_in_a_worker_arrives_as_it_is(four_days, asking, tmp_path):
    """With its class and code, whatever the others are doing: here a tape that changes before a worker opens it."""
    days = [tmp_path / path.name for path in four_days[:2]]
    for source, target in zip(four_days, days, strict=False):
        shutil.copyfile(source, target)

    def watch(_tally):
        write_sample(days[1])

    with pytest.raises(CalibrateError, match=r"CAL-020.*changed during the calibration"):
        calibrate(asking(days), tmp_path / "out", jobs=2, watch=watch)
    assert children() == []


def test_ray_gives_the_same_bytes(finished, four_days, asking, tmp_path):
    """A Ray of this machine with two processes; days and lanes are cut into its tasks."""
    calibrate(asking(four_days, splits=WALK), tmp_path / "out", jobs=2, engine_name="ray")
    for name in (TRIALS, CURVES, BEST):
        assert (tmp_path / "out" / name).read_bytes() == (finished.folder / name).read_bytes()


@pytest.mark.slow
def test_ray_brings_a_mistake_as_it_is(four_days, asking, tmp_path):
    bad = ("strategy.name=demo_maker", "strategy.params.emit.order_lots=-1")
    with pytest.raises(CalibrateError, match=r"CAL-025.*STRAT-004"):
        calibrate(asking(four_days[:1], {"emit.order_lots": [-1, -2]}, sets=bad), tmp_path / "out", jobs=2, engine_name="ray")


def test_ray_that_is_not_installed(four_days, asking, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(CalibrateError, match=r"CAL-023.*pip install 'ray>=2.40'"):
        calibrate(asking(four_days[:1]), tmp_path / "out", engine_name="ray")
    assert not Path(tmp_path / "out" / BEST).exists()
