"""Mutants: small faults planted in a copy of the code, one at a time, each of which a named test must see.

`python -m tests.mutants` plays them (docs/mutants.md). Without the compiler: it would take a minute for each.
"""

from __future__ import annotations

import importlib
import os
import re
import shutil
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import NamedTuple, NoReturn

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("simcore", "strategies", "tests", "scenarios", "cli.py", "pyproject.toml")
LINKED = ("datasets", "docs", "LICENSE", "README.md", "CHANGELOG.md", "Makefile")
TIMEOUT_S = 300
TESTS_FAILED = 1  # pytest's exit code; others say that the tests did not run


class Mutant(NamedTuple):
    """A planted fault.

    file    below simcore/.
    before  text that occurs once in it; after: what takes its place.
    words   what it does, for a reader.
    test    the test that fails then, below tests/; all its cases are run, up to the first that fails.
    """

    file: str
    before: str
    after: str
    words: str
    test: str


class Outcome(NamedTuple):
    """killed_by: the tests that failed first, "" if none did; text: what pytest printed."""

    killed_by: str
    text: str


def copy_to(folder: Path) -> Path:
    """Copy the code and its tests, for mutants to be planted in; return the copy."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, folder / name)
    for name in LINKED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def occurrences(mutant: Mutant) -> int:
    """Return how often the text of a mutant stands in its file."""
    return (ROOT / "simcore" / mutant.file).read_text(encoding="utf-8").count(mutant.before)


def play(mutant: Mutant, copy: Path) -> Outcome:
    """Plant a mutant in a copy, run its tests there, and take it out again."""
    file = copy / "simcore" / mutant.file
    whole = file.read_text(encoding="utf-8")
    assert whole.count(mutant.before) == 1, f"{mutant.file}: {mutant.before!r} occurs {whole.count(mutant.before)} times"
    _write(file, whole.replace(mutant.before, mutant.after))
    try:
        return run(mutant.test, copy)
    finally:
        _write(file, whole)


def _write(file: Path, text: str) -> None:
    """Write a source file and forget its bytecode, which Python would take for that of a file of the same second and size."""
    file.write_text(text, encoding="utf-8")
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def run(test: str, copy: Path) -> Outcome:
    """Run a test, or a file of them, in a copy, up to the first that fails: in a fork, which has the libraries that it imports."""
    log = copy / ".log"
    child = os.fork()
    if child == 0:
        _run_and_leave(test, copy, log)
    until = time.monotonic() + TIMEOUT_S
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Outcome("", "time ran out")  # no test has failed
        time.sleep(0.02)
    code, text = os.waitstatus_to_exitcode(ended[1]), log.read_text(encoding="utf-8", errors="replace")
    if code not in {0, TESTS_FAILED}:
        raise RuntimeError(f"the tests did not run (pytest ended with {code}):\n{text[-3000:]}")
    failed = re.findall(r"^(?:FAILED|ERROR) tests/(\S+)", text, re.MULTILINE)
    return Outcome(", ".join(failed) if code else "", text)


def _run_and_leave(test: str, copy: Path, log: Path) -> NoReturn:
    code = -1
    try:
        opened = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, 1)
        os.dup2(opened, 2)
        os.chdir(copy)
        os.environ |= {"PYTHONPATH": str(copy), "MMSIM_CACHE_DIR": str(copy / ".cache")}
        sys.path[:] = [str(copy), *(place for place in sys.path if place and Path(place).resolve() != ROOT)]
        for name in [name for name in sys.modules if name.partition(".")[0] == "tests"]:
            del sys.modules[name]
        import pytest

        options = [option for plugin in ("cacheprovider", "xdist", "nbmake", "benchmark") for option in ("-p", f"no:{plugin}")]
        code = int(pytest.main(["-x", "-q", "-W", "ignore::pytest.PytestAssertRewriteWarning", *options, f"tests/{test}"]))
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def prepare() -> None:
    """Switch the compiler off, and import what tests import from elsewhere, once for all forks."""
    os.environ["NUMBA_DISABLE_JIT"] = "1"
    assert "simcore" not in sys.modules, "a fork would not import the copy's"
    for name in ("numba", "pandas", "pyarrow.parquet", "pyarrow.compute", "hypothesis", "pydantic", "jinja2", "yaml", "click", "pytest"):
        importlib.import_module(name)
