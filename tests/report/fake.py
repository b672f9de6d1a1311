"""Run folders made by the accounting rules of docs/semantics.md 4.6 in plain Python, without an engine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from simcore import records as rec
from simcore.journal.store import STREAMS, to_table
from tests.sealing import reseal

START_TS = 1_723_075_200_000_000_000  # 2024-08-08 00:00:00 UTC
STEP_NS = 100_000_000
SECOND_NS = 1_000_000_000
RESPONSE_NS = 5_000_000

INSTRUMENTS: dict[str, dict[str, Any]] = {
    "linear": {
        "instrument": {
            "venue": "fake", "symbol": "BTCUSDT", "kind": "linear", "tick_size": "0.1", "lot_size": "0.001",
            "contract_size": "1", "base": "BTC", "quote": "USDT",
        },
        "value_scale": 10_000, "cash_unit": "0.00000001", "price": 617_000,
    },
    "inverse": {
        "instrument": {
            "venue": "fake", "symbol": "BTCUSD_PERP", "kind": "inverse", "tick_size": "0.1", "lot_size": "1",
            "contract_size": "100", "base": "BTC", "quote": "USD",
        },
        "value_scale": 10_000_000_000_000, "cash_unit": "0.0000000001", "price": 617_000,
    },
    "spot": {
        "instrument": {
            "venue": "fake", "symbol": "BTCUSDT", "kind": "spot", "tick_size": "0.01", "lot_size": "0.00001",
            "contract_size": "1", "base": "BTC", "quote": "USDT",
        },
        "value_scale": 10, "cash_unit": "0.00000001", "price": 6_170_000,
    },
    "huge": {
        "instrument": {
            "venue": "fake", "symbol": "HUGE", "kind": "linear", "tick_size": "0.1", "lot_size": "0.001",
            "contract_size": "1", "base": "HUGE", "quote": "USD",
        },
        "value_scale": 10_000, "cash_unit": "0.00000001", "price": 100_000_000,
    },
}  # fmt: skip


@dataclass
class Spec:
    """What the fake run is like. fill_count fills, spread over `seconds`; sides: "both", "buy", "sell"."""

    kind: str = "linear"
    seconds: int = 120
    fill_count: int = 60
    sides: str = "both"
    maker_rate: int = -5_000
    taker_rate: int = 40_000
    takers: bool = True
    lots: int = 10
    samples: int | None = None
    one_sided_book: bool = False
    rejects: int = 3
    reject_reason: int = rec.WOULD_CROSS
    funding_units: int = 0
    traces: int = 0
    seed: int = 1
    note: dict[str, Any] = field(default_factory=dict)


def make_run(folder: Path, spec: Spec | None = None) -> Path:
    """Write a run folder and return it."""
    fake = _Fake(spec or Spec())
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    for stream, dtype in STREAMS.items():
        rows = np.zeros(len(fake.rows[stream]), dtype)
        for i, row in enumerate(fake.rows[stream]):
            for name, value in row.items():
                rows[name][i] = value
        pq.write_table(to_table(rows), folder / "journal" / f"{stream}.parquet")
    (folder / "run.json").write_text(json.dumps(fake.note(), indent=2))
    (folder / "counts.json").write_text(json.dumps(fake.counts(), indent=2))
    (folder / "config.yaml").write_text("version: 2\nstrategy:\n  name: demo_maker\n")
    return reseal(folder)


def notional(kind: str, scale: int, price: int, lots: int) -> int:
    return (lots * scale + price // 2) // price if kind == "inverse" else price * lots * scale


class _Fake:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.meta = INSTRUMENTS[spec.kind]
        self.kind = self.meta["instrument"]["kind"]
        self.scale = self.meta["value_scale"]
        self.random = random.Random(spec.seed)
        self.end_ts = START_TS + spec.seconds * SECOND_NS
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in STREAMS}
        self.book = list(self._walk())
        self.seq = 0
        self._fills()
        self._fund()
        self._refuse()
        self._markouts()
        self._samples()
        self._traces()
        self._features()
        self.rows["requests"].sort(key=lambda row: row["ts"])
        self.rows["reports"].sort(key=lambda row: row["ts"])

    def _walk(self) -> Iterator[tuple[int, int]]:
        bid = self.meta["price"]
        for _ in range(self.spec.seconds * 10 + 1):
            bid += self.random.choice((-2, -1, 0, 0, 1, 2))
            yield bid, bid + self.random.choice((1, 1, 2, 3))

    def book_at(self, ts: int) -> tuple[int, int]:
        return self.book[(ts - START_TS) // STEP_NS]

    def _fills(self) -> None:
        position = 0
        span = self.spec.seconds * SECOND_NS
        times = sorted(self.random.randrange(span) for _ in range(self.spec.fill_count))
        for seq, after_ns in enumerate(times):
            ts = START_TS + after_ns
            side = {"buy": rec.BID, "sell": rec.ASK}.get(self.spec.sides, self.random.choice((rec.BID, rec.ASK)))
            taker = self.spec.takers and seq % 7 == 3
            bid, ask = self.book_at(ts)
            passive, aggressive = (bid, ask) if side == rec.BID else (ask, bid)
            price = aggressive if taker else passive
            lots = self.random.randrange(1, self.spec.lots + 1)
            leaves = 0 if taker else self.random.choice((0, 0, 0, 2))
            position += lots if side == rec.BID else -lots
            rate = self.spec.taker_rate if taker else self.spec.maker_rate
            fee = (notional(self.kind, self.scale, price, lots) * rate + 50_000_000) // 100_000_000
            if self.spec.one_sided_book and seq % 5 == 0:
                ask = rec.NO_PRICE
            order_id = (seq + 1) << 16
            slack = (1 if side == rec.BID else -1) * (2 if taker else 0)
            self._request(ts - 40_000_000, rec.PLACE, order_id, side, price + slack, lots + leaves, taker)
            entry = 0.0 if taker else float(self.random.randrange(0, 400))
            liquidity = rec.TAKER if taker else rec.MAKER
            reason = rec.FILL_TAKE if taker else self.random.choice((rec.FILL_QUEUE, rec.FILL_QUEUE, rec.FILL_THROUGH, rec.FILL_CROSS))
            shared = {
                "exch_ts": ts, "ts": ts + RESPONSE_NS, "order_id": order_id, "side": side, "price_ticks": price,
                "qty_lots": lots, "leaves_lots": leaves, "liquidity": liquidity, "reason": reason, "fee_units": fee,
            }  # fmt: skip
            self.rows["fills"].append(
                {**shared, "seq": seq, "bid_ticks": bid, "ask_ticks": ask, "position_lots": position,
                 "ahead_entry_lots": entry, "ahead_lots": entry * self.random.random() * 0.2}
            )  # fmt: skip
            state = rec.PARTIALLY_FILLED if leaves else rec.FILLED
            self._report(kind=rec.ACKED, order_id=order_id, ts=ts, exch_ts=ts - RESPONSE_NS, side=side, price_ticks=price)
            self._report(kind=rec.TRADED, state=state, **shared)
            if leaves:
                self._request(ts + RESPONSE_NS, rec.CANCEL, order_id, side, price, 0, False)

    def _request(self, ts: int, kind: int, order_id: int, side: int, price: int, lots: int, taker: bool) -> None:
        tif = rec.IOC if taker else rec.POST_ONLY
        self.rows["requests"].append(
            {"ts": ts, "seq": len(self.rows["requests"]), "kind": kind, "order_id": order_id, "side": side, "tif": tif,
             "price_ticks": price, "qty_lots": lots}
        )  # fmt: skip

    def _report(self, **fields: int) -> None:
        self.rows["reports"].append({"seq": len(self.rows["reports"]), **fields})

    def _fund(self) -> None:
        if self.spec.funding_units:
            ts = START_TS + self.spec.seconds * SECOND_NS // 2
            self._report(kind=rec.FUNDED, ts=ts, exch_ts=ts - RESPONSE_NS, fee_units=self.spec.funding_units)

    def _refuse(self) -> None:
        for i in range(self.spec.rejects):
            ts = START_TS + (i + 1) * SECOND_NS
            order_id = (100_000 + i) << 16
            self._request(ts, rec.PLACE, order_id, rec.BID, self.meta["price"], 1, False)
            reason = self.spec.reject_reason if i else rec.RATE_LIMIT
            self._report(kind=rec.REFUSED, ts=ts + RESPONSE_NS, exch_ts=ts, order_id=order_id, reason=reason, state=rec.REJECTED)

    def _markouts(self) -> None:
        for fill in self.rows["fills"]:
            for horizon, after_ns in enumerate(rec.MARKOUT_NS):
                ts = fill["exch_ts"] + after_ns
                if ts <= self.end_ts:
                    bid, ask = self.book_at(ts)
                    self.rows["markouts"].append(
                        {"exch_ts": ts, "fill_seq": fill["seq"], "horizon": horizon, "bid_ticks": bid, "ask_ticks": ask}
                    )
        self.rows["markouts"].sort(key=lambda row: row["exch_ts"])

    def _samples(self) -> None:
        count = self.spec.seconds if self.spec.samples is None else self.spec.samples
        booked = sorted((r for r in self.rows["reports"] if r["kind"] in (rec.TRADED, rec.FUNDED)), key=lambda r: r["ts"])
        cash = fees = position = 0
        for k in range(count):
            ts = START_TS + (k + 1) * SECOND_NS
            while booked and booked[0]["ts"] <= ts:
                row = booked.pop(0)
                if row["kind"] == rec.FUNDED:
                    cash -= row["fee_units"]
                    continue
                sign = 1 if row["side"] == rec.BID else -1
                value = notional(self.kind, self.scale, row["price_ticks"], row["qty_lots"])
                cash -= sign * value * (-1 if self.kind == "inverse" else 1)
                fees += row["fee_units"]
                position += sign * row["qty_lots"]
            bid, ask = self.book_at(ts)
            quoting = self.random.random()
            self.rows["samples"].append(
                {"ts": ts, "bid_ticks": bid, "ask_ticks": ask, "position_lots": position, "cash_units": cash,
                 "fee_units": fees, "equity_units": cash - fees + self.value(position, bid, ask),
                 "quote_bid_ticks": bid - 1 if quoting < 0.95 else 0, "quote_ask_ticks": ask + 1 if quoting > 0.1 else 0,
                 "open_orders": 2}
            )  # fmt: skip

    def _traces(self) -> None:
        """Stages a, b and c take 1000, 2000 and 3000 cycles more each time, the requests 500; every 50th waits 250 ms."""
        for i in range(self.spec.traces):
            marks = [1_000_000 * i]
            for cycles in (1000, 2000, 3000):
                marks.append(marks[-1] + cycles * (i + 1))
            row = {f"mark{j}": mark for j, mark in enumerate(marks)}
            self.rows["traces"].append(
                {**row, "mark13": marks[-1] + 500, "ts": START_TS + i * 3600 * SECOND_NS, "tick": 10 * i, "stages": 3,
                 "cache_hit": i % 3 != 0, "cache_age_ns": i * 1_000_000, "used_stale": i % 7 == 0,
                 "wait_ns": 250_000_000 if i % 50 == 49 else 0, "level": i % 3, "soft": 1 << 4 if i % 3 else 0,
                 "hard": 1 << 5 if i % 3 == 2 else 0, "spread_bps": 1.0 + i, "vol_score": 0.25}
            )  # fmt: skip

    def _features(self) -> None:
        """One row a second: each feature is its place in the record plus the row's number, fills are three in four makers."""
        names = rec.FEATURE.names or ()
        for i in range(self.spec.seconds if self.spec.traces else 0):
            row: dict[str, Any] = {name: float(place + i) for place, name in enumerate(names)}
            counts = {"fills_total": 4 * i, "fills_maker": 3 * i, "fills_taker": i}
            self.rows["features"].append({**row, "ts": START_TS + i * SECOND_NS, "lane": 0, **counts})

    def value(self, position: int, bid: int, ask: int) -> int:
        if self.kind == "inverse":
            return (-position * 2 * self.scale) // (bid + ask)
        return position * (bid + ask) * self.scale // 2

    def counts(self) -> dict[str, Any]:
        fills = self.rows["fills"]
        signs = [1 if row["side"] == rec.BID else -1 for row in fills]
        values = [notional(self.kind, self.scale, row["price_ticks"], row["qty_lots"]) for row in fills]
        direction = -1 if self.kind == "inverse" else 1
        kinds = [row["kind"] for row in self.rows["requests"]]
        makers = sum(row["liquidity"] == rec.MAKER for row in fills)
        return {
            "rows": 1_234_567, "wall_s": 0.5, "ticks": self.spec.seconds * 10, "skipped_ticks": 2,
            "orders": kinds.count(rec.PLACE), "amends": 0, "cancels": kinds.count(rec.CANCEL), "fills": len(fills),
            "maker_fills": makers, "taker_fills": len(fills) - makers,
            "partial_fills": sum(row["leaves_lots"] > 0 for row in fills),
            "volume_lots": sum(row["qty_lots"] for row in fills), "turnover_units": sum(values),
            "fee_units": sum(row["fee_units"] for row in fills), "funding_units": self.spec.funding_units,
            "cash_units": -direction * sum(s * v for s, v in zip(signs, values, strict=True)) - self.spec.funding_units,
            "position_lots": sum(s * row["qty_lots"] for s, row in zip(signs, fills, strict=True)),
            "refused": self.spec.rejects, "expired": 0, "late_reports": 1, "open_orders": 2,
        }  # fmt: skip

    def note(self) -> dict[str, Any]:
        return {
            "status": "done", "mmsim": "0.1.0", "code_hash": "c0de" * 4, "config_hash": "c0f1" * 16, "fingerprint": "f1" * 32,
            "versions": "python 3.11.0 numba 0.68.0", "instrument": self.meta["instrument"],
            "tapes": [{"path": "tapes/fake.parquet", "content_hash": "ab" * 32, "rows": 1_234_567}],
            "inferred": [], "synthetic": False, "clock": {"policy": "keep", "offset_ns": 0}, "level": "l2",
            "value_scale": self.scale, "cash_unit": self.meta["cash_unit"], "strategy": "demo_maker",
            "seed": 0, "repeat": 1, "start_ts": START_TS, "end_ts": self.end_ts, "digest": "d1" * 32,
            **({"stages": ["a", "b", "c"], "cycles_per_ns": 2.0} if self.spec.traces else {}), **self.spec.note,
        }  # fmt: skip
