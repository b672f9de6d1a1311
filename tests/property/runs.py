"""Runs for the laws: busy random tapes on both clocks, random configurations, and the bytes that came out."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

from simcore import engine
from simcore import records as r
from simcore.config.model import Config
from simcore.journal.store import STREAMS
from simcore.tape.schema import Instrument
from tests.oracle.rows import Row, event_code
from tests.property.strategies import L2_MODELS, Pick, SeedPick, TapeMaker
from tests.support import INSTRUMENT, MemoryTape, configured

NS_PER_MS = 1_000_000
INSTRUMENTS = (
    INSTRUMENT,
    Instrument(
        venue="TEST", symbol="INVERSE", kind="inverse", tick_size="0.5", lot_size="1", contract_size="100",
        base="B", quote="Q", maker_rate="-0.00005", taker_rate="0.0002",
    ),
    Instrument(
        venue="TEST", symbol="SPOT", kind="spot", tick_size="0.01", lot_size="0.00001", contract_size="1",
        base="B", quote="Q", maker_rate="0.0001", taker_rate="0.0002",
    ),
)  # fmt: skip


class MarketMaker(TapeMaker):
    """Rows of `TapeMaker` around a market that walks, and heals when it is crossed: makers can quote in it."""

    def __init__(self, pick: Pick, l3: bool = False) -> None:
        super().__init__(pick, l3)
        self.books: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.due: list[tuple[int, int | None, int, int, int]] = []
        self._refresh_all()

    def row(self) -> Row:
        if not self.due:
            self._walk()
        if self.due:
            what = self.due.pop(0)
            self.exch += self.pick.of((0, 0, 1))
            self.local = max(self.local, self.exch + self.pick.of((0, 1, 5)))
            row = Row(self.exch, self.local, *what)
        else:
            row = super().row()
        self._note(row)
        return row

    def _walk(self) -> None:
        chance = self.pick.whole(0, 99)
        if chance < 8:
            self.anchor += self.pick.of((-1, 1))
        elif chance == 98:
            self.anchor += self.pick.of((-300, -40, 40, 300))
            self._refresh_all()
        elif chance == 99:
            self._refresh_all()

    def _price(self, side: int) -> int:
        """Return a price mostly on its own side, now and then far away on it; seldom crossing."""
        how = self.pick.whole(0, 59)
        if how == 59:
            return (560, 621_368)[side]
        away = self.pick.whole(-1, 2) if how > 55 else self.pick.whole(0, 4)
        return self.anchor - away if side == r.BID else self.anchor + 1 + away

    def _refresh_all(self) -> None:
        """Queue a snapshot: everything vanishes and six levels a side come, in the tape's own kinds."""
        self.due = [(r.CLEAR, None, 0, 0, 0)]
        self.live.clear()
        for away in range(6):
            for side in (r.BID, r.ASK):
                price = self.anchor - away if side == r.BID else self.anchor + 1 + away
                lots = self.pick.whole(1, 9)
                if self.l3:
                    self.live[self.next_id] = [side, price, lots]
                    self.due.append((r.L3_ADD, side, price, lots, self.next_id))
                    self.next_id += 1
                else:
                    self.due.append((r.SNAPSHOT, side, price, lots, 0))

    def _note(self, row: Row) -> None:
        """Follow the book, and queue rows that heal it where a row has crossed it."""
        side, price = row.side, row.price
        if row.kind == r.CLEAR:
            for of in (r.BID, r.ASK) if side is None else (side,):
                inside = [p for p in self.books[of] if row.qty == 0 or (p >= price if of == r.BID else p <= price)]
                for level in inside:
                    del self.books[of][level]
        elif row.kind in (r.DEPTH, r.SNAPSHOT, r.BEST, r.L3_ADD) and side is not None:
            if row.kind == r.BEST:
                for level in [p for p in self.books[side] if (p > price if side == r.BID else p < price)]:
                    del self.books[side][level]
            self.books[side][price] = row.qty
            if row.qty == 0:
                del self.books[side][price]
            elif self.pick.whole(0, 9) < 8:
                self._heal(side, price)

    def _heal(self, side: int, price: int) -> None:
        other = r.ASK if side == r.BID else r.BID
        if self.l3:
            for order_id, (of, at, lots) in list(self.live.items()):
                if of == other and (at <= price if side == r.BID else at >= price):
                    del self.live[order_id]
                    self.due.append((r.L3_EXEC, other, at, lots, order_id))
        else:
            crossed = [at for at in self.books[other] if (at <= price if side == r.BID else at >= price)]
            self.due += [(r.DEPTH, other, at, 0, 0) for at in sorted(crossed)]


def columns(rows: Sequence[Row], l3: bool, unit_ns: int = 1) -> r.Chunk:
    """Return rows as columns, with times in units of unit_ns."""
    table = np.array(
        [(row.exch_ts, row.local_ts, event_code(row), row.price, row.qty, row.order_id) for row in rows], np.int64
    )
    ids = table[:, 5] if l3 else np.zeros(0, np.int64)
    return r.Chunk(
        table[:, 0] * unit_ns, table[:, 1] * unit_ns, table[:, 2].astype(np.uint8), table[:, 3], table[:, 4], ids
    )


@cache
def market_rows(seed: int, count: int, l3: bool) -> tuple[Row, ...]:
    """Return the first rows of the market of a seed."""
    maker = MarketMaker(SeedPick(seed), l3)
    return tuple(maker.row() for _ in range(count))


@cache
def loaded(sets: tuple[str, ...]) -> Config:
    """Return the configuration of some settings; parsing them takes longer than many a small run."""
    return configured(sets)


class Case:
    """A tape and settings; `tape` cuts it into chunks of any size."""

    def __init__(self, seed: int, count: int, l3: bool, unit_ns: int, sets: Sequence[str]) -> None:
        self.seed, self.count, self.l3, self.unit_ns = seed, count, l3, unit_ns
        self.rows = columns(market_rows(seed, count, l3), l3, unit_ns)
        self.sets = tuple(sets)
        self.instrument = INSTRUMENTS[seed % 3]

    def __repr__(self) -> str:
        return f"Case({self.seed}, {self.count}, {self.l3}, {self.unit_ns}, {list(self.sets)})"

    def with_rows(self, rows: Sequence[Any]) -> Case:
        """Return the same settings on other rows (columns)."""
        other = copy(self)
        other.rows = r.Chunk(*rows)
        return other

    def instrument_with(self, **changes: str) -> Instrument:
        """Return the case's instrument with other values."""
        return replace(self.instrument, **changes)

    @property
    def level(self) -> str:
        return "l3" if self.l3 else "l2"

    def tape(self, chunk_rows: int = 1 << 18) -> Any:
        return MemoryTape(self.rows, self.instrument, self.level, chunk_rows)

    def config(self, *more: str) -> Config:
        return loaded((*self.sets, *more))


def make_case(seed: int, count: int, l3: bool = False, unit_ns: int = 1) -> Case:
    """Return the case of a seed."""
    return Case(seed, count, l3, unit_ns, make_sets(SeedPick(seed + 77), l3, unit_ns))


def outputs(outcome: engine.Outcome) -> dict[str, bytes]:
    """Return all journal rows of a run, as bytes by stream."""
    return {stream: outcome.journal.rows(stream).tobytes() for stream in STREAMS}


def simulated(case: Case, *more: str, chunk_rows: int = 1 << 18) -> engine.Outcome:
    """Run a case, with more settings, in memory."""
    return engine.simulate(case.tape(chunk_rows), [case.config(*more)])


def make_sets(pick: Pick, l3: bool, unit_ns: int) -> list[str]:
    """Return settings under which the demo maker trades a lot; durations are small multiples of unit_ns."""

    def ms(count: int) -> str:
        return f"{count * unit_ns / NS_PER_MS:.9f}"

    sets = [
        "book.window_ticks=256",
        f"node.sample_interval_ms={ms(pick.of((40, 1)))}",
        f"run.seed={pick.whole(0, 3)}",
        f"node.tick_interval_ms={ms(pick.of((7, 3, 50)))}",
        f"node.use_amend={pick.of(('false', 'true'))}",
        f"node.wait_cancel={pick.of(('false', 'true'))}",
        f"venue.queue_model={pick.of(('fifo', *L2_MODELS) if l3 else L2_MODELS)}",
        f"venue.queue_n={pick.of((1.0, 3.0, 0.5, 1.7))}",
        f"venue.fill_whole={pick.of(('false', 'false', 'true'))}",
        f"venue.cross_fill_whole={pick.of(('false', 'false', 'true'))}",
        f"venue.pro_rata_min_lots={pick.of((0, 1, 2))}",
        f"venue.max_open_orders={pick.of((16, 16, 4))}",
        f"venue.rate_limits={pick.of(('[]', '[]', '[]', f'[{{count: 10, window_ms: {ms(100)}}}]'))}",
        f"fees.maker_bps={pick.of((-0.5, 1))}",
        f"fees.per_contract={pick.of((0, 0.01))}",
        f"strategy.params.spread.half_spread_bps={pick.of((0, 0.1))}",
        f"strategy.params.spread.half_spread_ticks={pick.of((0.5, 0, 1.5))}",
        f"strategy.params.spread.vol_factor={pick.of((0, 0.5))}",
        f"strategy.params.inventory.max_position_lots={pick.of((20, 5, 60))}",
        f"strategy.params.inventory.skew_ticks_per_lot={pick.of((0.1, 0, 0.4))}",
        f"strategy.params.emit.order_lots={pick.of((3, 1, 7))}",
        f"strategy.params.emit.levels={pick.of((1, 2, 3))}",
    ]
    if pick.whole(0, 2) == 2:
        sets.append("fees.tiers=[{turnover: 300, maker_bps: 2}, {turnover: 3000, taker_bps: 9}]")
    for leg in ("place", "amend", "cancel", "response"):
        sets += _latency_sets(pick, f"latency.{leg}", ms)
    return sets


def _latency_sets(pick: Pick, key: str, ms: Any) -> list[str]:
    model = pick.of(("constant", "constant", "lognormal", "feed"))
    sets = [f"{key}.model={model}", f"{key}.ms={ms(pick.of((0, 1, 9, 60)))}"]
    if model == "lognormal":
        sets.append(f"{key}.sigma={pick.of((0.3, 1.5))}")
    if model == "feed":
        sets.append(f"{key}.scale={pick.of((1.0, 2.5))}")
    return sets


@st.composite
def cases(draw: Any, max_rows: int = 400, l3: bool | None = None) -> Case:
    """Random tapes and settings. Hypothesis draws a seed and sizes: the cases shrink by rows, not by content."""
    seed = draw(st.integers(0, 10_000))
    of_orders = draw(st.booleans()) if l3 is None else l3
    unit_ns = draw(st.sampled_from((1, NS_PER_MS)))
    count = draw(st.integers(20, max_rows))
    return make_case(seed, count, of_orders, unit_ns)
