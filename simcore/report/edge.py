"""Where the money came from: each fill's edge, and that of the run.

With s = +1 for a buy and -1 for a sell, q the quantity, p the price, p0 the price that we quoted, m the exchange mid just
before the fill, m1 the exchange mid one second after it and M the mid that the final position Q is valued at, a fill has

    quoted    = s q (m - p0)               half-spread at our price; positive is good
    slippage  = s q (p - p0)               positive is a cost
    gross     = s q (m - p)                captured half-spread           = quoted - slippage
    adverse   = s q (m - m1)               positive is against us
    inventory = s q (M - m1)               what the quantity did after that second
    net       = gross - adverse - fees + inventory

The run's terms are the sums over its fills, and net = cash - fees + value of Q at M = gross - adverse - fees - funding +
inventory. All are exact integers in halves of a cash unit, so each line holds to the unit: what the ledger rounds when it
values Q (at most half a unit; inverse: half a unit a fill) is in the inventory of the last fill. A fill without a mid has
m = m1 = p; one without a markout (the run ended, or a side was empty) has m1 = m: its move is in inventory; one without
a quoted price has p0 = p. For inverse contracts value in coin takes the place of price: q m becomes -q/m.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from simcore.records import MARKOUT_NS, NO_PRICE, FloatArray
from simcore.report import sums
from simcore.report.findings import NO_TURNOVER, Findings
from simcore.report.folder import RunFolder
from simcore.report.markouts import ONE_SECOND, markout_mids, mids, values_at
from simcore.report.quoted import quoted_ticks
from simcore.report.sums import Column
from simcore.units import NS_PER_MS, NS_PER_S

_BPS = 10_000
FILL_TERMS = ("quoted", "slippage", "gross", "adverse", "fees", "inventory", "net")
# The columns of `fill_bps`: each horizon's adverse move by name.
HORIZON_NAMES = tuple(f"{ns // NS_PER_S}s" if ns >= NS_PER_S else f"{ns // NS_PER_MS}ms" for ns in MARKOUT_NS)


class FillEdge(NamedTuple):
    """Terms of each fill [n] in halves of a cash unit; inventory and net are None if the position cannot be valued.

    at_mid: the fill's quantity at its mid.  priced: whether it has a quoted price.
    """

    quoted: Column
    slippage: Column
    gross: Column
    adverse: Column
    fees: Column
    inventory: Column | None
    net: Column | None
    at_mid: Column
    priced: Any


def edge(run: RunFolder, fills: FillEdge) -> Findings:
    """Return the decomposition: each term as money and in bps of turnover."""
    terms = edge_halves(run, fills)
    turnover = int(run.counts["turnover_units"])
    found = Findings()
    for name, halves in terms.items():
        missing = f"no mid to value the position of {run.counts['position_lots']} lots at"
        money = None if halves is None else run.money.amount(halves, halves=True)
        found.put(f"edge_{name}", money, missing)
        bps = None if halves is None or not turnover else _BPS * halves / (2 * turnover)
        found.put(f"edge_{name}_bps", bps, missing if halves is None else NO_TURNOVER)
    return found


def edge_halves(run: RunFolder, fills: FillEdge) -> dict[str, int | None]:
    """Return the run's terms in halves of a cash unit; net is that of the ledger, not the sum of the others."""
    value = position_halves(run)
    sums_of = {name: sums.total(getattr(fills, name)) for name in ("quoted", "slippage", "gross", "adverse")}
    fees, funding = 2 * int(run.counts["fee_units"]), 2 * int(run.counts["funding_units"])
    inventory = None if fills.inventory is None else sums.total(fills.inventory)
    net = None if value is None else 2 * int(run.counts["cash_units"]) - fees + value
    return {**sums_of, "fees": fees, "funding": funding, "inventory": inventory, "net": net}


def position_halves(run: RunFolder) -> int | None:
    """Return the ledger's value of the final position in halves of a cash unit; None if there is no mid for it."""
    position, mark = int(run.counts["position_lots"]), run.last_mid
    if not position:
        return 0
    return None if mark is None else 2 * run.money.position_units(position, mark)


def fill_edge(run: RunFolder) -> FillEdge:
    """Return the terms of each fill."""
    money, signs = run.money, run.money.direction * run.signs
    quoted = quoted_ticks(run)
    priced = quoted != NO_PRICE
    at_price = sums.multiply(run.notionals, 2)
    asked = sums.multiply(money.notional(np.where(priced, quoted, run.fills["price_ticks"]), run.fills["qty_lots"]), 2)
    before = mids(run)
    at_mid = values_at(run, before, at_price)
    at_markout = values_at(run, markout_mids(run)[ONE_SECOND], at_mid, before != 0)
    gross = sums.multiply(signs, sums.subtract(at_mid, at_price))
    slippage = sums.multiply(signs, sums.subtract(at_price, asked))
    adverse = sums.multiply(signs, sums.subtract(at_mid, at_markout))
    fees = sums.multiply(run.fills["fee_units"], 2)
    inventory = _inventory(run, signs, at_markout)
    net = None if inventory is None else sums.add(sums.subtract(sums.subtract(gross, adverse), fees), inventory)
    return FillEdge(sums.add(gross, slippage), slippage, gross, adverse, fees, inventory, net, at_mid, priced)


def _inventory(run: RunFolder, signs: Any, at_markout: Column) -> Column | None:
    """Return what each fill's quantity did after its second; the last fill bears what the ledger rounds."""
    fills, value = run.fills, position_halves(run)
    if value is None or not len(fills):
        return None if value is None else np.zeros(0, np.int64)
    mark = run.last_mid or 2 * int(fills["price_ticks"][-1])
    at_mark = run.money.half_value(np.full(len(fills), mark, np.int64), fills["qty_lots"])
    rounded = value - sums.total(sums.multiply(signs, at_mark))
    moved = sums.multiply(signs, sums.subtract(at_mark, at_markout))
    last = np.zeros(len(fills), np.int64)
    last[-1] = rounded
    return sums.add(moved, last)


def fill_bps(run: RunFolder, fills: FillEdge) -> dict[str, FloatArray]:
    """Return each fill's terms in bps of its quantity at the mid [n], NaN where there is none, by name.

    gross_bps is s (m - p) / m.  adverse_bps_* is s (m - m(h)) / m at each horizon; without a markout NaN there. The parts add
    up as the module says, with adverse_bps, which is 0 where adverse_bps_1s is NaN.
    """
    weight = sums.floats(fills.at_mid)
    named: dict[str, FloatArray] = {}
    for name in FILL_TERMS:
        halves = getattr(fills, name)
        named[f"{name}_bps"] = np.full(len(weight), np.nan) if halves is None else _BPS * sums.floats(halves) / weight
    before, after = mids(run), markout_mids(run)
    signs = run.money.direction * run.signs
    for horizon, label in enumerate(HORIZON_NAMES):
        known = (before != 0) & (after[horizon] != 0)
        later = values_at(run, after[horizon], fills.at_mid, known)
        move = _BPS * sums.floats(sums.multiply(signs, sums.subtract(fills.at_mid, later))) / weight
        named[f"adverse_bps_{label}"] = np.where(known, move, np.nan)
    return named
