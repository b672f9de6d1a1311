"""What is said of a run of several symbols: totals, a row a symbol, pages, the command, Python."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import simcore
from simcore.portfolio import run as portfolio
from simcore.portfolio.folder import parts
from simcore.report import build_report
from simcore.report.portfolio import HEADLINE, gross_values, open_portfolio, summarise_portfolio, total_equity
from simcore.report.result import RunResult
from tests.blackbox.command import mmsim_here
from tests.portfolio.conftest import START_NS, write_tape
from tests.portfolio.runs import BARRIERS, BUSY, busy


@pytest.fixture(scope="module")
def run_dir(tapes: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two symbols in Q, with an allocator and a limit, and of one in EUR by itself would be refused: so two."""
    return portfolio.replay(tapes[:2], busy(*BARRIERS), tmp_path_factory.mktemp("reported") / "run", jobs=1)


def test_totals_are_sums_of_the_symbols(run_dir: Path) -> None:
    figures = summarise_portfolio(open_portfolio(run_dir))
    own = [RunResult(part.folder).summary for part in parts(run_dir)]
    for key in ("rows", "orders", "fills", "maker_fills", "taker_fills"):
        assert figures[key] == sum(one[key] for one in own)
    (total,) = figures["by_currency"]
    assert (total["currency"], total["symbols"]) == ("Q", 2)
    for key in ("pnl", "fees", "turnover"):
        assert math.isclose(total[key], sum(one[key] for one in own), rel_tol=1e-12)
    assert math.isclose(total["net_bps"], 1e4 * total["pnl"] / total["turnover"], rel_tol=1e-12)
    assert [row["digest"] for row in figures["by_symbol"]] == [one["digest"] for one in own]
    assert figures["gross_value_limit"] == 200.0


def test_totals_over_time_are_those_of_a_plain_loop(run_dir: Path) -> None:
    """Equity and gross exposure at every time that any symbol sampled: each symbol's last value."""
    opened = open_portfolio(run_dir)
    times, equity = total_equity(opened, "Q")
    gross_times, gross = gross_values(opened)["Q"]
    assert np.array_equal(times, gross_times)
    assert set(times.tolist()) == {int(ts) for run in opened.runs for ts in run.samples["ts"]}
    for i in range(0, len(times), 7):
        money, value = 0.0, 0.0
        for run in opened.runs:
            seen = [row for row in run.samples if row["ts"] <= times[i]]
            if seen:
                last = seen[-1]
                money += int(last["equity_units"]) * float(run.money.unit)
                value += abs(int(last["position_lots"])) * 0.001 * (int(last["bid_ticks"]) + int(last["ask_ticks"])) / 2 * 0.1
        assert math.isclose(equity[i], money, rel_tol=1e-9, abs_tol=1e-9)
        assert math.isclose(gross[i], value, rel_tol=1e-9, abs_tol=1e-9)


def test_money_of_two_currencies_is_not_added(tapes: list[Path], tmp_path: Path) -> None:
    other = write_tape(tmp_path / "other.parquet", "DDD", 9, START_NS, 600, quote="EUR")
    figures = summarise_portfolio(open_portfolio(portfolio.replay([tapes[2], other], busy(), tmp_path / "run", jobs=1)))
    assert [(row["currency"], row["symbols"]) for row in figures["by_currency"]] == [("EUR", 1), ("Q", 1)]
    assert sorted(figures["gross_value_max"]) == ["EUR", "Q"]


def test_the_pages_hold_the_symbols_and_are_the_same_each_time(run_dir: Path) -> None:
    files = build_report(run_dir)
    before = {path: path.read_bytes() for path in (files.html, files.markdown, files.summary, *files.plots.values())}
    again = build_report(run_dir)
    assert before == {path: path.read_bytes() for path in before}
    assert set(again.plots) == {"equity", "exposure", "weights"}
    page, text = files.html.read_text(), files.markdown.read_text()
    for part in parts(run_dir):
        assert part.name in text
        assert f'href="{part.folder.name}/report.html"' in page
        assert (part.folder / "report.html").is_file()
        assert not (part.folder / "plots").exists()
    assert "Allocation" in page
    assert json.loads(files.summary.read_text())["run_dir"] == "."


def test_pictures_of_each_symbol_are_drawn_when_asked(run_dir: Path) -> None:
    """By themselves only the common ones; --no-pictures leaves none, and the pages are whole in each case."""
    for pictures, common, own in ((True, 3, 6), (None, 3, 0), (False, 0, 0)):
        files = build_report(run_dir, pictures)
        assert len(files.plots) == files.html.read_text().count("<img") == files.markdown.read_text().count("![") == common
        for folder, count in ((run_dir, common), *((part.folder, own) for part in parts(run_dir))):
            assert len(list(folder.glob("plots/*.png"))) == count
        for part in parts(run_dir):
            assert (part.folder / "report.html").read_text().count("<img") == own
    build_report(run_dir)


def test_the_command_prints_tables_or_one_object(tapes: list[Path], tmp_path: Path) -> None:
    sets = [word for one in BUSY for word in ("--set", one)]
    done = mmsim_here("replay", *tapes[1:], *sets, "--jobs", "1", "--out", tmp_path / "run", "--json")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert list(figures) == list(HEADLINE)
    assert [row["symbol"] for row in figures["by_symbol"]] == ["BBB", "CCC"]
    shown = mmsim_here("report", tmp_path / "run")
    assert shown.returncode == 0
    assert "BBB" in shown.stdout
    verified = mmsim_here("verify", tmp_path / "run", "--jobs", "1", "--json")
    assert json.loads(verified.stdout)["ok"]
    refused = mmsim_here("replay", *tapes[1:], "--out", tmp_path / "run")
    assert refused.returncode == 2
    assert refused.stderr.startswith("error JRNL-002")


def test_python_gives_a_result_for_all_and_for_each(tapes: list[Path], tmp_path: Path) -> None:
    """Several instruments: a PortfolioResult; one: a RunResult, as ever."""
    found = simcore.replay(tapes[:2], busy(*BARRIERS), tmp_path / "run", jobs=1)
    assert isinstance(found, simcore.PortfolioResult)
    assert list(found.symbols) == ["AAA", "BBB"]
    assert len(found.symbols["AAA"].fills) == found.summary["by_symbol"][0]["fills"]
    frame = found.allocation
    assert isinstance(frame, pd.DataFrame)
    assert set(frame["symbol"]) == {"AAA", "BBB"}
    assert frame["ts"].is_monotonic_increasing
    assert found.plot("weights").axes
    assert simcore.verify(found).ok
    assert isinstance(simcore.replay(tapes[0], busy(), tmp_path / "one"), simcore.RunResult)
