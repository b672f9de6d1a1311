"""The command: quick to start, strict about what it is told, quiet on stdout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import cli
from simcore.commands import errors, options, tapes
from simcore.errors import CODES, EngineError

ROOT = Path(__file__).parent.parent
SAMPLE = next(iter(sorted((ROOT / "datasets").glob("*-l2.parquet"))))


def mmsim(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "cli.py"), *arguments], capture_output=True, text=True, check=False, cwd=ROOT, **options
    )  # type: ignore[call-overload, no-any-return]


def leaves(group: click.Group, prefix: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    """Return every command with its words."""
    found: list[tuple[tuple[str, ...], click.Command]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        found += leaves(command, (*prefix, name)) if isinstance(command, click.Group) else [((*prefix, name), command)]
    return found


COMMANDS = leaves(cli.mmsim)
GROUPS = sorted({words[0] for words, _ in COMMANDS if len(words) > 1})


def test_the_commands_are_those_of_the_docs() -> None:
    """docs/cli.md has a section for each command, and none for another."""
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    documented = [tuple(words.split()) for words in re.findall(rf"^## `mmsim ((?:{'|'.join(GROUPS)}) \w+|\w+)", text, re.MULTILINE)]
    assert sorted(documented) == sorted(words for words, _ in COMMANDS)


@pytest.mark.parametrize("words", [words for words, _ in COMMANDS], ids=" ".join)
def test_every_option_is_documented(words: tuple[str, ...]) -> None:
    """Help and docs/cli.md name every option."""
    command = dict(COMMANDS)[words]
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    section = text.split(f"## `mmsim {' '.join(words)}", 1)[1].split("\n## ", 1)[0]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name
            assert all(f"`{name}" in section for name in parameter.opts if name.startswith("--")), parameter.opts


@pytest.mark.parametrize("words", [(), *[(name,) for name in GROUPS], *[words for words, _ in COMMANDS]], ids=" ".join)
def test_help_works(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """--help of every command prints its usage and exits with 0."""
    assert cli.run_command([*words, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: mmsim {' '.join(words)}".rstrip())


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_lines_of_help_are_those_of_the_commands(name: str) -> None:
    """What `mmsim --help` shows without importing a command is the first line of the command's own help."""
    command = cli.mmsim.get_command(click.Context(cli.mmsim), name)
    assert command is not None
    assert (command.name, (command.help or "").partition("\n")[0]) == (name, cli.COMMANDS[name][1])


def test_help_imports_nothing_heavy() -> None:
    """No numerical library is loaded to print the help."""
    code = "import sys, cli; cli.run_command(['--help']); print(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    heavy = {"numba", "numpy", "pandas", "pyarrow", "matplotlib", "pydantic", "rich", "jinja2", "yaml", "simcore.jit"}
    loaded = set(done.stderr.split())
    assert heavy & loaded == set()
    assert {name for name in loaded if name.startswith("simcore.commands.")} == {"simcore.commands.lazy", "simcore.commands.output"}


def test_help_is_quick() -> None:
    """`mmsim --help` takes less than 0.3 s of CPU once the files are in memory (best of five)."""
    seconds = []
    for _ in range(5):
        before = os.times()
        assert mmsim("--help").returncode == 0
        now = os.times()
        seconds.append(now.children_user + now.children_system - before.children_user - before.children_system)
    assert min(seconds) < 0.3


def loaded_by(tmp_path: Path, *arguments: str) -> set[str]:
    """Return the modules that a command has loaded when it is done."""
    code = "import sys, cli; code = cli.run_command(sys.argv[1:]); print(*sorted(sys.modules), file=sys.stderr); sys.exit(code)"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return {name for name in done.stderr.split() if name}


def test_a_replay_loads_what_it_needs(tmp_path: Path) -> None:
    """pandas never; matplotlib only to draw, and then not its parts that no picture needs; the report again without the compiler's code."""
    out = str(tmp_path / "run")
    hour = ("--to", "2024-01-01T00:01:00Z")
    plain = loaded_by(tmp_path, "replay", str(SAMPLE), *hour, "--out", out, "--no-pictures", "--json")
    never = {"pandas", "pyarrow.dataset", "pyarrow.csv", "pyarrow.compute", "matplotlib.pyplot", "scipy", "mpl_toolkits.mplot3d"}
    assert plain & {*never, "matplotlib", "PIL", "rich", "unittest"} == set()
    assert not (tmp_path / "run" / "plots").exists()
    drawn = loaded_by(tmp_path, "report", out, "--json")
    assert "matplotlib" in drawn
    assert drawn & never == set()
    assert len(list((tmp_path / "run" / "plots").glob("*.png"))) == 6
    assert "matplotlib" not in loaded_by(tmp_path, "report", out, "--no-pictures", "--json")
    assert not (tmp_path / "run" / "plots").exists()


def test_lean_imports_leave_nothing_hidden() -> None:
    """What was kept from loading can be imported afterwards, and matplotlib's help for setters is written again."""
    code = (
        "from simcore.commands.lean import import_matplotlib, import_numba; import_numba(); import_matplotlib();"
        "import sys, matplotlib.artist as artist; print(all(sys.modules.values()), len(artist.kwdoc(artist.Artist)) > 100);"
        "import mpl_toolkits.mplot3d, matplotlib.pyplot"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stdout.split()) == (0, ["True", "True"]), done.stderr


def test_formats_are_those_of_the_converters() -> None:
    """The help names what there is."""
    from simcore.tape.convert.base import FORMATS

    assert tuple(sorted(FORMATS)) == tapes.FORMATS


def test_the_version_is_one() -> None:
    """The package, the module and the command agree."""
    from simcore.version import VERSION

    assert mmsim("--version").stdout.strip() == f"mmsim, version {VERSION}"


def test_user_errors_give_code_cause_and_remedy() -> None:
    """Exit code 2, nothing on stdout, two lines on stderr."""
    done = mmsim("replay", str(SAMPLE), "--set", "venue.queue_modle=power")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error CONF-002: unknown config key: venue.queue_modle; did you mean venue.queue_model?",
        f"remedy: {CODES['CONF-002'][1]}",
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["replay", str(SAMPLE), "--latency", "fast"], "CONF-003"),
        (["replay", str(SAMPLE), "--seed", "-1"], "CONF-003"),
        (["replay", str(SAMPLE), "--from", "yesterday"], "CONF-003"),
        (["replay", str(SAMPLE), "--config", "none.yaml"], "CONF-001"),
        (["replay", str(SAMPLE), "--set", "x"], "CONF-005"),
        (["replay", str(SAMPLE), "--queue-model", "fiffo"], "CONF-003"),
    ],
)
def test_bad_options_have_codes(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What configuration refuses, the command refuses."""
    assert cli.run_command(arguments) == 2
    assert capsys.readouterr().err.startswith(f"error {code}: ")


@pytest.mark.parametrize(
    "arguments", [["replay"], ["replay", str(SAMPLE), "--resume"], ["nonsense"], ["errors", "XX-1"], ["tape", "head", "x", "-n", "0"]]
)
def test_usage_errors_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What click refuses has the same exit code."""
    assert cli.run_command(arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Error" in shown.err


def test_interrupts_exit_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C is no error of the user, and shows no traceback."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(errors, "print_figures", interrupt)
    assert cli.run_command(["errors", "--json"]) == 130
    assert capsys.readouterr().err.strip().endswith("interrupted")


def test_bugs_show_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not a user error is not dressed up as one."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(errors, "print_figures", fail)
    with pytest.raises(ZeroDivisionError):
        cli.run_command(["errors", "--json"])


def test_errors_of_the_engine_exit_with_2(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Any MmsimError is printed as its code, cause and remedy."""

    def fail(*_: object) -> None:
        raise EngineError("ENG-003", "at 12:00, lane 0")

    monkeypatch.setattr(errors, "print_figures", fail)
    assert cli.run_command(["errors", "--json"]) == 2
    assert capsys.readouterr().err == f"error ENG-003: {CODES['ENG-003'][0]}: at 12:00, lane 0\nremedy: {CODES['ENG-003'][1]}\n"


def test_errors_lists_every_code(capsys: pytest.CaptureFixture[str]) -> None:
    """The list is complete, as text and as one JSON object."""
    assert cli.run_command(["errors"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line[:1].isalpha()]
    assert listed == list(CODES)
    assert cli.run_command(["errors", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == list(CODES)


def test_json_is_one_object_on_stdout(tmp_path: Path) -> None:
    """stdout holds one JSON object and nothing else."""
    done = mmsim("tape", "synth", "--out", str(tmp_path), "--duration", "60", "--json", timeout=300)
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert [Path(tape["path"]).is_file() for tape in made["tapes"]] == [True]


def test_a_reader_that_goes_away_is_no_error() -> None:
    """`mmsim errors | head -1` ends quietly, as other commands do."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-u", str(ROOT / "cli.py"), "errors"], stdout=closed, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_checked_is_set_before_the_compiler_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The configuration and the option both switch on bounds checks."""
    for choices in ({"checked": True}, {"sets": ["run.checked=true"]}):
        monkeypatch.setenv("MMSIM_CHECKED", "0")
        assert options.chosen_config(**choices).run.checked
        assert os.environ["MMSIM_CHECKED"] == "1"


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_hide_what_would_go_there_and_nothing_else(closed: str, tmp_path: Path) -> None:
    """No file gets their numbers, and the exit code stands."""
    script = f'"{sys.executable}" "{ROOT / "cli.py"}" errors CAL-001 {closed}; echo $? > "{tmp_path / "code"}"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (tmp_path / "code").read_text() == "0\n"
    assert done.stderr == ""
    assert done.stdout.startswith("CAL-001") == (" >&-" not in f" {closed}")
