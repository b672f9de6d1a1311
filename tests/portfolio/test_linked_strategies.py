"""The two strategies that need a link: their quotes, against the words of their files."""

from __future__ import annotations

from typing import Any

import pytest

from simcore import jit
from simcore.kernels import context as c
from simcore.records import GTC, POST_ONLY
from strategies import hedger, leader_maker
from tests.test_strategies import context

MID = 80_000.0
hedge, lean = jit.expose(hedger.hedge), jit.expose(leader_maker.quote)


def linked(position: float = 0.0, mid: float = MID, present: int = 1) -> c.LinkedView:
    return c.LinkedView(present, mid - 1.0, mid + 1.0, 5.0, 5.0, mid, position)


def wanted(held: int, theirs: float, open_lots: int = 0, **params: float) -> Any:
    """Return what the hedger quotes that holds so many lots against the leader's."""
    signals = c.Signals(0.0, 0, 0.0, 0, 0.0, 0, 0.0, 0.0, 0, 0, 0, 0, 0, 0, open_lots)
    return hedge(context(held, linked=linked(theirs), signals=signals), hedger.Params()._replace(**params)).quote


@pytest.mark.parametrize(
    ("held", "theirs", "bid_lots", "ask_lots", "tif"),
    [
        (0, 0.0, 0, 0, POST_ONLY),
        (0, 4.0, 0, 4, POST_ONLY),
        (0, -4.9, 4, 0, POST_ONLY),
        (-4, 4.0, 0, 0, POST_ONLY),
        (-14, 4.0, 10, 0, POST_ONLY),
        (-15, 4.0, 11, 0, GTC),
        (0, 50.0, 0, 50, GTC),
        (0, -500.0, 100, 0, GTC),
    ],
)
def test_the_hedger_wants_what_is_missing(held: int, theirs: float, bid_lots: int, ask_lots: int, tif: int) -> None:
    """Up to 10 lots at the best price, post-only; more is taken, at most 100 at a time."""
    quote = wanted(held, theirs)
    assert (quote.bid_lots, quote.ask_lots, quote.tif) == (bid_lots, ask_lots, tif)
    best = (MID + 2 + 8, MID - 2 - 8) if tif == GTC else (MID - 2, MID + 2)
    assert (quote.bid_ticks, quote.ask_ticks) == best or not bid_lots + ask_lots


def test_the_hedger_counts_what_is_open_and_scales() -> None:
    assert wanted(0, -50.0, open_lots=20).bid_lots == 30
    assert wanted(0, -50.0, open_lots=90).bid_lots == 0
    assert wanted(0, -50.0, ratio=0.5).bid_lots == 25
    assert wanted(0, -50.0, band_lots=60.0).tif == POST_ONLY


def test_without_a_leader_the_hedger_wants_nothing_and_the_maker_its_own_mid() -> None:
    assert hedge(context(5, linked=linked(present=0)), hedger.Params()).quote.levels == 0
    alone, memory = lean(context(linked=linked(present=0)), leader_maker.Params(), leader_maker.Memory())
    assert (alone.quote.bid_ticks, alone.quote.ask_ticks) == (MID - 8, MID + 8)
    assert memory == leader_maker.Memory()


def test_the_maker_follows_its_leader_up_to_its_reach() -> None:
    """The first basis is what is seen; then a move of the leader moves the quotes, at most 5 bps."""
    _, memory = lean(context(linked=linked(mid=MID + 100.0)), leader_maker.Params(), leader_maker.Memory())
    assert memory.basis_ticks == -100.0
    quotes = []
    for moved in (0.0, 16.0, 4_000.0, -4_000.0):
        seen, _ = lean(context(linked=linked(mid=MID + 100.0 + moved)), leader_maker.Params(basis_s=1e9), memory)
        quotes.append((seen.quote.bid_ticks - MID, seen.quote.ask_ticks - MID))
    assert quotes == [(-8, 8), (0, 24), (0, 48), (-48, 0)]  # post-only: at most the last step before the other side
