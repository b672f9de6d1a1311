"""Faults that users of other engines met with strategies and queue models of their own, and at the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simcore.records import ASK, BID, DEPTH, POST_ONLY, TRADE
from simcore.tape.schema import TapeMeta
from simcore.tape.write import TapeWriter
from tests.property.runs import make_case
from tests.property.strategies import SeedPick
from tests.regression.venue import Venue

STRATEGY = """
from typing import NamedTuple

import numpy as np

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext

TABLE = np.zeros(3, np.int64)


class First(NamedTuple):
    first: float = 0.0


class Seen(NamedTuple):
    ticks: float = 0.0


@kernel
def look(context: QuoteContext, params: First, memory: Seen) -> tuple[QuoteContext, Seen]:
    where = int(memory.ticks)
    return context, Seen(memory.ticks + 1.0 + TABLE[where])


STAGES = {"look": look}
"""
PROGRAM = """
import sys
from simcore import engine
from simcore.config.load import load_config
from simcore.errors import MmsimError
from tests.property.runs import make_case
case = make_case(9, 300, unit_ns=1_000_000)
try:
    engine.simulate(case.tape(), [load_config(None, [f"strategy.name={sys.argv[1]}", "node.tick_interval_ms=3"])])
except MmsimError as exc:
    print(exc)
"""


@pytest.mark.parametrize(
    "environment", [{"NUMBA_DISABLE_JIT": "1"}, pytest.param({"MMSIM_CHECKED": "1"}, marks=pytest.mark.slow)], ids=str
)
def test_hb157_hb206_hb258_a_strategy_out_of_bounds_gives_a_message_and_no_crash(environment: dict[str, str], tmp_path: Path):
    """The fourth tick reads past a table of three: error code, file, time and lane, instead of a dead process."""
    (tmp_path / "beyond.py").write_text(STRATEGY)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "beyond.py")], check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), "MMSIM_CACHE_DIR": str(tmp_path / "cache"), **environment}, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "STRAT-004" in done.stdout, done.stdout
    assert "beyond.py" in done.stdout
    assert "IndexError" in done.stdout
    assert "lane 0" in done.stdout


def test_hb296_a_queue_model_from_python_is_the_built_in_one_of_the_same_formula():
    """The place for a user's model holds the risk-averse formula: it fills as the built-in model does."""
    for seed in range(20):
        pick, venues = SeedPick(seed), [Venue(queue_model=name) for name in ("risk_averse", "custom")]
        for venue in venues:
            venue.row(1, DEPTH, BID, 10_000, 9)
            venue.row(1, DEPTH, ASK, 10_002, 9)
            for order in range(3):
                venue.place(2, order, BID, POST_ONLY, 10_000, 4)
        for at in range(3, 40):
            row = (at, TRADE, ASK, 10_000, pick.whole(1, 4)) if pick.whole(0, 1) else (at, DEPTH, BID, 10_000, pick.whole(0, 20))
            first, second = (venue.row(*row) for venue in venues)
            assert first == second
        assert venues[0].events == venues[1].events
        assert any(event.kind == "TRADED" for event in venues[0].events)


def test_ft12172_bt1265_no_progress_is_drawn_where_nobody_looks(tmp_path: Path):
    """With stderr in a file nothing moves there: no carriage returns, no escape codes; stdout is one object."""
    case = make_case(9, 300, unit_ns=1_000_000)
    with TapeWriter(tmp_path / "tape.parquet", TapeMeta(case.instrument)) as writer:
        writer.append(case.rows)
    words = ["replay", str(tmp_path / "tape.parquet"), "--out", str(tmp_path / "run"), "--json"]
    done = subprocess.run(
        [sys.executable, str(Path.cwd() / "cli.py"), *words], check=False, capture_output=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert not set(done.stderr) & set(b"\r\x1b")
    assert json.loads(done.stdout)["rows"] == 300
