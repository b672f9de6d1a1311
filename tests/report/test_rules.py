"""Rules of the exchange that are off are named, and orders that are too small for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore import records as rec
from simcore.config.venue import profile_for
from simcore.report.folder import open_run
from simcore.report.statistics import summary
from tests.report.conftest import Maker
from tests.report.fake import INSTRUMENTS
from tests.sealing import reseal

OFF = "Rules of {0} (smallest orders, rate limits, margin and the like) are not applied: give --venue {0}."


@pytest.mark.parametrize(
    ("venue", "kind", "name"),
    [
        ("bybit", "linear", "bybit_linear"), ("bybit", "inverse", None), ("bybit_spot", "spot", None), ("binance_usdm", "linear", "binance_usdm"),
        ("binance_coinm", "inverse", "binance_coinm"), ("okx", "linear", "okx_swap"), ("SYNTH", "linear", None), ("binance", "spot", "binance_spot"),
    ],
)  # fmt: skip
def test_a_tapes_venue_and_kind_name_a_profile(venue: str, kind: str, name: str | None) -> None:
    assert profile_for(venue, kind) == name


def run_of(make: Maker, config: str, venue: str = "bybit", **fields: object) -> Path:
    note = {"instrument": {**INSTRUMENTS["linear"]["instrument"], "venue": venue}, "params": {"emit.order_lots": 1.0, "spread.base_bps": 1.0}}
    folder = make(note=note, **fields)
    (folder / "config.yaml").write_text(f"version: 2\n{config}")
    return reseal(folder)


def test_rules_that_are_off_are_named(make: Maker) -> None:
    """Unless a profile was given, or there is none for the tape."""
    assert OFF.format("bybit_linear") in summary(run_of(make, ""))["warnings"]
    assert not [text for text in summary(run_of(make, "venue: {name: bybit_linear}"))["warnings"] if "not applied" in text]
    assert not [text for text in summary(run_of(make, "", venue="fake"))["warnings"] if "not applied" in text]


def test_orders_that_are_too_small_get_a_remedy(make: Maker) -> None:
    """The key to raise, and how far at the last mid: 2 of 61,700 USDT and 0.001 BTC a lot are worth 100 USDT."""
    folder = run_of(make, "venue: {name: bybit_linear, min_notional: 100}", reject_reason=rec.MIN_NOTIONAL)
    mid = (open_run(folder).last_mid or 0) / 2 * 0.1
    assert 50 < mid / 1000 < 100
    said = (
        "Orders were worth less than the smallest that the exchange takes, 100 USDT (venue.min_notional): 2 were refused; "
        "raise emit.order_lots: at the last mid it takes 2 lots."
    )
    assert said in summary(folder)["warnings"]
