"""Faults of a user's parameters, strategy or queue model: each stops the run with a code that says which and when."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore import engine
from simcore.config.load import load_config
from simcore.errors import ConfigError, MmsimError
from simcore.tape.read import Tape

SAMPLE = Path(__file__).parents[1] / "datasets" / "synbtc-perp-20240101-l2.parquet"
END = "run.to=2024-01-01T00:10:00Z"

QUEUE = '''"""A queue model of the user, with a fault a value of n."""

from simcore.jit import kernel


@kernel
def join(level_lots: int, n: float) -> float:
    """Return the lots ahead of an order that joins a level."""
    huge = 1e308 * (10.0 + n)
    if n == 1.0:
        return huge - huge
    if n == 2.0:
        return -1.0
    return huge if n == 3.0 else 0.0


@kernel
def after_change(ahead: float, previous: int, new: int, traded: float, n: float) -> float:
    """Return the lots ahead after the level went from previous to new lots, traded of them by trades."""
    huge = 1e308 * (10.0 + n)
    return huge - huge if n == 4.0 else ahead - 1e30
'''


def play(*sets: str) -> engine.Outcome:
    """Play ten minutes of the sample."""
    return engine.simulate(Tape.open(SAMPLE), [load_config(None, ["strategy.name=demo_maker", END, *sets])])


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("spread.half_spread_bps=1e300", "price"), ("spread.half_spread_bps=-1e300", "price"),
        ("inventory.skew_ticks_per_lot=1e300", "price"), ("inventory.max_position_lots=1e300", "parameter"),
        ("emit.order_lots=-1", "lots"), ("inventory.max_position_lots=-1", "negative"), ("emit.order_lots=1e17", "parameter"),
        ("emit.levels=-3", "levels"), ("emit.levels=1e9", "levels"), ("emit.level_step_ticks=1e17", "parameter"),
    ],
)  # fmt: skip
def test_a_quote_that_no_exchange_could_take_stops_the_run(parameter: str, words: str) -> None:
    """What overflows an integer must not become a price."""
    sets = [f"strategy.params.{parameter}"]
    if parameter.startswith("inventory"):
        sets.append("strategy.params.spread.half_spread_bps=0")  # so that it trades, and has a position to lean on
    with pytest.raises(MmsimError, match=words) as caught:
        play(*sets)
    assert caught.value.code == "STRAT-004"
    assert "2024-01-01T00:" in str(caught.value)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_a_place_in_the_queue_that_is_none_stops_the_run(n: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither NaN nor a negative or endless place may decide fills."""
    model = tmp_path_factory.getbasetemp() / "mine.py"
    model.write_text(QUEUE)
    with pytest.raises(MmsimError, match="lots ahead") as caught:
        play(f"venue.queue_model={model}", f"venue.queue_n={n}", "strategy.params.spread.half_spread_bps=0")
    assert caught.value.code == "STRAT-004"


def test_a_largest_order_of_less_than_a_lot_is_refused() -> None:
    """It would otherwise mean no limit."""
    with pytest.raises(ConfigError, match="less than one lot") as caught:
        play("venue.max_order_qty=0.0004")
    assert caught.value.code == "CONF-003"


def test_a_run_without_orders_says_so(tmp_path: Path) -> None:
    """Half a lot an order is no order."""
    from simcore.report.build import build_report

    config = load_config(None, [END, "strategy.name=demo_maker", "strategy.params.emit.order_lots=0.5"])
    engine.replay(SAMPLE, config, tmp_path / "run")
    build_report(tmp_path / "run")
    assert "No order was placed" in (tmp_path / "run" / "report.md").read_text()


def test_verify_says_when_the_strategy_changed(tmp_path: Path) -> None:
    """A digest differs for a reason, and the commonest one is an edit."""
    mine = tmp_path / "mine.py"
    text = (Path(__file__).parents[1] / "strategies" / "demo_maker.py").read_text()
    mine.write_text(text)
    engine.replay(SAMPLE, load_config(None, [END, f"strategy.name={mine}"]), tmp_path / "run")
    assert engine.verify(tmp_path / "run").ok
    mine.write_text(text.replace('    "inventory": simple.linear_skew,\n', "") + "\n# no skew now\n")
    found = engine.verify(tmp_path / "run")
    assert not found.ok
    assert found.first_difference is not None
    assert "the strategy, the queue model or the engine changed" in found.first_difference
