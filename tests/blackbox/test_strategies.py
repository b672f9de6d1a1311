"""Strategies and queue models that do not import, compile or run: a code, the user's file and line, and no run folder."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from simcore import faults
from simcore.errors import StrategyError
from tests.blackbox.command import assert_refused, mmsim, mmsim_here, names_under

GOOD = """\
from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext


class Width(NamedTuple):
    width: float = 1.0


class Seen(NamedTuple):
    seen: float = 0.0


@kernel
def look(context: QuoteContext, params: Width, memory: Seen) -> tuple[QuoteContext, Seen]:
    seen = memory.seen + 1.0
    return context, Seen(seen)


STAGES = {"look": look}
"""
FAULTY_LINE = GOOD.splitlines().index("    seen = memory.seen + 1.0") + 1


def with_line(text: str) -> str:
    """Return the good strategy with another first line in its kernel."""
    return GOOD.replace("seen = memory.seen + 1.0", text)


UNUSABLE: dict[str, tuple[str | bytes, str]] = {
    "no Python": ("def look(:\n", "SyntaxError"),
    "nothing": ("", "STAGES"),
    "a null byte": ("x = 1\0", "null"),
    "not text": (b"# \xff\xfe", "UTF-8"),
    "a package that is not there": ("import no_such_package\n" + GOOD, "no_such_package"),
    "a module of ours that is not there": ("from simcore.kernels import nothing\n" + GOOD, "nothing"),
    "a name that is not defined": (GOOD + "\nx = undefined\n", "undefined"),
    "a division by zero": (GOOD + "\nx = 1 / 0\n", "ZeroDivisionError"),
    "an error of its own": (GOOD + "\nraise RuntimeError('closed today')\n", "closed today"),
    "a failed assertion": (GOOD + "\nassert Width().width > 2.0\n", "AssertionError"),
    "a file that it opens": (GOOD + "\nopen('/no/such/file')\n", "FileNotFoundError"),
    "a missing key": (GOOD + "\nx = {}['a']\n", "KeyError"),
    "an exit": (GOOD + "\nimport sys\nsys.exit(0)\n", "SystemExit"),
    "an interrupt of its own class": (GOOD + "\nclass Closed(KeyboardInterrupt):\n    pass\nraise Closed('today')\n", "Closed: today"),
    "an exception that is no Exception": (GOOD + "\nclass Closed(BaseException):\n    pass\nraise Closed('today')\n", "Closed: today, line "),
    "an exception without a message": (
        GOOD + "\nclass Closed(BaseException):\n    def __str__(self):\n        raise SystemExit\nraise Closed\n", "Closed: it has no message",
    ),
    "too little memory": (GOOD + "\nraise MemoryError('all of it')\n", "MemoryError: all of it"),
    "nested too deep": ("x = " + "(" * 5000 + ")" * 5000, "mine.py"),
    "an annotation that exits": ("from __future__ import annotations\n" + GOOD.replace("params: Width", "params: exit(3)"), "SystemExit"),
    "used parts that are no names": (GOOD + "\nUSES = 3\n", "TypeError"),
    "stages that are no mapping": (GOOD.replace('{"look": look}', "[look]"), "STAGES"),
    "no stage": (GOOD.replace('{"look": look}', "{}"), "STAGES"),
    "too many stages": (GOOD.replace('{"look": look}', '{f"look{i}": look for i in range(13)}'), "at most 12"),
    "a stage whose name is no word": (GOOD.replace('{"look": look}', '{"look at it": look}'), "look at it"),
    "a stage that is no function": (GOOD.replace('{"look": look}', '{"look": 3}'), "look"),
    "a stage without parameters": (GOOD + "\n@kernel\ndef nothing():\n    return 0\n\nSTAGES = {'nothing': nothing}\n", "nothing"),
    "a stage inside another function": (
        GOOD + "\ndef make():\n    def inner(context):\n        return context\n    return inner\n\nSTAGES = {'inner': make()}\n", "inner",
    ),
    "a kernel of another file": (
        GOOD.replace("class Width", "from tests.support import session_of\n\n\nclass Width", 1).replace(
            "seen = memory.seen + 1.0", "seen = session_of(memory.seen, 1.0)"), "tests.support",
    ),
    "params without annotation": (GOOD.replace("params: Width", "params"), "`params`"),
    "memory without annotation": (GOOD.replace("memory: Seen", "memory"), "`memory`"),
    "params of a name that is not defined": ("from __future__ import annotations\n" + GOOD.replace("params: Width", "params: Wide"), "Wide"),
    "params that are no NamedTuple": (GOOD.replace("class Width(NamedTuple)", "class Width"), "`params`"),
    "a parameter without a default": (GOOD.replace("width: float = 1.0", "width: float"), "Width"),
    "a parameter of text": (GOOD.replace("width: float = 1.0", "width: str = 'wide'"), "Width"),
    "a parameter of None": (GOOD.replace("width: float = 1.0", "width: object = None"), "Width"),
}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the copies of bad strategies out of the user's compile cache."""
    if "MMSIM_CACHE_DIR" not in os.environ:
        monkeypatch.setenv("MMSIM_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_file_is_refused(name: str, tape: Path, tmp_path: Path) -> None:
    """STRAT-002 before anything is compiled or written; the cause names the file and what is wrong."""
    text, word = UNUSABLE[name]
    path = tmp_path / "mine.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = mmsim_here("replay", tape, "--strategy", path, "--out", tmp_path / "out", "--json")
    assert_refused(done, "STRAT-002", str(path), word)
    assert names_under(tmp_path) == ["mine.py"]


@pytest.mark.parametrize("name", ["gone.py", "demo_makr", "", "."])
def test_a_strategy_that_is_not_there(name: str, tape: Path, tmp_path: Path) -> None:
    """STRAT-001 names those that are."""
    done = mmsim_here("replay", tape, "--strategy", name, "--out", tmp_path / "out", "--json")
    assert_refused(done, ("STRAT-001", "CONF-003"), "demo_maker" if name else "")
    assert names_under(tmp_path) == []


def test_a_folder_that_is_named_like_a_strategy(tape: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").mkdir()
    assert_refused(mmsim_here("replay", tape, "--strategy", tmp_path / "mine.py", "--out", tmp_path / "out"), "STRAT-001", "mine.py")


QUEUE = "from simcore.jit import kernel\n\n\n@kernel\ndef join(level_lots, n):\n    return float(level_lots)\n"

LATER = "\n\n@kernel\ndef after_change(ahead, previous, new, traded, n):\n    return ahead\n"


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [(None, "CONF-001", "mine.py"), ("", "STRAT-002", "join"), (QUEUE, "STRAT-002", "after_change"), ("1 +", "STRAT-002", "SyntaxError")],
)
def test_an_unusable_queue_model_is_refused(text: str | None, code: str, word: str, tape: Path, tmp_path: Path) -> None:
    """The same for a file of --queue-model."""
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    done = mmsim_here("replay", tape, "--queue-model", path, "--out", tmp_path / "out", "--json")
    assert_refused(done, code, str(path), word)
    assert not (tmp_path / "out").exists()


FAILING: dict[str, tuple[str, str]] = {
    "a division by zero": ("seen = 1.0 / (params.width - 1.0)", "ZeroDivisionError"),
    "an index outside": ("seen = float((1, 2)[int(params.width) + 5])", "IndexError"),
    "an error of its own": ("raise ValueError('no quotes today')", "no quotes today"),
    "a name that is not defined": ("seen = undefined", "undefined"),
    "a field that is not there": ("seen = context.no_such_field", "no_such_field"),
    "an exit": ("raise SystemExit(0)", "SystemExit: 0"),
    "an interrupt that nobody asked for": ("raise KeyboardInterrupt('no quotes today')", "KeyboardInterrupt: no quotes today"),
    "an exception that is no Exception": ("raise BaseException('no quotes today')", "BaseException: no quotes today"),
    "a file that is not there": ("seen = float(open('/no/such/file').read())", "FileNotFoundError"),
}


@pytest.mark.parametrize("name", FAILING)
def test_a_strategy_that_fails_while_running_is_named(name: str, tape: Path, tmp_path: Path) -> None:
    """As plain Python: STRAT-004 with the line, the time and the lane; the journal up to there is kept, and says so."""
    line, word = FAILING[name]
    path = tmp_path / "mine.py"
    path.write_text(with_line(line))
    done = mmsim("replay", tape, "--strategy", path, "--out", tmp_path / "out", "--json", NUMBA_DISABLE_JIT="1")
    assert_refused(done, "STRAT-004", str(path), word, f"line {FAULTY_LINE}", "2024-01-01T00:00:00", "lane 0")
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "failed"
    assert "journal/requests.parquet" in names_under(tmp_path / "out")
    assert mmsim_here("report", tmp_path / "out").returncode == 0
    assert "failed: STRAT-004" in (tmp_path / "out" / "report.md").read_text()


COMPILED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "a division by zero": (FAILING["a division by zero"][0], "ZeroDivisionError", ()),
    "an index outside": ("places = (1, 2)\n    seen = float(places[int(params.width) + 5])", "IndexError", ("--checked",)),
    "an error of its own": ("seen = params.width\n    if seen > 0.0:\n        raise ValueError('no quotes today')", "no quotes today", ()),
}


CLASS = "class Strategy:\n    def on_tick(self, context):\n        "
CLOSED = "class Closed(BaseException):\n    pass\n\n\n"
ENDED: dict[str, tuple[str, str]] = {
    "an exit": (CLASS + "raise SystemExit(0)", "SystemExit: 0, line 3"),
    "an interrupt that nobody asked for": (CLASS + "raise KeyboardInterrupt", "KeyboardInterrupt, line 3"),
    "an exception that is no Exception": (CLOSED + CLASS + "raise Closed('today')", "Closed: today, line 7"),
    "the end of a generator": (CLASS + "raise GeneratorExit", "GeneratorExit, line 3"),
    "the end of an iterator": (CLASS + "raise StopIteration", "StopIteration, line 3"),
    "too little memory": (CLASS + "return [0] * 2**60", "MemoryError, line 3"),
}


@pytest.mark.parametrize("name", ENDED)
def test_a_class_that_would_end_the_command_is_named(name: str, tape: Path, tmp_path: Path) -> None:
    """STRAT-004 whatever it raises: no traceback, and no silent exit with 0 or 130."""
    text, word = ENDED[name]
    path = tmp_path / "mine.py"
    path.write_text(text)
    done = mmsim("replay", tape, "--strategy", path, "--out", tmp_path / "out", "--json", NUMBA_DISABLE_JIT="1")
    assert_refused(done, "STRAT-004", str(path), "on_tick", word, "2024-01-01T00:00:00", "lane 0")


def test_a_queue_model_that_would_end_the_command_is_named(tape: Path, tmp_path: Path) -> None:
    """The same for a file of --queue-model, at its import and in the run."""
    path = tmp_path / "mine.py"
    path.write_text(QUEUE + "\n\nraise SystemExit(0)\n")
    words = ("replay", tape, "--queue-model", path, "--out", tmp_path / "out", "--json")
    assert_refused(mmsim(*words, NUMBA_DISABLE_JIT="1"), "STRAT-002", str(path), "SystemExit: 0, line 9")
    path.write_text(QUEUE.replace("return float(level_lots)", "raise SystemExit(0)") + LATER)
    assert_refused(mmsim(*words, NUMBA_DISABLE_JIT="1"), "STRAT-004", str(path), "SystemExit: 0, line 6")


def test_prints_do_not_mix_with_results(tape: Path, tmp_path: Path) -> None:
    """Stdout holds one JSON object, whoever prints in whatever way: the file, an instance, a tick, a process, at the exit."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import atexit, os, sys\n"
        "print('said at import')\nos.write(1, b'said below Python\\n')\nos.system('echo said by a process')\n"
        "sys.__stdout__.write('said to the first stdout\\n')\natexit.register(print, 'said at the exit')\n\n\n"
        + CLASS.replace("    def", "    def __init__(self):\n        print('said at the start')\n\n    def", 1) + "print('said at a tick')\n"
    )  # fmt: skip
    done = mmsim("replay", tape, "--strategy", path, "--out", tmp_path / "out", "--json", NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout)["run_dir"] == str(tmp_path / "out")
    for said in ("at import", "below Python", "by a process", "to the first stdout", "at the exit", "at the start", "at a tick"):
        assert f"said {said}\n" in done.stderr, said


def test_prints_of_kernels_do_not_mix_with_results(tape: Path, tmp_path: Path) -> None:
    """The same for stages and a queue model without the compiler; and where a tick is explained."""
    path, queue = tmp_path / "mine.py", tmp_path / "queue.py"
    path.write_text("print('said at import')\n" + with_line("print('said by a stage')\n    seen = memory.seen"))
    queue.write_text("print('said by the queue')\n" + QUEUE + LATER)
    words = ("replay", tape, "--strategy", path, "--queue-model", queue, "--set", "node.trace_every=1", "--out", tmp_path / "out", "--json")
    done = mmsim(*words, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_dir"] == str(tmp_path / "out")
    for said in ("at import", "by a stage", "by the queue"):
        assert f"said {said}\n" in done.stderr, said
    told = mmsim("explain", tmp_path / "out", "--at", "2024-01-01T00:00:01", "--json", NUMBA_DISABLE_JIT="1")
    assert told.returncode == 0, told.stderr
    json.loads(told.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPILED)
def test_a_compiled_strategy_that_fails_is_named(name: str, tape: Path, tmp_path: Path) -> None:
    """The same where the compiler knows no lines; bounds are checked with --checked."""
    text, word, options = COMPILED[name]
    path = tmp_path / "mine.py"
    path.write_text(with_line(text))
    done = mmsim("replay", tape, "--strategy", path, "--out", tmp_path / "out", "--json", *options)
    assert_refused(done, "STRAT-004", str(path), word, "2024-01-01T00:00:00", "lane 0")


@pytest.mark.slow
@pytest.mark.parametrize("line", ["seen = undefined", "seen = context.no_such_field", "seen = 'a' + memory.seen", "return context"])
def test_a_strategy_that_does_not_compile_is_named(line: str, tape: Path, tmp_path: Path) -> None:
    """STRAT-003, or STRAT-009 before compiling, and no run folder: the next run may use it."""
    path = tmp_path / "mine.py"
    path.write_text(with_line(line))
    done = mmsim("replay", tape, "--strategy", path, "--out", tmp_path / "out", "--json")
    code = "STRAT-009" if line.endswith(("undefined", "no_such_field")) else "STRAT-003"
    assert_refused(done, code, f"{path}: line {FAULTY_LINE}" if code == "STRAT-009" else str(path))
    assert names_under(tmp_path) == ["mine.py"]


@pytest.mark.parametrize("line", ["seen = undefined", "seen = context.no_such_field", "seen = 'a' + memory.seen", "raise SystemExit(0)"])
def test_the_cause_of_a_failed_compilation_names_the_line(line: str, tmp_path: Path) -> None:
    """What the compiler says of the kernel alone; the whole engine takes half a minute."""
    from simcore import jit
    from simcore.link import link

    if not jit.JIT:
        pytest.skip("nothing is compiled with the JIT off")
    path = tmp_path / "mine.py"
    path.write_text(with_line(line))
    linked = link(str(path))
    stage = linked.stages[0]
    compile_stage = jit.expose(stage.function)
    session = type("Session", (), {"linked": linked})()
    with pytest.raises(StrategyError, match=rf"STRAT-003.*mine\.py, line {FAULTY_LINE}: "), faults.named(session):
        compile_stage(1.0 if "context" in line else 0, stage.params(), stage.memory())
