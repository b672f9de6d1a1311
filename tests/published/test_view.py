"""Tables that agree and tables that do not, how they are shown, and the command around them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import cli
from simcore.published import derive_queues, printed, view
from simcore.published.derive import RESULTS
from simcore.published.result import EXCHANGE, FORMULA, Result, Table, binomial_errors, counts
from simcore.published.size import FAST, FULL

ROOT = Path(__file__).parent.parent.parent


def table(ours, theirs, errors=None, limit=4.0):
    return Table(
        "title", EXCHANGE, "paper", ("a",), ("x", "y"), np.array([ours]), np.array([theirs]),
        None if errors is None else np.array([errors]), limit=limit, digits=2, their_digits=1,
    )  # fmt: skip


def test_errors_are_counted_in_standard_errors_where_there_are_any():
    sampled = table([1.0, 2.0], [1.2, 2.0], [0.1, 0.1])
    assert [cell.error for cell in sampled.cells()] == pytest.approx([-2.0, 0.0])
    assert sampled.worst == pytest.approx(2.0)
    assert sampled.ok
    assert not table([1.0, 2.0], [1.41, 2.0], [0.1, 0.1]).ok
    assert not table([1.0, 2.0], [1.2, 2.0], limit=0.1).ok


def test_nan_of_ours_agrees_with_nothing_and_nan_of_theirs_is_left_out():
    assert not table([1.0, float("nan")], [1.0, 2.0], [0.1, 0.1]).ok
    only = table([1.0, 5.0], [1.0, float("nan")], [0.1, 0.1])
    assert only.ok
    assert len(list(only.cells())) == 1


def test_one_bad_number_fails_the_result_and_is_shown():
    result = Result("name", "a paper", (table([1.0, 2.0], [1.0, 3.0], [0.1, 0.1]), counts("count", "record", {"bad": 0})))
    assert not result.ok
    text = view.result_text(result)
    assert "FAILED" in text
    assert "a, y: 2.00 (3.0, -10.0)  FAILED" in text
    assert "a, x" not in text
    assert "a, x: 1.00 (1.0, +0.0)" in view.result_text(result, every_number=True)
    assert not counts("count", "record", {"bad": 3}, limit=2).ok
    assert counts("count", "record", {"bad": 2}, limit=2).ok


def test_markdown_shows_ours_theirs_and_the_error():
    text = view.table_markdown(table([1.0, -0.001], [float("nan"), 0.0], limit=0.1))
    assert text.splitlines()[2:] == ["| | x | y |", "|---|---|---|", "| a | – | 0.00 (0.0, -0.001) |"]
    assert "largest error 0.001 (limit 0.1)" in text


def test_the_error_of_a_share():
    assert binomial_errors(np.array([0.5, 0.0]), 100) == pytest.approx([0.05, 0.0])


def test_fast_samples_a_tenth():
    assert all(5 * vars(FAST)[name] <= value for name, value in vars(FULL).items())


def test_the_page_has_the_templates_text_and_a_table_for_each_mark():
    """What is not computed; the slow test computes the rest."""
    template = (ROOT / "simcore" / "published" / "page.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
    assert "{{" not in page
    at = 0
    for part in re.split(r"\{\{\S+\}\}", template):
        found = page.find(part, at)
        assert found >= at, part
        at = found + len(part)
    assert "FAILED" not in page


def test_each_table_has_its_place_on_the_page(tmp_path):
    """Formulas of the queue models are quick: their tables are all marked, and no mark is left over."""
    result = derive_queues.queue_models(tmp_path, FAST)
    template = (ROOT / "simcore" / "published" / "page.md").read_text(encoding="utf-8")
    marks = re.findall(r"^\{\{(\S+)/(\d+)\}\}$", template, re.MULTILINE)
    assert {name for name, _ in marks} == set(RESULTS)
    assert [int(i) for name, i in marks if name == result.name] == list(range(1, len(result.tables) + 1))
    assert view.table_markdown(result.tables[0]) in (ROOT / "docs" / "published.md").read_text(encoding="utf-8")


def test_the_command_shows_a_named_result(capsys):
    assert cli.run_command(["published", "queue-models"]) == 0
    shown = capsys.readouterr().out
    assert "power, n 2, ahead after: 39.230769 (39.230769, " in shown
    assert "FAILED" not in shown


def test_the_command_as_json(capsys):
    assert cli.run_command(["published", "queue-models", "--fast", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert told["fast"] is True
    (result,) = told["results"]
    assert result["name"] == "queue-models"
    assert len(result["tables"][0]["cells"]) == 2 * len(printed.QUEUE_VECTORS) - 1


def test_the_command_fails_when_a_number_is_off(monkeypatch, capsys):
    monkeypatch.setitem(printed.QUEUE_VECTORS, ("power", 1.0), (0.4, 42.1))
    assert cli.run_command(["published", "queue-models"]) == 1
    assert "power, n 1, ahead after: 42.000000 (42.100000, -0.1)  FAILED" in capsys.readouterr().out


def test_the_command_refuses_what_it_does_not_know(capsys, tmp_path):
    assert cli.run_command(["published", "black-scholes"]) == 2
    assert "known: avellaneda-stoikov, glft, stoikov-talreja, de-larrard, queue-models" in capsys.readouterr().err
    assert cli.run_command(["published", "queue-models", "--out", str(tmp_path / "page.md")]) == 2
    assert not (tmp_path / "page.md").exists()


def test_the_page_is_written_with_all_results(monkeypatch, tmp_path):
    """With results that say nothing but their name, in place of the long ones."""
    marks = re.findall(r"^\{\{(\S+)/(\d+)\}\}$", (ROOT / "simcore" / "published" / "page.md").read_text(encoding="utf-8"), re.MULTILINE)
    for name in RESULTS:
        small = Table(name, FORMULA, "none", ("r",), ("c",), np.zeros((1, 1)), np.zeros((1, 1)))
        tables = (small,) * sum(mark == name for mark, _ in marks)
        monkeypatch.setitem(RESULTS, name, lambda folder, size, name=name, tables=tables: Result(name, name, tables))
    out = tmp_path / "page.md"
    assert cli.run_command(["published", "--fast", "--out", str(out)]) == 0
    text = out.read_text(encoding="utf-8")
    assert "{{" not in text
    assert text.count("| r | 0.0000 (0.0000, 0) |") == len(marks)
    assert f"{FAST.exchange_paths:,} paths" in text
