"""Random tapes, scripts and parameters: small ones for Hypothesis, long ones from a seed.

Both come from the same code, which asks a `Pick` for every choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np
from hypothesis import strategies as st

from simcore import records as r
from tests.oracle.node import Step
from tests.oracle.params import INVERSE, LINEAR, SPOT, OracleParams
from tests.oracle.rows import Row
from tests.oracle.wire import Latency, constant

T = TypeVar("T")

ANCHOR = 61_700  # ticks
FAR_PRICES = (560, 621_368)  # as real captures hold them
START = 1_000


class Pick(Protocol):
    """A source of choices."""

    def whole(self, lo: int, hi: int) -> int:
        """Return an int in [lo, hi]."""

    def of(self, items: Sequence[T]) -> T:
        """Return one of the items."""


class DrawPick:
    """Choices that Hypothesis makes, and shrinks towards lo and the first item."""

    def __init__(self, draw: Any) -> None:
        self.draw = draw

    def whole(self, lo: int, hi: int) -> int:
        return int(self.draw(st.integers(lo, hi)))

    def of(self, items: Sequence[T]) -> T:
        return items[self.whole(0, len(items) - 1)]


class SeedPick:
    """Choices of a seeded generator, drawn in blocks."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)
        self.block: list[float] = []

    def whole(self, lo: int, hi: int) -> int:
        if not self.block:
            self.block = self.generator.random(1 << 16).tolist()
        return lo + int(self.block.pop() * (hi - lo + 1))

    def of(self, items: Sequence[T]) -> T:
        return items[self.whole(0, len(items) - 1)]


# --- tapes -----------------------------------------------------------------------------------------------

L2_KINDS = (r.DEPTH,) * 16 + (r.TRADE,) * 10 + (r.BEST,) * 4 + (r.SNAPSHOT, r.SNAPSHOT, r.CLEAR, r.GAP, r.FUNDING)
L3_KINDS = (r.L3_ADD,) * 14 + (r.L3_REDUCE,) * 6 + (r.L3_EXEC,) * 8 + (r.TRADE, r.CLEAR, r.GAP, r.FUNDING)
STEPS_NS = (0, 0, 0, 0, 1, 2, 7, 40)
FEED_NS = (0, 0, 1, 5, 30)
UNSEEN_NS = (0, -1, 1, -60, 60, -5_000, 5_000)  # how far off a row's time on the clock that does not see it may be


class TapeMaker:
    """Rows one after the other; `anchor` is where the market is, and may jump."""

    def __init__(self, pick: Pick, l3: bool = False) -> None:
        self.pick = pick
        self.l3 = l3
        self.anchor = ANCHOR
        self.exch = self.local = START
        self.next_id = 1
        self.live: dict[int, list[int]] = {}  # L3 order id -> [side, price, lots]

    def row(self) -> Row:
        pick = self.pick
        if pick.whole(0, 199) == 199:
            self.anchor += pick.of((-3_000, -40, 40, 3_000))
        kind, side, price, qty, order_id = self._what()
        clocks = pick.whole(0, 19)
        at_venue, at_node = clocks not in (16, 17), clocks not in (18, 19)
        step = pick.of(STEPS_NS)
        if at_venue:
            self.exch += step
        if at_node:
            self.local = max(self.local + (0 if at_venue else step), self.exch + pick.of(FEED_NS))
        exch = self.exch if at_venue else self.exch + pick.of(UNSEEN_NS)
        local = self.local if at_node else self.local + pick.of(UNSEEN_NS)
        return Row(exch, local, kind, side, price, qty, order_id, at_venue, at_node)

    def _what(self) -> tuple[int, int | None, int, int, int]:
        pick = self.pick
        kind = pick.of(L3_KINDS if self.l3 else L2_KINDS)
        side = pick.whole(0, 1)
        if kind == r.GAP:
            return kind, None, 0, pick.whole(0, 3), 0
        if kind == r.FUNDING:
            return kind, None, self.anchor, pick.whole(-20_000, 20_000), 0
        if kind == r.CLEAR:
            return self._clear(side)
        if kind == r.TRADE:
            of = pick.of((r.BID, r.ASK, r.BID, r.ASK, None))
            return kind, of, self.anchor + pick.whole(-3, 3), pick.whole(1, 12), 0
        if kind in (r.L3_REDUCE, r.L3_EXEC) and self.live:
            return self._less(kind)
        if kind in (r.L3_ADD, r.L3_REDUCE, r.L3_EXEC):
            order_id, self.next_id = self.next_id, self.next_id + 1
            price, qty = self._price(side), pick.whole(1, 9)
            self.live[order_id] = [side, price, qty]
            return r.L3_ADD, side, price, qty, order_id
        return kind, side, self._price(side), pick.of((0, 0, 1, 2, 3, 5, 8, 13, 40)), 0

    def _price(self, side: int) -> int:
        """Return a price mostly on its own side of the anchor, now and then crossing or far away."""
        how = self.pick.whole(0, 39)
        if how == 39:
            return self.pick.of(FAR_PRICES)
        away = self.pick.whole(-2, 2) if how > 35 else self.pick.whole(0, 4)
        return self.anchor - away if side == r.BID else self.anchor + 1 + away

    def _clear(self, side: int) -> tuple[int, int | None, int, int, int]:
        of = self.pick.of((side, side, None))
        part = 0 if of is None else self.pick.whole(0, 1)
        price = self._price(side)
        for order_id, (its_side, its_price, _) in list(self.live.items()):
            inside = its_price >= price if its_side == r.BID else its_price <= price
            if of in (None, its_side) and (part == 0 or inside):
                del self.live[order_id]
        return r.CLEAR, of, price, part, 0

    def _less(self, kind: int) -> tuple[int, int | None, int, int, int]:
        """Reduce or execute a live order: often the best of a side, sometimes any."""
        order_id = self.pick.of(list(self.live)[-40:])
        if self.pick.whole(0, 3) > 0:
            side = self.live[order_id][0]
            sign = -1 if side == r.BID else 1
            order_id = min(
                (i for i, order in self.live.items() if order[0] == side), key=lambda i: sign * self.live[i][1]
            )
        side, price, lots = self.live[order_id]
        qty = self.pick.of((lots, self.pick.whole(1, lots)))
        if qty == lots:
            del self.live[order_id]
        else:
            self.live[order_id][2] -= qty
        return kind, side, price, qty, order_id


def make_tape(pick: Pick, count: int, l3: bool = False) -> list[Row]:
    maker = TapeMaker(pick, l3)
    return [maker.row() for _ in range(count)]


# --- scripts ---------------------------------------------------------------------------------------------

REQUEST_KINDS = (r.PLACE,) * 10 + (r.AMEND,) * 4 + (r.CANCEL,) * 4 + (r.CANCEL_ALL,)
TIFS = (r.GTC,) * 4 + (r.POST_ONLY,) * 4 + (r.IOC, r.FOK, r.MARKET)
CONDITIONAL = (r.STOP_MARKET, r.STOP_LIMIT, r.TAKE_PROFIT_MARKET, r.TAKE_PROFIT_LIMIT)


def make_script(pick: Pick, rows: Sequence[Row], count: int) -> list[Step]:
    """Return count requests sent while the rows arrive at the Node, at prices near the rows'."""
    seen = [row for row in rows if row.at_node]
    steps: list[Step] = []
    if not seen:
        return steps
    sent: dict[int, tuple[int, int]] = {}
    order_id = 0
    places = sorted(pick.whole(0, len(seen) - 1) for _ in range(count))
    for place in places:
        row = seen[place]
        kind = pick.of(REQUEST_KINDS)
        if kind in (r.AMEND, r.CANCEL) and not sent:
            kind = r.PLACE
        price = max((row.price or ANCHOR) + pick.whole(-3, 3), 0) if pick.whole(0, 29) else 0
        qty = pick.of((1, 2, 3, 5, 9, 0))
        if kind == r.PLACE:
            order_id += 1
            side, tif = pick.whole(0, 1), pick.of(TIFS)
            trigger = display = reduce_only = 0
            special = pick.whole(0, 19)
            if special >= 17:
                tif, trigger = pick.of(CONDITIONAL), max((row.price or ANCHOR) + pick.whole(-6, 6), 0)
            if special in (14, 15, 17):
                reduce_only = 1
            if special in (12, 13, 14) and (tif in (r.GTC, r.POST_ONLY) or pick.whole(0, 3) == 3):
                display = pick.of((1, 2, 4))
            sent[order_id] = side, tif
            steps.append(Step(row.local_ts, kind, order_id, side, tif, price, qty, trigger, display, reduce_only, pick.whole(0, 1)))
        elif kind == r.CANCEL_ALL:
            steps.append(Step(row.local_ts, kind, 0))
        else:
            known = pick.whole(max(1, order_id - 8), order_id)
            steps.append(Step(row.local_ts, kind, known, *sent[known], price, qty))
    return steps


# --- parameters ------------------------------------------------------------------------------------------

L2_MODELS = ("risk_averse", "power", "power2", "power3", "log", "log2", "front", "pro_rata")


# Half of all cases have none of these, or few orders would live to trade.
NO_LIMITS = {
    "rate_limits": (), "price_band": 0, "min_lots": 0, "max_order_lots": 0, "min_notional_units": 0, "balance_units": 0,
}  # fmt: skip
RATE_LIMITS = (
    *((),) * 5, ((3, 100, 0),), ((10, 1_000, 0),), ((5, 100, 30),), ((5, 100, 50), (30, 1_000, 100)),
    ((4, 100, 20), (9, 300, 0), (40, 2_000, 100)),
)  # fmt: skip


def make_params(pick: Pick, l3: bool = False) -> OracleParams:
    kind = pick.of((LINEAR, INVERSE, SPOT))
    p = OracleParams(
        kind=kind,
        value_scale=1_000_000_000 if kind == INVERSE else pick.of((1, 10, 12_345)),
        l3=l3,
        queue_model=pick.of(("fifo", *L2_MODELS) if l3 else L2_MODELS),
        queue_n=pick.of((1.0, 2.0, 3.0, 0.5, 1.7)),
        fill_whole=pick.whole(0, 3) == 3,
        cross_fill_whole=pick.whole(0, 3) == 3,
        pro_rata_min_lots=pick.of((0, 1, 2)),
        rate_limits=pick.of(RATE_LIMITS),
        price_band=pick.of((0, 0, 0, 0, 0, 5_000, 2_433)),
        min_lots=pick.of((0, 0, 0, 0, 2)),
        amends=pick.whole(0, 5) < 5,
        amend_keeps_place=pick.whole(0, 3) < 3,
        max_trigger_orders=pick.of((10, 10, 10, 3, 1, 0)),
        maintenance_rate=pick.of((100_000_000, 40_000_000, 0)),
        liquidation_rate=pick.of((0, 500_000)),
        margin_interval_ns=pick.of((50, 333)),
        funding_interval_ns=pick.of((0, 0, 250)),
        funding_rate=pick.of((10_000, -70_000)),
        max_order_lots=pick.of((0, 0, 0, 8)),
        min_notional_units=pick.of((0, 0, 0, 300_000)),
        max_open_orders=pick.of((16, 16, 2, 5)),
        balance_units=pick.of((0, 10**5, 10**6, 3 * 10**6, 10**7, 10**9)),
        leverage=pick.of((1, 3, 20)),
        self_trade=pick.whole(0, 3),
        tiers=pick.of((((0, 20_000, 50_000),), ((0, -5_000, 40_000), (500_000, -10_000, 30_000), (10**7, 0, 10_000)))),
        initial_turnover_units=pick.of((0, 400_000)),
        fee_per_lot_units=pick.of((0, 3)),
        latency=_latency(pick),
        tick_interval_ns=pick.of((7, 50)),
        use_amend=pick.whole(0, 1) == 1,
        wait_cancel=pick.whole(0, 1) == 1,
        quote_tif=pick.of((r.POST_ONLY, r.GTC)),
    )
    return p if pick.whole(0, 1) == 0 else replace(p, **NO_LIMITS)


# --- for Hypothesis ----------------------------------------------------------------------------------------


@st.composite
def tapes(draw: Any, l3: bool | None = None, max_rows: int = 60) -> list[Row]:
    """Small tapes; l3 None: of either sort."""
    pick = DrawPick(draw)
    return make_tape(pick, pick.whole(1, max_rows), pick.whole(0, 1) == 1 if l3 is None else l3)


@st.composite
def cases(draw: Any, max_rows: int = 60, max_steps: int = 25) -> tuple[list[Row], OracleParams, list[Step]]:
    """A tape, parameters that fit it, and a script."""
    pick = DrawPick(draw)
    l3 = pick.whole(0, 1) == 1
    rows = make_tape(pick, pick.whole(1, max_rows), l3)
    return rows, make_params(pick, l3), make_script(pick, rows, pick.whole(0, max_steps))


def seeded_case(seed: int, row_count: int, step_count: int, l3: bool) -> tuple[list[Row], OracleParams, list[Step]]:
    """A long case from a seed; equal seeds give equal cases."""
    pick = SeedPick(seed)
    rows = make_tape(pick, row_count, l3)
    return rows, make_params(pick, l3), make_script(pick, rows, step_count)


def _latency(pick: Pick) -> Latency:
    """Return constant latencies; cancel-all takes as long as cancel."""
    place, amend, cancel = (pick.of((0, 1, 9, 60)) for _ in range(3))
    return constant(place, amend, cancel, cancel, pick.of((1, 2, 25)))
