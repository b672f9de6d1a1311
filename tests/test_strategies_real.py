"""The shipped strategies on a real capture, with the parameters of docs/strategies.md for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from simcore import engine
from simcore.config.load import load_config
from tests.property.real import real_case

pytestmark = [pytest.mark.real, pytest.mark.slow]  # each is compiled
PAGE = Path(__file__).parents[1] / "docs" / "strategies.md"


def documented() -> dict[str, list[str]]:
    """Return the settings of the page's table for the capture, by strategy."""
    rows = re.findall(r"^\| `(\w+)` \| [^|]* \| ([^|]*) \|$", PAGE.read_text().split("### Settings that fit")[1].split("\n## ")[0], re.MULTILINE)
    return {name: re.findall(r"`([\w.]+=[\d.]+)`", sets) for name, sets in rows}


@pytest.mark.parametrize("name", ["avellaneda_stoikov", "glft", "grid", "imbalance"])
def test_a_strategy_quotes_and_trades_on_btcusdt_within_its_limit(name: str) -> None:
    sets = [f"strategy.params.quote.{each}" for each in documented()[name]]
    limit = 10 if name == "grid" else 2
    config = load_config(
        None, [f"strategy.name={name}", "node.wait_cancel=true", f"strategy.params.quote.max_position_lots={limit}", *sets]
    )
    outcome = engine.simulate(real_case("usdm").tape(), [config])
    fills = outcome.journal.rows("fills")
    assert int(outcome.state.lanes["orders"][0]) > 100
    assert len(fills) >= 5
    assert set(fills["side"]) == {0, 1}
    assert abs(fills["position_lots"]).max() <= limit
    assert int(outcome.state.lanes["taker_fills"][0]) == 0
