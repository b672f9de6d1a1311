"""The command as a user meets it: a process, its exit code, its two streams; and what it may not leave behind."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cli
from simcore.errors import CODES

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "datasets" / "synbtc-perp-20240101-l2.parquet"
TIMEOUT_S = 240

Done = subprocess.CompletedProcess[str]


def command(*arguments: str | Path, python: str = sys.executable) -> list[str]:
    return [python, str(ROOT / "cli.py"), *map(str, arguments)]


def mmsim(*arguments: str | Path, cwd: Path = ROOT, before: Callable[[], None] | None = None, **variables: str) -> Done:
    """Run the command to its end. before: called in the new process; variables: of its environment."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, check=False, cwd=cwd, preexec_fn=before,
        env={**os.environ, **variables}, timeout=TIMEOUT_S,
    )  # fmt: skip


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    """Start the command in a process group of its own; it hears of Ctrl-C, also where the tests run in the background."""
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509  no threads here
    )  # fmt: skip


def mmsim_here(*arguments: str | Path) -> Done:
    """Run the command in this process, where a new one for each of many cases would take minutes."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run_command([str(argument) for argument in arguments])
    return subprocess.CompletedProcess([], code, out.getvalue(), err.getvalue())


def assert_refused(done: Done, code: str | Sequence[str], *words: str) -> None:
    """Exit code 2, nothing on stdout, and exactly two lines on stderr: the code with its cause, and the remedy."""
    codes = [code] if isinstance(code, str) else code
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    found = lines[0].removeprefix("error ").partition(":")[0]
    assert lines[0].startswith("error ")
    assert found in codes, done.stderr
    title, remedy = CODES[found]
    cause = lines[0].removeprefix(f"error {found}: {title}: ")
    assert cause not in {lines[0], ""}, done.stderr
    assert lines[1] == f"remedy: {remedy}"
    for word in words:
        assert word in cause, (word, cause)


def names_under(folder: Path) -> list[str]:
    """Return the relative names of all files below a folder, hidden ones too; [] if there is no folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def limit_file_size(size: int) -> Callable[[], None]:
    """Return what makes writes beyond `size` bytes of any one file fail in a new process, as a full disk does."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit
