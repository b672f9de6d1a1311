"""Write a tape as hftbacktest events: an .npz with one array `data` of 64 bytes an event.

What has no counterpart there (GAP, FUNDING, own orders and fills) is left out and counted. hftbacktest
ignores its own best-quote events in a backtest, so BEST rows become the level changes that they mean; with
`best="bbo"` they stay best-quote events, and the file reads back as it was. An L3_EXEC becomes a fill and
the cancel or modify that repeats it, an L3_REDUCE a cancel or a modify.
"""

from __future__ import annotations

import filecmp
import heapq
import math
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np

from simcore.door.arguments import FLAG, PATH, TAPE, either, one_of, public
from simcore.errors import ConvertError
from simcore.files import begin, discard, publish
from simcore.records import (
    ASK_BIT,
    BEST,
    CLEAR,
    DEPTH,
    EXCH_BIT,
    KIND_LABELS,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    NO_SIDE_BIT,
    SNAPSHOT,
    TRADE,
    Chunk,
)
from simcore.tape.convert.hftbacktest import (
    ADD_ORDER_EVENT,
    BUY_EVENT,
    CANCEL_ORDER_EVENT,
    DEPTH_BBO_EVENT,
    DEPTH_CLEAR_EVENT,
    DEPTH_EVENT,
    DEPTH_SNAPSHOT_EVENT,
    EVENT_DTYPE,
    EXCH_EVENT,
    FILL_EVENT,
    LOCAL_EVENT,
    MODIFY_ORDER_EVENT,
    SELL_EVENT,
    TRADE_EVENT,
)
from simcore.tape.read import opened

_KINDS = {
    DEPTH: DEPTH_EVENT, SNAPSHOT: DEPTH_SNAPSHOT_EVENT, TRADE: TRADE_EVENT, BEST: DEPTH_BBO_EVENT,
    CLEAR: DEPTH_CLEAR_EVENT, L3_ADD: ADD_ORDER_EVENT, L3_REDUCE: CANCEL_ORDER_EVENT, L3_EXEC: FILL_EVENT,
}  # fmt: skip
_COPY_BYTES = 1 << 22
_EVENT = tuple[int, int, int, float, float, int]  # ev, exch_ts, local_ts, px, qty, order_id


class ExportTape(Protocol):
    """What an export needs of a tape."""

    @property
    def instrument(self) -> Any: ...
    def chunks(self) -> Iterable[Chunk]: ...


@public(tape=either(TAPE, PATH), out=PATH, best=one_of("depth", "bbo"), replace=FLAG)
def export_npz(tape: ExportTape | Path | str, out: Path | str, best: str = "depth", *, replace: bool = False) -> dict[str, int]:
    """Write the tape to out (.npz), atomically, in memory bounded by a chunk; return counts.

    best : "depth" (BEST rows become level changes) or "bbo" (they stay best-quote events).
    Counts: `events`, and a `<kind>_rows_left_out` for each kind that hftbacktest cannot express.
    replace : put the file in the place of one that is there and differs; else it is refused.
    Raises ConvertError CONV-009 if out cannot be written, CONV-016.
    """
    tape, out = opened(tape), Path(out)
    exporter = Exporter(Decimal(str(tape.instrument.tick_size)), Decimal(str(tape.instrument.lot_size)), best)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent) as raw:
            for chunk in tape.chunks():
                raw.write(exporter.events(chunk).tobytes())
            temporary = begin(out)
            try:
                _write_zip(raw, temporary)
                if not replace and out.exists() and not filecmp.cmp(temporary, out, shallow=False):
                    raise ConvertError("CONV-016", f"{out}: it holds something else")
                publish(temporary, out)
            finally:
                discard(temporary)
    except OSError as exc:
        raise ConvertError("CONV-009", f"{out}: {exc}") from exc
    return dict(exporter.counts)


class Exporter:
    """Turns chunks of one tape, in order, into hftbacktest events.

    tick_size, lot_size : Decimal, in price and quantity units of the venue.
    """

    def __init__(self, tick_size: Decimal, lot_size: Decimal, best: str = "depth") -> None:
        if best not in ("depth", "bbo"):
            raise ValueError(f"best is {best!r}; expected depth or bbo")
        self.counts: Counter[str] = Counter()
        self._tick = tick_size.as_integer_ratio()
        self._lot = lot_size.as_integer_ratio()
        self._fuse = best == "depth"
        self._levels = {bit: (_Levels(-1), _Levels(1)) for bit in (EXCH_BIT, LOCAL_BIT)}
        self._left: dict[int, dict[int, float]] = {EXCH_BIT: {}, LOCAL_BIT: {}}  # order id -> lots left

    def events(self, chunk: Chunk) -> Any:
        """Return the events of the next chunk, EVENT_DTYPE [m]."""
        kind = chunk.ev & KIND_MASK
        known = np.isin(kind, list(_KINDS))
        for code, rows in zip(*np.unique(kind[~known], return_counts=True), strict=True):
            self.counts[f"{KIND_LABELS[int(code)]}_rows_left_out"] += int(rows)
        has_orders = bool(((kind >= L3_ADD) & (kind <= L3_EXEC)).any())
        if has_orders or (self._fuse and (self._has_levels() or bool((kind == BEST).any()))):
            out = self._by_row(chunk, known)
        else:
            out = self._by_column(chunk, kind, known)
            if self._fuse and bool(known.any()):
                self._track(chunk, known)
        self.counts["events"] += len(out)
        return out

    def _by_column(self, chunk: Chunk, kind: Any, known: Any) -> Any:
        codes = np.zeros(16, dtype=np.uint64)
        for ours, theirs in _KINDS.items():
            codes[ours] = theirs
        ev = chunk.ev[known]
        out = np.zeros(int(known.sum()), dtype=EVENT_DTYPE)
        out["ev"] = codes[kind[known]] | _flags(ev)
        out["exch_ts"], out["local_ts"] = chunk.exch_ts[known], chunk.local_ts[known]
        out["px"] = _scaled(chunk.price_ticks[known], self._tick)
        out["qty"] = _scaled(chunk.qty_lots[known], self._lot)
        whole = (kind[known] == CLEAR) & (out["qty"] == 0)
        out["px"][whole] = np.nan
        return out

    def _by_row(self, chunk: Chunk, known: Any) -> Any:
        """Events of rows whose meaning depends on the book: orders, and best quotes to fuse."""
        made: list[_EVENT] = []
        ids = chunk.order_id if len(chunk.order_id) else np.zeros(len(chunk.ev), dtype=np.int64)
        price, qty = _scaled(chunk.price_ticks, self._tick), chunk.qty_lots
        columns = (chunk.ev, _flags(chunk.ev), chunk.exch_ts, chunk.local_ts, price, qty, ids, known)
        for ev, flags, exch, local, px, lots, order_id, use in zip(*(c.tolist() for c in columns), strict=True):
            if not use:
                continue
            kind, seen = ev & KIND_MASK, ev & (EXCH_BIT | LOCAL_BIT)
            if L3_ADD <= kind <= L3_EXEC:
                steps = self._order_steps(kind, seen, px, lots, order_id)
            else:
                steps = self._level_steps(kind, ev, seen, px, lots)
            side = flags & (BUY_EVENT | SELL_EVENT)
            for code, bits, step_px, step_lots in steps:
                mark = (EXCH_EVENT if bits & EXCH_BIT else 0) | (LOCAL_EVENT if bits & LOCAL_BIT else 0)
                made.append((code | side | mark, exch, local, step_px, step_lots, order_id))
        out = np.zeros(len(made), dtype=EVENT_DTYPE)
        for name, values in zip(("ev", "exch_ts", "local_ts", "px", "qty", "order_id"), zip(*made, strict=True), strict=False):
            out[name] = np.array(values, dtype=EVENT_DTYPE[name] if name != "qty" else np.int64)
        lots_out = np.array([m[4] for m in made], dtype=np.int64)
        out["qty"] = _scaled(lots_out, self._lot)
        return out

    def _order_steps(self, kind: int, seen: int, px: float, lots: int, order_id: int) -> list[tuple[int, int, float, int]]:
        """Return (event kind, who sees it, px, lots) of an order row; each side has its own remainders."""
        steps: dict[int, list[tuple[int, float, int]]] = {}
        for bit in (EXCH_BIT, LOCAL_BIT):
            if seen & bit:
                steps[bit] = self._order_steps_of(self._left[bit], kind, px, lots, order_id)
        first, *others = steps.values()
        if others and others[0] == first:
            return [(code, seen, p, q) for code, p, q in first]
        return [(code, bit, p, q) for bit, made in steps.items() for code, p, q in made]

    def _order_steps_of(
        self, left: dict[int, float], kind: int, px: float, lots: int, order_id: int
    ) -> list[tuple[int, float, int]]:
        if kind == L3_ADD:
            left[order_id] = lots
            return [(ADD_ORDER_EVENT, px, lots)]
        held = left.get(order_id)
        if held is None:
            self.counts["rows_of_unknown_orders_left_out"] += 1
            return []
        rest = int(held) - lots
        fill = [(FILL_EVENT, px, lots)] if kind == L3_EXEC else []
        if rest > 0:
            left[order_id] = rest
            return [*fill, (MODIFY_ORDER_EVENT, px, rest)]
        del left[order_id]
        return [*fill, (CANCEL_ORDER_EVENT, px, lots)]

    def _level_steps(self, kind: int, ev: int, seen: int, px: float, lots: int) -> list[tuple[int, int, float, int]]:
        """Return the events of a level row: BEST becomes removals of the better levels, then the level."""
        if kind == CLEAR and lots == 0:
            px = float("nan")
        ask = 1 if ev & ASK_BIT else 0
        steps: list[tuple[int, int, float, int]] = []
        if kind == BEST and self._fuse:
            for bit in (EXCH_BIT, LOCAL_BIT):
                if seen & bit:
                    steps += [(DEPTH_EVENT, bit, p, 0) for p in self._levels[bit][ask].take_better(px)]
            self.counts["best_rows_as_depth"] += 1
            steps.append((DEPTH_EVENT, seen, px, lots))
        else:
            if kind == CLEAR:
                self._forget(ev, seen)
            steps.append((_KINDS[kind], seen, px, lots))
        self._update(kind, ev, seen, px, lots)
        return steps

    def _track(self, chunk: Chunk, known: Any) -> None:
        """Keep the levels for best quotes of later chunks."""
        price = _scaled(chunk.price_ticks, self._tick)
        columns = (chunk.ev, price, chunk.qty_lots, known)
        for ev, px, lots, use in zip(*(c.tolist() for c in columns), strict=True):
            if use:
                self._update(ev & KIND_MASK, ev, ev & (EXCH_BIT | LOCAL_BIT), float("nan") if lots == 0 and ev & KIND_MASK == CLEAR else px, lots)

    def _update(self, kind: int, ev: int, seen: int, px: float, lots: int) -> None:
        """Apply a level row to the levels of the sides that see it."""
        if not self._fuse or kind not in (DEPTH, SNAPSHOT, BEST, CLEAR):
            return
        ask = 1 if ev & ASK_BIT else 0
        sides = (0, 1) if ev & NO_SIDE_BIT else (ask,)
        for bit in (EXCH_BIT, LOCAL_BIT):
            if not seen & bit:
                continue
            for side in sides:
                if kind == CLEAR:
                    self._levels[bit][side].clear(px)
                elif kind == BEST:
                    self._levels[bit][side].take_better(px)
            if kind != CLEAR:
                self._levels[bit][ask].set_level(px, lots)

    def _has_levels(self) -> bool:
        return any(side.lots for sides in self._levels.values() for side in sides)

    def _forget(self, ev: int, seen: int) -> None:
        """A clear of both sides ends the orders of the sides that see it."""
        if ev & NO_SIDE_BIT:
            for bit in (EXCH_BIT, LOCAL_BIT):
                if seen & bit:
                    self._left[bit].clear()


class _Levels:
    """The levels of one side, and a heap that finds those better than a price without looking at the others.

    worse : -1 for bids, 1 for asks; the sign of a step away from the market.
    """

    def __init__(self, worse: int) -> None:
        self.lots: dict[float, float] = {}
        self._worse = worse
        self._heap: list[float] = []  # worse * price of every level, and of some that are gone

    def set_level(self, px: float, lots: float) -> None:
        """Set a level; 0 lots removes it."""
        if not lots:
            self.lots.pop(px, None)
            return
        if px not in self.lots:
            if len(self._heap) > 4 * len(self.lots) + 1024:
                self._heap = sorted(self._worse * held for held in self.lots)
            heapq.heappush(self._heap, self._worse * px)
        self.lots[px] = lots

    def take_better(self, px: float) -> list[float]:
        """Remove the levels better than px; return their prices, best first."""
        taken: list[float] = []
        while self._heap and self._heap[0] < self._worse * px:
            price = self._worse * heapq.heappop(self._heap)
            if self.lots.pop(price, 0):
                taken.append(price)
        return taken

    def clear(self, px: float) -> None:
        """Remove the levels from the best to px inclusive; all if px is NaN."""
        if math.isnan(px):
            self.lots.clear()
            self._heap.clear()
            return
        self.take_better(px)
        self.lots.pop(px, None)


def _flags(ev: Any) -> Any:
    """Return who sees each row, and its side, as hftbacktest bits."""
    none = (ev & NO_SIDE_BIT) != 0
    ask = (ev & ASK_BIT) != 0
    out = np.where(none, 0, np.where(ask, SELL_EVENT, BUY_EVENT)).astype(np.uint64)
    out |= np.where((ev & EXCH_BIT) != 0, EXCH_EVENT, 0).astype(np.uint64)
    return out | np.where((ev & LOCAL_BIT) != 0, LOCAL_EVENT, 0).astype(np.uint64)


def _scaled(values: Any, ratio: tuple[int, int]) -> Any:
    """Return integer multiples of a decimal as the nearest floats: n × p ÷ q rounds once while n × p < 2^53."""
    return (np.asarray(values) * ratio[0]) / ratio[1]


def _write_zip(raw: IO[bytes], target: Path) -> None:
    """Write the raw events as `data.npy` in a zip."""
    size = raw.tell()
    raw.seek(0)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        entry = zipfile.ZipInfo("data.npy")  # a fixed date: equal tapes give equal files
        entry.compress_type = zipfile.ZIP_DEFLATED
        with archive.open(entry, "w", force_zip64=True) as member:
            header = {"descr": np.lib.format.dtype_to_descr(EVENT_DTYPE), "fortran_order": False, "shape": (size // EVENT_DTYPE.itemsize,)}
            np.lib.format.write_array_header_1_0(member, header)
            while block := raw.read(_COPY_BYTES):
                member.write(block)
