"""Odd paths in every argument and option that takes one: a code, never a traceback, and nobody waits."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import cli
from simcore import preset_spec, synth
from simcore.door.files import expanded, read_bytes
from simcore.errors import ConfigError
from simcore.files import write_text
from tests.blackbox.command import SAMPLE, assert_refused, mmsim, mmsim_here
from tests.door.command_paths import path_arguments

SECONDS_MAX = 20.0


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of half a minute."""
    return synth(preset_spec(duration_s=30, warmup_s=1), tmp_path_factory.mktemp("tape"))[0].path


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[dict[str, Path]]:
    """Paths of every odd kind by name."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    yield {
        "pipe": tmp_path / "pipe", "device": Path("/dev/zero"), "terminal": Path("/dev/tty"), "loop": tmp_path / "loop", "dangling": tmp_path / "dangling",
        "folder": tmp_path / "folder", "below a file": tmp_path / "file" / "x", "long name": tmp_path / ("x" * 300), "long path": tmp_path / ("x/" * 3000),
        "socket": tmp_path / "s", "steering": tmp_path / "a\x1b[2Jb", "half a character": tmp_path / os.fsdecode(b"a\xff"), "root": Path("/"), "nothing": Path(),
    }  # fmt: skip
    listener.close()


@pytest.mark.parametrize("words", [words for words, _ in path_arguments(cli.mmsim)], ids=" ".join)
def test_odd_paths_end_in_a_code(words: tuple[str, ...], odd: dict[str, Path], tape: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path / "folder")
    places = dict(path_arguments(cli.mmsim))[words]
    for name, line in [(name, made) for name, path in odd.items() for made in places(path, tape)]:
        begun = time.monotonic()
        done = mmsim_here(*words, *line)
        assert done.returncode in (0, 1, 2), (words, name)
        assert done.returncode != 2 or done.stderr.startswith(("error ", "Usage:", "compiling")), (words, name, done.stderr)
        assert not set(done.stdout + done.stderr) & {"\x1b", "\udcff"}, (words, name)
        assert time.monotonic() - begun < SECONDS_MAX, (words, name)


def test_a_folder_without_search_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may run as a user whom nothing is forbidden: so the system's answer is given here."""

    def forbidden(self: Path, **_: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", forbidden)
    monkeypatch.setattr(Path, "read_text", forbidden)
    for arguments in (("tape", "info", tmp_path / "x"), ("replay", tmp_path / "x"), ("config", "check", tmp_path / "x"), ("report", tmp_path / "x")):
        done = mmsim_here(*arguments)
        assert_refused(done, ("OUT-002", "TAPE-001", "CONF-001", "JRNL-001"), "Permission denied")


@pytest.mark.parametrize(
    ("text", "cause"), [("~nobody-of-this-name/x.py", "home directory"), ("a\0b", "NUL"), ("\ud800", "surrogates not allowed")]
)
def test_texts_that_are_no_paths_are_refused(text: str, cause: str) -> None:
    with pytest.raises(ConfigError, match=cause) as caught:
        expanded(text)
    assert caught.value.code == "CONF-015"


def test_a_pipe_is_refused_at_once_and_a_large_file_is_not_read_whole(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="a pipe; expected a file"):
        read_bytes(tmp_path / "pipe", ConfigError, "CONF-001")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match="more than 1000 bytes"):
        read_bytes(tmp_path / "large", ConfigError, "CONF-001", 1000)


def test_nothing_is_written_over_a_device(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no ordinary file"):
        write_text(tmp_path / "pipe", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]
    assert (tmp_path / "pipe").is_fifo()


def test_no_home_folder_is_no_reason_to_fail(tmp_path: Path) -> None:
    """Neither HOME nor an entry in the list of users: commands that need no cache work, the others say what to set."""
    assert mmsim("tape", "info", SAMPLE, HOME="/nonexistent").returncode == 0
    done = mmsim("warmup", "--strategy", "demo_maker", HOME="/proc/nonexistent", MMSIM_CACHE_DIR="", XDG_CACHE_HOME="/proc/nonexistent")
    assert_refused_after(done.stderr, done.returncode)


def assert_refused_after(stderr: str, code: int) -> None:
    """As assert_refused, of a command that says before that it compiles."""
    assert code in (0, 2), stderr
    assert code == 0 or "\nerror ENG-004: " in f"\n{stderr}", stderr
    assert "Traceback" not in stderr


def test_memory_that_runs_out_is_a_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever raises it, below a command."""
    for error, code in ((MemoryError("no"), "OUT-003"), (RecursionError("deep"), "OUT-004"), (UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), "OUT-004"), (OSError(5, "no"), "OUT-001")):

        def fails(self: click.Context, *_: object, error: BaseException = error, **__: object) -> None:
            raise error

        monkeypatch.setattr(click.Context, "invoke", fails)
        assert_refused(mmsim_here("tape", "info", tmp_path), code)
