"""Ctrl-C and SIGTERM: the command ends at the next step of Python; if there is none, it ends all the same.

Python runs a handler between two of its own steps. Machine code that loops has none, and a class may catch whatever a handler
raises. So a thread watches, too: it hears of a signal over the descriptor that the interpreter's C code writes to.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from types import FrameType

from simcore import files
from simcore.errors import CODES

EXIT_CODE = 130
ANSWER_S = 5.0  # from the signal until Python must have taken a step
LEAVE_S = 15.0  # until all must be tidied up
AGAIN_S = 0.5  # a second signal sooner than this is the first once more: `timeout` sends it to the process and to its group
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STDERR = 2
_TITLE, _REMEDY = CODES["ENG-010"]
_SHOW_CURSOR = b"\x1b[?25h"  # a progress bar hides it


class Interrupted(KeyboardInterrupt):
    """Somebody asked the command to end."""


def is_asked(exc: BaseException | None) -> bool:
    """Return whether an exception is Ctrl-C or SIGTERM, and not one that a user's code raised itself.

    Where a program of the user's calls mmsim, and Python's own handler is in place, its KeyboardInterrupt passes for Ctrl-C.
    """
    is_pythons = type(exc) is KeyboardInterrupt and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return is_pythons or isinstance(exc, Interrupted)


class Watch:
    """Handlers of both signals, and the thread that ends the process where they cannot."""

    def __init__(self) -> None:
        self._is_heard = self._is_over = False
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        for number in _SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:  # a shell's script keeps Ctrl-C from what it runs in the background
                signal.signal(number, self._hear)
        threading.Thread(target=self._watch, args=(reading,), daemon=True).start()

    def end(self) -> None:
        """Ignore both signals from now on: all is done, and the exit code stands."""
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        self._is_over = True

    def _hear(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  Python's interface
        """Interrupt the main thread, once: a second signal must not interrupt the tidying up."""
        if not self._is_heard:
            self._is_heard = True
            raise Interrupted

    def _watch(self, descriptor: int) -> None:
        while not (name := _next(descriptor, None)):
            pass
        begun = time.monotonic()
        while not self._is_over:
            limit_s = LEAVE_S if self._is_heard else ANSWER_S
            left_s = begun + limit_s - time.monotonic()
            if left_s <= 0:
                self._leave(f"error ENG-010: {_TITLE}: {name}, and no end within {limit_s:.0f} s\nremedy: {_REMEDY}")
            elif _next(descriptor, left_s) and time.monotonic() - begun >= AGAIN_S:
                self._leave("interrupted")

    def _leave(self, text: str) -> None:
        """End the process from this thread, whatever the others do. Every file is there whole or not at all."""
        if self._is_over:
            return
        files.remove_unfinished()
        with contextlib.suppress(OSError):
            os.write(_STDERR, (_SHOW_CURSOR if os.isatty(_STDERR) else b"") + f"{text}\n".encode())
        os._exit(EXIT_CODE)


def _next(descriptor: int, timeout_s: float | None) -> str:
    """Wait for a signal to end; return its name, "" if none comes in time."""
    if not select.select([descriptor], [], [], timeout_s)[0]:
        return ""
    number = os.read(descriptor, 1)[0]
    return signal.Signals(number).name if number in _SIGNALS else ""
