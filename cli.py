"""The `mmsim` command: its sub-commands (simcore/commands/), exit codes and signals.

Exit codes: 0 done; 1 a verification or validation failed; 2 a user error, as `error CODE: …` and `remedy: …` on
stderr, also where a resource ran out (memory, files, depth); 130 Ctrl-C or SIGTERM; 141 a closed pipe. A bug shows its
traceback. Results go to stdout, everything else to stderr.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import NoReturn, TextIO

import click

from simcore.commands.lazy import LazyGroup
from simcore.commands.output import print_refusal
from simcore.door.resources import refused
from simcore.errors import MmsimError, OutputError
from simcore.interrupts import Watch
from simcore.system import require_posix
from simcore.version import VERSION

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)

# name: (where it is, the first line of its help). Nothing is imported before it is called.
COMMANDS = {
    "tape": ("simcore.commands.tapes:tape", "Make, check and read tapes (recorded market rows)."),
    "demo": ("simcore.commands.demo:demo", "Replay a sample tape that comes with mmsim: a first run, anywhere."),
    "replay": ("simcore.commands.runs:replay", "Replay tapes and write a run folder."),
    "verify": ("simcore.commands.runs:verify", "Replay a run again and compare digests."),
    "report": ("simcore.commands.runs:report", "Build the report of a run again."),
    "explain": ("simcore.commands.explain:explain", "Say why a tick quoted as it did, what became of an order, or when and why nothing was quoted."),
    "feeds": ("simcore.commands.feeds:feeds", "Write a run's fills and traced ticks as daily files for calibration."),
    "metrics": ("simcore.commands.metrics:metrics", "Print a run's metrics as Prometheus text."),
    "sweep": ("simcore.commands.sweep:sweep", "Play a configuration at several latencies or fees at once."),
    "calibrate": ("simcore.commands.calibrate:calibrate", "Search for the best parameters over days; fit models to data."),
    "dataset": ("simcore.commands.dataset:dataset", "Make data sets of calibration feeds."),
    "fidelity": ("simcore.commands.fidelity:fidelity", "Hold queue models against the single orders of an L3 tape."),
    "gate": ("simcore.commands.gates:gate", "Hold a run's timings or edge against a baseline."),
    "ab": ("simcore.commands.ab:ab", "Test configuration B against A on recorded days."),
    "bench": ("simcore.commands.runs:bench", "Measure decode, book, replay and end-to-end speed."),
    "warmup": ("simcore.commands.runs:warmup", "Compile a strategy's engine ahead of its first run."),
    "config": ("simcore.commands.config:config", "Show, check and migrate configurations."),
    "strategy": ("simcore.commands.strategy:strategy", "List and show strategies, and begin a new one."),
    "venue": ("simcore.commands.venue:venue", "List and show the profiles of exchanges."),
    "published": ("simcore.commands.published:published", "Derive published results again and compare."),
    "errors": ("simcore.commands.errors:errors", "List the error codes, or explain one."),
}


@click.group(
    cls=LazyGroup, homes=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}
)
@click.version_option(VERSION, prog_name="mmsim")
def mmsim() -> None:
    """Replay recorded markets against a simulated exchange, with a market maker in them."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit with its code. SIGTERM ends it as Ctrl-C does: what is half-written is removed."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal's encoding lacks is spelt out
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    results = _keep_stdout()
    watch = Watch()
    code = run_command(arguments)
    watch.end()
    sys.stdout = sys.stderr  # what a strategy prints at the end
    _leave(code, results)


def _keep_stdout() -> TextIO:
    """Keep stdout for results: its descriptor becomes stderr's, for processes and libraries that a strategy calls."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:  # a stream that is closed: no other file may get its number
        pass
    os.close(opened)
    kept = os.dup(1)
    os.dup2(2, 1)
    shown = sys.stdout or sys.stderr  # one that is closed is None
    encoding, errors = (None, None) if shown is None else (shown.encoding, shown.errors)
    results = io.TextIOWrapper(os.fdopen(kept, "wb"), encoding=encoding, errors=errors, line_buffering=os.isatty(kept))
    sys.stdout = results
    return results


def _leave(code: int, results: TextIO) -> NoReturn:
    """End the process without taking the interpreter apart, which takes a quarter of a second after a replay."""
    atexit._run_exitfuncs()
    for stream in filter(None, (results, sys.stderr)):  # one that is closed is None
        with contextlib.suppress(OSError):  # what could not be written has had its message
            stream.flush()
    os._exit(code)


def run_command(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code. Errors that are not the user's pass through."""
    try:
        require_posix()
        with refused():
            return _main(arguments)
    except MmsimError as exc:
        return _refuse(exc)
    except click.ClickException as exc:
        exc.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except SystemExit:
        return 141  # click's answer to a reader (`| head`) that has gone; as a shell reports SIGPIPE


def _main(arguments: Sequence[str] | None) -> int:
    """Run the command; click gives the code of an Exit back, a command itself returns nothing."""
    try:
        return mmsim.main(args=arguments, prog_name="mmsim", standalone_mode=False) or 0
    except OSError as exc:
        if exc.filename is not None or exc.errno not in _NO_ROOM:
            raise
        raise OutputError("OUT-001", f"stdout: {exc.strerror}") from exc


def _refuse(error: MmsimError) -> int:
    """Print a user error; return the exit code."""
    print_refusal(error)
    return 2


if __name__ == "__main__":
    main()
