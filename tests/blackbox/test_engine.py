"""What stops an engine: money that overflows, sources that change under it, runs that are not what they were."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.blackbox.command import ROOT, TIMEOUT_S, assert_refused, mmsim_here, names_under
from tests.blackbox.tapes import forge, write_sample
from tests.sealing import reseal


def test_money_that_does_not_fit_stops_the_run(tape: Path, tmp_path: Path) -> None:
    """ENG-003 with the time and the lane; the journal up to there stays."""
    lots = pq.read_table(tape)["qty_lots"].to_numpy() * 10**11
    huge = forge(tape, tmp_path / "huge.parquet", {"qty_lots": lots})
    sets = ("emit.order_lots=1e13", "inventory.max_position_lots=1e15", "spread.half_spread_bps=0")
    words = [word for name in sets for word in ("--set", f"strategy.params.{name}")]
    done = mmsim_here("replay", huge, "--strategy", "demo_maker", *words, "--out", tmp_path / "out", "--json")
    assert_refused(done, "ENG-003", "2024-01-01T00:00:00", "lane 0")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "failed"  # and its journal is kept
    assert not [name for name in names_under(tmp_path / "out") if name.endswith(".part")]


def test_a_run_on_another_tape_is_not_verified(tmp_path: Path) -> None:
    """JRNL-004 where the tape of a run was replaced, TAPE-001 where it is gone; `--tape` says where it is now, by its content."""
    own = write_sample(tmp_path / "own.parquet", rows=3000)
    out = tmp_path / "run"
    assert mmsim_here("replay", own, "--out", out).returncode == 0
    moved = shutil.copy(own, tmp_path / "moved.parquet")
    write_sample(own, rows=2000)
    assert_refused(mmsim_here("verify", out), "JRNL-004", str(out), "tape")
    own.unlink()
    assert_refused(mmsim_here("verify", out), "TAPE-001", str(own), "--tape FILE")
    found = mmsim_here("verify", out, "--tape", moved, "--json")
    assert (found.returncode, json.loads(found.stdout)["ok"]) == (0, True)
    other = write_sample(tmp_path / "other.parquet", rows=2000)
    assert_refused(mmsim_here("verify", out, "--tape", moved, "--tape", other), "JRNL-004", "other.parquet")


def test_a_changed_journal_is_found(tape: Path, tmp_path: Path) -> None:
    """`verify` exits with 1, and says in which row the first difference is, where all hashes fit; a damaged file is refused."""
    out = tmp_path / "run"
    assert mmsim_here("replay", tape, "--out", out).returncode == 0
    reseal(out, digest="0" * 64)
    done = mmsim_here("verify", out, "--json")
    assert (done.returncode, json.loads(done.stdout)["first_difference"]) == (1, "the digest in run.json")
    path = out / "journal" / "requests.parquet"
    rows = pq.read_table(path)
    prices = rows["price_ticks"].to_numpy().copy()
    prices[7] += 1
    pq.write_table(rows.set_column(rows.column_names.index("price_ticks"), "price_ticks", [prices]), path)
    reseal(out)
    done = mmsim_here("verify", out, "--json")
    assert (done.returncode, json.loads(done.stdout)["first_difference"]) == (1, "requests, row 7")
    path.write_bytes(path.read_bytes()[:100])
    for word in ("verify", "report"):
        assert_refused(mmsim_here(word, out), "JRNL-007", str(path))


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"status": "done"}', "\0"])
def test_a_folder_that_is_no_run_is_refused(text: str | None, tape: Path, tmp_path: Path) -> None:
    """No manifest, or a damaged one: every command says so, and changes nothing."""
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    for word in ("verify", "report"):
        assert_refused(mmsim_here(word, tmp_path), "JRNL-001" if word == "verify" else ("JRNL-001", "REP-001"), str(tmp_path))
    if text is not None:
        assert_refused(mmsim_here("replay", tape, "--out", tmp_path, "--resume"), "JRNL-001", str(tmp_path))
        assert_refused(mmsim_here("replay", tape, "--out", tmp_path), "JRNL-002", str(tmp_path))
        assert (tmp_path / "run.json").read_text() == text


# --- sources that change -------------------------------------------------------------------------------

CHANGE = """
from pathlib import Path
import sys

from simcore import jit, link
from simcore.errors import MmsimError


@jit.entry
def double(x):
    return 2 * x


def attempt(step):
    try:
        print(step())
    except MmsimError as exc:
        print(exc.code)


print(jit.source_hash())
if sys.argv[1] == "edit":
    path = Path(jit.__file__).parent / "kernels" / "ledger.py"
    path.write_text(path.read_text() + "# changed")
attempt(lambda: double(21))
attempt(lambda: link.link("demo_maker").name)
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, whose sources may be changed."""
    folder = tmp_path / "copy"
    for name in ("simcore", "strategies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "cli.py", folder)
    (folder / "change.py").write_text(CHANGE)
    return folder


def environment(package: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(package), "MMSIM_CACHE_DIR": str(package / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}


def kept(package: Path) -> list[str]:
    """Return the names of the machine code files in the cache."""
    return [path.name for path in (package / "cache").rglob("*.nb[ic]")]


def changed(package: Path, how: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "change.py", how], capture_output=True, text=True, check=False, cwd=package,
        env=environment(package), timeout=TIMEOUT_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_machine_code_of_changed_sources_is_not_kept(package: Path) -> None:
    """ENG-005 in the process under which a kernel changed; one that starts later compiles anew, under another name."""
    before, *said = changed(package, "edit")
    assert said == ["ENG-005", "ENG-005"]
    assert kept(package) == []
    after, *said = changed(package, "leave")
    assert said == ["42", "demo_maker"]
    assert after != before
    assert {path.parent.parent.name for path in (package / "cache").rglob("*.nbc")} == {after}


def test_machine_code_that_was_cut_off_is_compiled_anew(package: Path) -> None:
    """After a power cut, or on a full disk, a file may be short or empty. It must not stop every later run."""
    changed(package, "leave")
    (damaged,) = (package / "cache").rglob("*.nbc")
    whole = damaged.stat().st_size
    for size in (0, 10, 200, whole - 1):
        os.truncate(damaged, size)
        assert changed(package, "leave")[1] == "42"
        assert damaged.stat().st_size == whole


@pytest.mark.slow
def test_a_replay_under_which_a_kernel_changes_is_stopped(package: Path, tape: Path, tmp_path: Path) -> None:
    """ENG-005 through the command, no run folder; the same command then runs."""
    words = [sys.executable, "cli.py", "replay", str(tape), "--out", str(tmp_path / "out"), "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=package, env=environment(package))
    while not list((package / "cache").rglob("binding.py")) and process.poll() is None:
        time.sleep(0.01)
    time.sleep(1.0)  # the engine is being compiled, for many seconds
    path = package / "simcore" / "kernels" / "ledger.py"
    path.write_text(path.read_text() + "# changed\n")
    out, err = process.communicate(timeout=TIMEOUT_S)
    assert_refused(subprocess.CompletedProcess(words, process.returncode, out, err), "ENG-005", str(package))
    assert kept(package) == []
    assert names_under(tmp_path / "out") == []
    again = subprocess.run(words, capture_output=True, text=True, check=False, cwd=package, env=environment(package), timeout=TIMEOUT_S)
    assert again.returncode == 0, again.stderr
    assert kept(package)
