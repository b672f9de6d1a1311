"""`mmsim strategy`: what there is, what it holds, and a new one that runs at once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from simcore.config.load import load_config
from simcore.strategy_files import create, describe, titles
from tests.blackbox.command import assert_refused, mmsim, mmsim_here, names_under

SHIPPED = ["adaptive", "avellaneda_stoikov", "demo_maker", "glft", "grid", "imbalance"]


def test_list_names_what_is_shipped_with_a_line_each() -> None:
    listed = json.loads(mmsim_here("strategy", "list", "--json").stdout)
    assert set(SHIPPED) <= set(listed)
    assert listed == titles()
    assert all(line.endswith(".") and len(line) > 30 for line in listed.values())
    assert "demo_maker" in mmsim_here("strategy", "list").stdout


@pytest.mark.parametrize("name", SHIPPED)
def test_show_has_every_parameter_under_a_key_that_the_configuration_takes(name: str) -> None:
    shown = json.loads(mmsim_here("strategy", "show", name, "--json").stdout)
    assert shown["form"] == "stages"
    keys = [each for stage in shown["stages"] for each in stage["parameters"]]
    assert len(keys) >= 7
    text = mmsim_here("strategy", "show", name).stdout
    for each in keys:
        load_config(None, [f"strategy.name={name}", f"{each['key']}={each['default']}"])
        assert each["key"] in text
    assert [stage["name"] for stage in shown["stages"]] == re.findall(r"^\d+\. (\w+): ", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["avellaneda_stoikov", "glft", "grid", "imbalance", "demo_maker"])
def test_each_of_their_parameters_is_explained(name: str) -> None:
    for stage in describe(name).stages:
        for each in stage.parameters:
            assert each.docs, each.key


def test_rows_that_explain_several_parameters_are_taken_apart(tmp_path: Path) -> None:
    """Rows with commas, stars, later lines and second halves; sentences for what has no row."""
    (tmp_path / "mine.py").write_text(
        "from typing import NamedTuple\nfrom simcore.jit import kernel\nfrom simcore.kernels.context import QuoteContext\n\n\n"
        'class P(NamedTuple):\n    """All in bps. The last one is special; loose: a word on it.\n\n    first, second    a row of two\n'
        '        and its second line; third_ms: another.\n    far_*    all that are far.\n    """\n\n    enabled: float = 1.0\n'
        "    first: float = 1.0\n    second: float = 2.0\n    third_ms: float = 3.0\n    far_bid: float = 4.0\n    loose: float = 5.0\n"
        "    silent: float = 6.0\n\n\n@kernel\ndef quote(context: QuoteContext, params: P) -> QuoteContext:\n"
        '    """Decide nothing."""\n    return context\n\n\nSTAGES = {"quote": quote}\n'
    )
    stage = describe(str(tmp_path / "mine.py")).stages[0]
    assert stage.parameters_docs == "All in bps. The last one is special; loose: a word on it."
    assert [(each.key.rpartition(".")[2], each.default, each.docs) for each in stage.parameters] == [
        ("enabled", 1.0, "0 leaves the stage out"), ("first", 1.0, "a row of two and its second line"),
        ("second", 2.0, "a row of two and its second line"), ("third_ms", 3.0, "another."), ("far_bid", 4.0, "all that are far."),
        ("loose", 5.0, "a word on it"), ("silent", 6.0, ""),
    ]  # fmt: skip


def test_show_refuses_what_is_no_strategy(tmp_path: Path) -> None:
    assert_refused(mmsim_here("strategy", "show", "no_such"), "STRAT-001", "adaptive, avellaneda_stoikov")
    (tmp_path / "mine.py").write_text("x = 1\n")
    assert_refused(mmsim_here("strategy", "show", tmp_path / "mine.py"), "STRAT-002", "STAGES")


@pytest.mark.parametrize("form", [[], ["--python"]])
def test_a_new_strategy_runs_at_once(form: list[str], tape: Path, tmp_path: Path) -> None:
    """As it was written, and by the command that is printed; it is not overwritten."""
    done = mmsim_here("strategy", "new", "my_maker", "--out", tmp_path / "mine", *form)
    path = tmp_path / "mine" / "my_maker.py"
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == str(path)
    assert done.stdout.splitlines()[1].endswith(f"--strategy {path}")
    ran = mmsim("replay", tape, "--strategy", path, "--out", tmp_path / "run", "--json", NUMBA_DISABLE_JIT="1")
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["orders"] > 0
    shown = json.loads(mmsim_here("strategy", "show", path, "--json").stdout)
    assert shown["form"] == ("class" if form else "stages")
    assert all(each["docs"] for each in shown["parameters"])
    text = path.read_text()
    assert_refused(mmsim_here("strategy", "new", "my_maker", "--out", tmp_path / "mine", *form), "STRAT-005", str(path))
    assert path.read_text() == text
    assert names_under(tmp_path / "mine") == ["my_maker.py"]


@pytest.mark.parametrize("name", ["Mine", "my-maker", "1st", "../mine", "mine.py", "", "class", "é"])
def test_a_name_that_is_none_is_refused(name: str, tmp_path: Path) -> None:
    assert_refused(mmsim_here("strategy", "new", "--out", tmp_path, "--", name), "STRAT-006")
    assert names_under(tmp_path) == []


def test_a_folder_that_may_not_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(mmsim_here("strategy", "new", "mine", "--out", tmp_path / "file"), "STRAT-005", "mine.py")


def test_a_new_file_is_whole_for_whoever_reads_it(tmp_path: Path) -> None:
    """Nothing of the template is left over."""
    for name, is_python in (("one", False), ("two", True)):
        text = create(name, tmp_path, is_python).read_text()
        assert "STRATEGY_NAME" not in text
        assert text.startswith(f'"""{name}: ')
    assert names_under(tmp_path) == ["one.py", "two.py"]
