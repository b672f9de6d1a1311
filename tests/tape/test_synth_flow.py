"""The synthetic flow: laws that hold for every seed, and stylised facts at fixed seeds."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simcore.errors import ConfigError
from simcore.records import (
    BOTH_BITS,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    FUNDING,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    SNAPSHOT,
    TRADE,
    Chunk,
)
from simcore.tape.synth_run import flow_chunks
from simcore.tape.synth_spec import PRESETS, SYNBTC, SYNES, SynthSpec

NS = 1_000_000_000
BUSY = {"small": replace(SYNBTC, seed=5, duration_s=3600), "large": replace(SYNES, seed=5, duration_s=3600)}


def whole(spec: SynthSpec, l2: bool = True, l3: bool = False) -> tuple[Chunk, Chunk]:
    """Return all rows of both views as one chunk each."""
    pairs = list(flow_chunks(spec, l2, l3))
    return tuple(Chunk(*(np.concatenate(c) for c in zip(*view, strict=True))) for view in zip(*pairs, strict=True))


def same(a: Chunk, b: Chunk) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def sides(chunk: Chunk) -> np.ndarray:
    return (chunk.ev >> 4) & 1


def message_ends(chunk: Chunk) -> np.ndarray:
    """Rows after which the next row has another time: at least these end a message."""
    return np.flatnonzero(np.append(chunk.exch_ts[1:] != chunk.exch_ts[:-1], True))


class LevelBook:
    """The obvious L2 book."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def apply(self, kind: int, side: int, price: int, lots: int, order_id: int) -> None:
        if kind in (DEPTH, SNAPSHOT):
            self.levels[side].pop(price, None)
            if lots:
                self.levels[side][price] = lots
        elif kind == CLEAR:
            for levels in self.levels:
                levels.clear()

    def best(self) -> tuple[int, int]:
        return max(self.levels[0]), min(self.levels[1])


class OrderBook(LevelBook):
    """The obvious L3 book; it checks price-time priority of executions as it goes."""

    def __init__(self) -> None:
        super().__init__()
        self.orders: dict[int, list[int]] = {}
        self.queues: dict[tuple[int, int], list[int]] = {}

    def apply(self, kind: int, side: int, price: int, lots: int, order_id: int) -> None:
        if kind == CLEAR:
            self.__init__()  # type: ignore[misc]
        elif kind == L3_ADD:
            assert order_id not in self.orders
            self.orders[order_id] = [side, price, lots]
            self.queues.setdefault((side, price), []).append(order_id)
            self.levels[side][price] = self.levels[side].get(price, 0) + lots
        elif kind in (L3_REDUCE, L3_EXEC):
            assert self.orders[order_id][:2] == [side, price]
            if kind == L3_EXEC:
                assert price == self.best()[side], "an execution below the best level"
                assert self.queues[side, price][0] == order_id, "an execution that is not at the front"
            self.orders[order_id][2] -= lots
            self.levels[side][price] -= lots
            assert self.orders[order_id][2] >= 0
            if self.orders[order_id][2] == 0:
                del self.orders[order_id]
                self.queues[side, price].remove(order_id)
            if self.levels[side][price] == 0:
                assert not self.queues[side, price]
                del self.levels[side][price]


def states(chunk: Chunk, book: LevelBook):
    """Yield (exch_ts, book) after each time stamp."""
    rows = zip(
        chunk.exch_ts.tolist(), (chunk.ev & KIND_MASK).tolist(), sides(chunk).tolist(),
        chunk.price_ticks.tolist(), chunk.qty_lots.tolist(), chunk.order_id.tolist(), strict=True,
    )  # fmt: skip
    last = None
    for ts, *row in rows:
        if last is not None and ts != last:
            yield last, book
        book.apply(*row)
        last = ts
    yield last, book


def mids(chunk: Chunk) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return time, bid, ask, mid after each time stamp."""
    table = [(ts, *book.best()) for ts, book in states(chunk, LevelBook())]
    ts, bid, ask = np.array(table, np.int64).T
    return ts, bid, ask, (bid + ask) / 2


@pytest.mark.parametrize("name", BUSY)
def test_the_same_seed_gives_the_same_rows_and_another_seed_others(name: str) -> None:
    spec = replace(BUSY[name], duration_s=600)
    assert same(whole(spec)[0], whole(spec)[0])
    assert not same(whole(spec)[0], whole(replace(spec, seed=6))[0])


@pytest.mark.parametrize("name", BUSY)
def test_a_shorter_tape_is_a_prefix(name: str) -> None:
    long, _ = whole(BUSY[name])
    short, _ = whole(replace(BUSY[name], duration_s=1200))
    assert 0 < len(short.ev) < len(long.ev)
    assert same(short, Chunk(*(column[: len(short.ev)] for column in long)))
    limited, _ = whole(replace(BUSY[name], rows_max=1000))
    assert 1000 <= len(limited.ev) < 1300
    assert same(limited, Chunk(*(column[: len(limited.ev)] for column in long)))


@pytest.mark.parametrize("chunk_rows", [3000, 20_000])
def test_chunking_changes_nothing(chunk_rows: int) -> None:
    spec = BUSY["large"]
    for wanted in ((True, False), (False, True), (True, True)):
        small = replace(spec, chunk_rows=chunk_rows)
        assert all(same(a, b) for a, b in zip(whole(small, *wanted), whole(spec, *wanted), strict=True))


def test_both_views_are_of_the_same_flow() -> None:
    spec = BUSY["small"]
    l2, l3 = whole(spec, l2=True, l3=True)
    assert same(l2, whole(spec, l2=True)[0])
    assert same(l3, whole(spec, l2=False, l3=True)[1])


@pytest.mark.parametrize("name", BUSY)
def test_l2_levels_equal_the_sums_of_l3_orders_at_every_time(name: str) -> None:
    """Also: never crossed, executions are FIFO at the best level, order ids are unique, quantities conserve."""
    l2, l3 = whole(BUSY[name], l2=True, l3=True)
    count = 0
    for (ts2, levels), (ts3, orders) in zip(states(l2, LevelBook()), states(l3, OrderBook()), strict=True):
        assert ts2 == ts3
        assert levels.levels == orders.levels
        bid, ask = levels.best()
        assert bid < ask
        count += 1
    assert count > 2000


@pytest.mark.parametrize("name", BUSY)
def test_a_trade_row_precedes_the_executions_that_it_sums(name: str) -> None:
    """Each L3 TRADE row is followed by L3_EXEC rows of its price, the other side, and in sum its lots."""
    l2, l3 = whole(BUSY[name], l2=True, l3=True)
    kind, side = l3.ev & KIND_MASK, sides(l3)
    for i in np.flatnonzero(kind == TRADE):
        left, j = l3.qty_lots[i], i + 1
        while left > 0:
            assert kind[j] == L3_EXEC
            assert (side[j], l3.price_ticks[j], l3.exch_ts[j]) == (1 - side[i], l3.price_ticks[i], l3.exch_ts[i])
            left -= l3.qty_lots[j]
            j += 1
        assert left == 0
    trades2 = (l2.ev & KIND_MASK) == TRADE
    for column in ("exch_ts", "price_ticks", "qty_lots", "ev"):
        assert np.array_equal(getattr(l2, column)[trades2], getattr(l3, column)[kind == TRADE])


@pytest.mark.parametrize("name", BUSY)
def test_rows_keep_their_contract(name: str) -> None:
    """Times on their grids and in order, local after exchange, prices and lots positive, all rows on both sides."""
    spec = BUSY[name]
    for chunk in whole(spec, l2=True, l3=True):
        kind = chunk.ev & KIND_MASK
        assert (np.diff(chunk.exch_ts) >= 0).all()
        assert (np.diff(chunk.local_ts) >= 0).all()
        assert (chunk.local_ts > chunk.exch_ts).all()
        assert (chunk.exch_ts % spec.exch_step_ns == 0).all()
        assert (chunk.local_ts % spec.local_step_ns == 0).all()
        assert chunk.exch_ts[0] == spec.start_ns
        assert chunk.exch_ts[-1] < spec.start_ns + spec.duration_s * NS
        assert ((chunk.ev & BOTH_BITS) == BOTH_BITS).all()
        assert (chunk.price_ticks[kind != CLEAR] > 0).all()
        assert (chunk.qty_lots[(kind != CLEAR) & (kind != DEPTH) & (kind != FUNDING)] > 0).all()
        assert (chunk.qty_lots >= 0).all()


def test_disorder_splits_late_trades_and_keeps_both_orders() -> None:
    """The exchange side is untouched; trades come late; each side sees each row once, in its own time order."""
    calm = whole(BUSY["small"])[0]
    spec = replace(BUSY["small"], disorder_median_ns=20_000_000.0)
    mixed = whole(spec)[0]
    exch = (mixed.ev & EXCH_BIT) != 0
    local = (mixed.ev & LOCAL_BIT) != 0
    assert np.array_equal(mixed.exch_ts[exch], calm.exch_ts)
    for column in ("price_ticks", "qty_lots"):
        assert np.array_equal(getattr(mixed, column)[exch], getattr(calm, column))
    assert (np.diff(mixed.exch_ts[exch]) >= 0).all()
    assert (np.diff(mixed.local_ts[local]) >= 0).all()
    assert local.sum() == exch.sum() == len(calm.ev)
    assert (np.diff(mixed.exch_ts[local]) < 0).sum() > 50
    trade = (mixed.ev & KIND_MASK) == TRADE
    assert (exch & local)[~trade].all()
    assert same(mixed, whole(replace(spec, chunk_rows=3000))[0])


def test_a_new_day_starts_with_a_snapshot() -> None:
    spec = replace(SYNES, seed=3, start_ns=SYNES.start_ns - 600 * NS, duration_s=1200)
    l2, l3 = whole(spec, l2=True, l3=True)
    for chunk in (l2, l3):
        clears = np.flatnonzero((chunk.ev & KIND_MASK) == CLEAR)
        assert chunk.exch_ts[clears].tolist() == [spec.start_ns, SYNES.start_ns]


def test_funding_falls_due_on_its_grid() -> None:
    l2, _ = whole(replace(SYNBTC, duration_s=8 * 3600 + 60))
    funding = np.flatnonzero((l2.ev & KIND_MASK) == FUNDING)
    assert l2.exch_ts[funding].tolist() == [SYNBTC.start_ns + 8 * 3600 * NS]


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_every_preset_runs(preset: str) -> None:
    l2, _ = whole(replace(PRESETS[preset], duration_s=60))
    assert len(l2.ev) > 20


@pytest.mark.parametrize(
    "change",
    [
        {"excite_trade_hot": 0.9, "excite_trade_warm": 0.2},
        {"excite_book_by_book": 1.0},
        {"trade_size_tail": 0.0},
        {"half_spread_ticks": float("nan")},
        {"cancel_fast_per_s": -1.0},
        {"duration_s": 0},
        {"fast_share": 1.5},
        {"price_start_ticks": 0},
        {"chunk_rows": 10},
    ],
)
def test_a_senseless_spec_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="CONF-003"):
        whole(replace(SYNBTC, **change))


def test_a_market_that_fills_the_order_table_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"CONF-003.+orders rest"):
        whole(replace(SYNBTC, limit_per_s=2000.0, cancel_fast_per_s=0.0, cancel_patient_per_s=0.0))


# --- stylised facts, at fixed seeds ------------------------------------------------------------------


@pytest.fixture(scope="module", params=["small", "large"])
def hours(request: pytest.FixtureRequest) -> tuple[str, Chunk]:
    """Six hours of a symbol."""
    return request.param, whole(replace(BUSY[request.param], duration_s=6 * 3600))[0]


def trade_messages(chunk: Chunk) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return time, sign and first price of each message with a trade, the opening snapshot's time excluded."""
    rows = np.flatnonzero((chunk.ev & KIND_MASK) == TRADE)
    rows = rows[np.append(True, np.diff(chunk.exch_ts[rows]) != 0)]
    rows = rows[chunk.exch_ts[rows] > chunk.exch_ts[0] + NS]
    return chunk.exch_ts[rows], 1 - 2 * sides(chunk)[rows].astype(np.int64), chunk.price_ticks[rows]


def test_arrivals_cluster(hours: tuple[str, Chunk]) -> None:
    """Counts of trades are far more dispersed than a Poisson flow (Fano factor 1), the more so over longer times."""
    ts, _, _ = trade_messages(hours[1])
    fano = []
    for seconds in (1, 10, 60):
        counts = np.bincount((ts - ts[0]) // (seconds * NS))
        fano.append(counts.var() / counts.mean())
    assert fano[0] > 1.5
    assert fano[0] < fano[1] < fano[2]


def test_signs_of_trades_persist(hours: tuple[str, Chunk]) -> None:
    _, sign, _ = trade_messages(hours[1])
    assert np.mean(sign[1:] * sign[:-1]) > 0.15
    assert abs(np.mean(sign)) < 0.2


def test_sizes_and_returns_are_heavy_tailed(hours: tuple[str, Chunk]) -> None:
    chunk = hours[1]
    lots = chunk.qty_lots[(chunk.ev & KIND_MASK) == TRADE]
    assert np.quantile(lots, 0.99) > 6 * np.median(lots)
    assert lots.max() > 20 * np.median(lots)
    ts, _, _, mid = mids(chunk)
    moves = np.diff(mid[np.searchsorted(ts, np.arange(ts[0] + NS, ts[-1], 10 * NS), "right") - 1])
    assert np.mean((moves - moves.mean()) ** 4) / moves.var() ** 2 > 4.0


def test_takers_know_more_than_makers(hours: tuple[str, Chunk]) -> None:
    """The mid moves with the taker, and goes on moving: the maker's edge shrinks with the horizon."""
    ts, _, _, mid = mids(hours[1])
    when, sign, price = trade_messages(hours[1])
    before = mid[np.searchsorted(ts, when, "left") - 1]
    impact = [np.mean(sign * (mid[np.searchsorted(ts, when + h * NS, "right") - 1] - before)) for h in (0, 1, 5, 30)]
    paid = np.mean(sign * (price - before))
    assert paid > 0
    assert 0 < impact[0] < impact[1] < impact[2] < impact[3]
    assert impact[3] > 0.25 * paid


def test_spreads_and_queues_fit_the_tick(hours: tuple[str, Chunk]) -> None:
    """Large tick: one tick of spread nearly always, long queues. Small tick: several ticks, gaps between levels."""
    name, chunk = hours
    _, bid, ask, _ = mids(chunk)
    spread = ask - bid
    assert (spread >= 1).all()
    if name == "large":
        assert np.mean(spread == 1) > 0.8
        lots = [book.levels[0][book.best()[0]] for _, book in states(chunk, LevelBook())]
        assert np.median(lots) > 20
    else:
        assert 3 < np.median(spread) < 30
        gaps = [top[0] - top[1] for _, book in states(chunk, LevelBook()) if (top := sorted(book.levels[0])[-2:][::-1])]
        assert np.mean(gaps) > 1.5


@pytest.mark.slow
def test_a_day_is_u_shaped() -> None:
    """Activity and volatility: the first and last two hours beat the middle four."""
    for spec in (SYNBTC, SYNES):
        chunk, _ = whole(spec)
        ts, _, _, mid = mids(chunk)
        per_hour = np.bincount((chunk.exch_ts - spec.start_ns) // (3600 * NS), minlength=24)
        grid = mid[np.searchsorted(ts, spec.start_ns + 60 * NS * np.arange(1, 24 * 60), "right") - 1]
        moves = np.abs(np.diff(grid))
        ends = np.r_[moves[:120], moves[-120:]].mean()
        assert (per_hour[:2].sum() + per_hour[-2:].sum()) > 1.5 * per_hour[10:14].sum()
        assert ends > 1.2 * moves[600:840].mean()


def test_without_the_jit_the_rows_are_the_same() -> None:
    """Python and machine code agree bit for bit (a short tape, in a process without the JIT)."""
    code = (
        "import hashlib\n"
        "from dataclasses import replace\n"
        "from simcore.tape.synth_run import flow_chunks\n"
        "from simcore.tape.synth_spec import SYNBTC\n"
        "spec = replace(SYNBTC, seed=9, duration_s=120, warmup_s=30, disorder_median_ns=1e7)\n"
        "digest = hashlib.sha256()\n"
        "for pair in flow_chunks(spec, True, True):\n"
        "    for chunk in pair:\n"
        "        for column in chunk:\n"
        "            digest.update(column.tobytes())\n"
        "print(digest.hexdigest())\n"
    )
    digests = set()
    for flag in ("0", "1"):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True,
            cwd=Path(__file__).parents[2], env={**os.environ, "NUMBA_DISABLE_JIT": flag},
        )  # fmt: skip
        digests.add(run.stdout.strip())
    assert len(digests) == 1
