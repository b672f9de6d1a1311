"""Several commands at once, in one folder."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

from tests.blackbox.command import SAMPLE, assert_refused, command, mmsim_here, start
from tests.blackbox.processes import RUN, assert_whole, wait_until


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=240)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_runs_without_out_get_folders_of_their_own(tape: Path, tmp_path: Path) -> None:
    """reports/<strategy>-<symbol>-<n>: each n is given once."""
    words = command("replay", tape, "--json")
    running = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path) for _ in range(2)]
    results = [json.loads(done.stdout) for done in map(ended, running) if done.returncode == 0]
    assert len({result["run_dir"] for result in results}) == 2
    assert len({result["digest"] for result in results}) == 1
    assert len(list((tmp_path / "reports").iterdir())) == 2


def test_a_folder_is_written_by_one_process(tmp_path: Path) -> None:
    """JRNL-002 while another process runs in it, with --resume too; its run is not disturbed, and its lock ends with it."""
    out = tmp_path / "run"
    first = start("replay", SAMPLE, "--out", out, *RUN, "--json")
    wait_until((out / "run.json").exists, first)
    for more in ([], ["--resume"]):
        assert_refused(mmsim_here("replay", SAMPLE, "--out", out, *RUN, *more), "JRNL-002", "another process")
    time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    ended(first)
    assert_whole(out)
    assert mmsim_here("replay", SAMPLE, "--out", out, *RUN, "--resume", "--json").returncode == 0
    assert mmsim_here("verify", out).returncode == 0


def test_tapes_of_one_name_are_whole(tmp_path: Path) -> None:
    """Two synths into one folder: the later one replaces the tape, none mixes them."""
    words = ("tape", "synth", "--out", tmp_path, "--duration", "3000", "--seed", "5", "--json")
    made = [json.loads(done.stdout)["tapes"][0] for done in map(ended, [start(*words) for _ in range(2)])]
    assert made[0] == made[1]
    assert mmsim_here("tape", "validate", made[0]["path"]).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == [Path(made[0]["path"]).name]
