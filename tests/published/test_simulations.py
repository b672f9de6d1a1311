"""The simulations of `mmsim published`: small ones against records and loops of their own, all of them when slow."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simcore.jit import JIT
from simcore.published.derive import derive
from simcore.published.view import page
from tests.published.small_runs import small_runs

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def small():
    """Return what tests/published/small_runs.py finds; with the JIT off, so that no engine is compiled."""
    if not JIT:
        return json.loads(json.dumps(small_runs()))
    done = subprocess.run(
        [sys.executable, "-m", "tests.published.small_runs"], cwd=ROOT, env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return json.loads(done.stdout)


def test_our_orders_fill_in_the_episodes_in_which_the_simulated_market_fills_them(small):
    assert small["wrong_fills"] == {"levels": 0, "one": 0, "both": 0, "trades": 0, "balanced": 0}
    assert small["fills"]["levels"] == small["fills"]["balanced"] == 0
    assert 10 < small["fills"]["one"] < 50
    assert 40 < small["fills"]["both"] < 100
    assert 10 < small["fills"]["trades"] < 50


def test_the_book_shows_the_moves_of_the_mid(small):
    assert small["wrong_moves"] == {"levels": 0, "balanced": 0}
    assert small["moves"]["levels"] == small["moves"]["balanced"] == 50  # each episode has one


def test_a_wrong_queue_model_is_noticed(small):
    """Orders that are always at the front fill in other episodes."""
    assert small["wrong_fills_at_the_front"] > 0


def test_episodes_repeat(small):
    assert small["again"]


def test_makers_end_their_paths_as_a_loop_over_the_trades_does(small):
    """Cash and position, exactly."""
    assert small["paths"]["ours"] == small["paths"]["by_hand"]
    assert len({str(each) for each in small["paths"]["ours"]}) == 3


@pytest.mark.slow
def test_all_results_hold_with_fewer_samples():
    results = list(derive(fast=True))
    assert len(results) == 5
    assert [table.title for result in results for table in result.tables if not table.ok] == []


@pytest.mark.slow
def test_the_page_is_what_the_command_writes():
    """`mmsim published --out docs/published.md`."""
    assert page(list(derive()), fast=False) == (ROOT / "docs" / "published.md").read_text(encoding="utf-8")
