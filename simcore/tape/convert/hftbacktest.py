"""hftbacktest event arrays: .npz (one or several arrays) or .npy, 64 bytes an event.

Fields: ev (kind in the low byte, EXCH 2^31, LOCAL 2^30, BUY 2^29, SELL 2^28), exch_ts, local_ts (ns), px, qty,
and order_id. Rows are in their final order already and say themselves who sees them. A bounded clear has a
finite px (from the best to px inclusive), any other clear takes the whole side; without a side, both.
"""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simcore.door.files import check_file
from simcore.errors import ConvertError
from simcore.records import ASK_BIT, BEST, CLEAR, DEPTH, EXCH_BIT, LOCAL_BIT, NO_SIDE_BIT, SNAPSHOT, TRADE
from simcore.tape.convert.base import ConvertOptions, Source, SourceRows
from simcore.tape.convert.mbo import OrderMessages
from simcore.tape.convert.orders import OrderRows, columns
from simcore.tape.convert.unpacked import check_size

DEPTH_EVENT, TRADE_EVENT, DEPTH_CLEAR_EVENT, DEPTH_SNAPSHOT_EVENT, DEPTH_BBO_EVENT = range(1, 6)
ADD_ORDER_EVENT, CANCEL_ORDER_EVENT, MODIFY_ORDER_EVENT, FILL_EVENT = range(10, 14)
EXCH_EVENT, LOCAL_EVENT, BUY_EVENT, SELL_EVENT = 1 << 31, 1 << 30, 1 << 29, 1 << 28
EVENT_DTYPE = np.dtype(
    [
        ("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"),
        ("order_id", "<u8"), ("ival", "<i8"), ("fval", "<f8"),
    ]
)  # fmt: skip
_NEEDED = ("ev", "exch_ts", "local_ts", "px", "qty")
_LEVEL_KINDS = {
    DEPTH_EVENT: DEPTH, TRADE_EVENT: TRADE, DEPTH_CLEAR_EVENT: CLEAR, DEPTH_SNAPSHOT_EVENT: SNAPSHOT,
    DEPTH_BBO_EVENT: BEST,
}  # fmt: skip
_ORDER_ACTIONS = {
    ADD_ORDER_EVENT: "A", CANCEL_ORDER_EVENT: "C", MODIFY_ORDER_EVENT: "M", FILL_EVENT: "F",
    TRADE_EVENT: "T", DEPTH_CLEAR_EVENT: "R",
}  # fmt: skip
_SAID = {
    "snapshot_rows_without_time": "rows of a snapshot had no time: they got that of the first live row after them",
    "trades_without_quantity": "trades of quantity 0 were dropped",
    "rows_of_unknown_kind": "rows are of no known kind and were dropped",
    "rows_with_both_sides": "rows have both sides and were dropped",
    "rows_without_side": "rows have no side and were dropped",
    "depth_rows_of_order_source": "rows of levels stand among orders and were dropped",
}  # counts that a warning tells of
_QTY_DIGITS_MAX = 9
_ORDER_QTY_MAX = 1e9  # of single orders, which are counted in units of 1e-9 at the finest: it still fits int64


def read(paths: Sequence[Path], options: ConvertOptions) -> Source:
    """Read event arrays, in the order given, as one source: L3 if it holds order events, else L2.

    Raises ConvertError: CONV-001 no file, CONV-002 no rows, CONV-003 unreadable or out of order,
    CONV-004 value not finite or negative, CONV-011 files not in time order.
    """
    counts: Counter[str] = Counter()
    of_file = [list(_load(path, options, counts)) for path in paths]
    arrays = [array for each in of_file for array in each]
    events = np.concatenate(arrays) if arrays else np.zeros(0, dtype=EVENT_DTYPE)
    file = np.repeat(np.arange(len(paths)), [sum(map(len, each)) for each in of_file])
    line = np.arange(len(events), dtype=np.int64)
    flagged = bool(((events["ev"] & np.uint64(EXCH_EVENT | LOCAL_EVENT)) != 0).any())
    keep = _usable(events, flagged, counts)
    events, line, file = events[keep], line[keep], file[keep]
    if not len(events):
        raise ConvertError("CONV-002", f"{paths[0]}: no events")
    kind = (events["ev"] & np.uint64(0xFF)).astype(np.int64)
    _stamp_snapshots(events, kind, flagged, counts)
    level = "l3" if (kind >= ADD_ORDER_EVENT).any() else "l2"
    _check_values(events, kind, line, level)
    _check_order(events, line, file, paths, flagged)
    rows = _order_rows(events, kind, line, flagged, counts) if level == "l3" else _level_rows(events, kind, line)
    warnings = [] if flagged else ["no row says whether exchange or local side sees it; both were assumed"]
    warnings += [f"{counts[name]} {text}" for name, text in _SAID.items() if counts[name]]
    return Source(
        rows=rows, level=level, venue="", symbol=options.symbol or "", kind=None, hints={}, counts=dict(counts),
        warnings=warnings, flagged=flagged,
    )  # fmt: skip


def _load(path: Path, options: ConvertOptions, counts: Counter[str]) -> list[Any]:
    """Return the event arrays of a file, as EVENT_DTYPE, in stored order."""
    check_file(path, ConvertError, "CONV-001")
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                check_size(path, sum(member.file_size for member in archive.infolist()), options)
        with path.open("rb") as stream:  # np.load leaves a file that it opened itself open when it fails
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                named = {path.name: loaded}
            else:
                named = {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, KeyError, RuntimeError) as exc:
        raise ConvertError("CONV-003", f"{path}: not an npz or npy file: {exc}") from exc
    except (SyntaxError, tokenize.TokenError, TypeError, MemoryError, OverflowError, AttributeError) as exc:
        raise ConvertError("CONV-003", f"{path}: damaged array header: {exc!r}") from exc
    events = []
    for name, array in named.items():
        fields = getattr(array, "dtype", np.dtype("f8")).names
        if fields is None or any(field not in fields for field in _NEEDED):
            if len(named) == 1:
                found = f"fields {', '.join(fields)}" if fields else "a plain array (format of hftbacktest 1.x?)"
                raise ConvertError("CONV-003", f"{path}: {found}; expected fields {', '.join(_NEEDED)}")
            counts["arrays_ignored"] += 1
            continue
        events.append(_as_events(path, name, array.reshape(-1)))
    if not events:
        raise ConvertError("CONV-003", f"{path}: no array with fields {', '.join(_NEEDED)}")
    return events


def _as_events(path: Path, name: str, array: Any) -> Any:
    """Copy the fields of a structured array into EVENT_DTYPE; absent optional fields are 0."""
    out = np.zeros(len(array), dtype=EVENT_DTYPE)
    for field in EVENT_DTYPE.names or ():
        if field not in array.dtype.names:
            continue
        have, want = array.dtype[field], EVENT_DTYPE[field]
        if have.kind not in "iuf" or (want.kind in "iu" and have.kind == "f"):
            raise ConvertError("CONV-003", f"{path}: array {name}: field {field} is {have}; expected {want}")
        out[field] = array[field]
    return out


def _usable(events: Any, flagged: bool, counts: Counter[str]) -> Any:
    """Return which rows say something that can be replayed; the others are counted, as hftbacktest ignores them."""
    ev = events["ev"]
    kind = (ev & np.uint64(0xFF)).astype(np.int64)
    sides = ((ev & np.uint64(BUY_EVENT)) != 0).astype(np.int64) + ((ev & np.uint64(SELL_EVENT)) != 0)
    known = np.isin(kind, [*_LEVEL_KINDS, *_ORDER_ACTIONS])
    needs_side = ~np.isin(kind, (TRADE_EVENT, DEPTH_CLEAR_EVENT, CANCEL_ORDER_EVENT, FILL_EVENT))
    unseen = (ev & np.uint64(EXCH_EVENT | LOCAL_EVENT)) == 0 if flagged else np.zeros(len(ev), dtype=bool)
    faults = {
        "rows_of_unknown_kind": ~known,
        "rows_with_both_sides": known & (sides == 2),
        "rows_without_side": known & needs_side & (sides == 0),
        "rows_that_nobody_sees": known & unseen,
        "trades_without_quantity": (kind == TRADE_EVENT) & (events["qty"] == 0),
    }
    if np.isin(kind, (ADD_ORDER_EVENT, CANCEL_ORDER_EVENT, MODIFY_ORDER_EVENT, FILL_EVENT)).any():
        faults["depth_rows_of_order_source"] = np.isin(kind, (DEPTH_EVENT, DEPTH_SNAPSHOT_EVENT, DEPTH_BBO_EVENT))
    keep = np.ones(len(ev), dtype=bool)
    for name, fault in faults.items():
        if (fault & keep).any():
            counts[name] += int((fault & keep).sum())
        keep &= ~fault
    return keep


def _stamp_snapshots(events: Any, kind: Any, flagged: bool, counts: Counter[str]) -> None:
    """Give rows of a snapshot without a time those of the next row that has them, else of the last one (events: mutated).

    hftbacktest's own `create_last_snapshot` writes 0 on the local clock or on both: the book as it stands when the day begins.
    """
    bare = ((kind == DEPTH_SNAPSHOT_EVENT) | (kind == DEPTH_CLEAR_EVENT)) & ((events["local_ts"] == 0) | (events["exch_ts"] == 0))
    if not bare.any():
        return
    for name, flag in (("exch_ts", EXCH_EVENT), ("local_ts", LOCAL_EVENT)):
        seen = ((events["ev"] & np.uint64(flag)) != 0) | (not flagged)
        live = np.flatnonzero(~bare & seen & (events[name] > 0))
        if len(live):
            events[name][bare] = events[name][live[np.minimum(np.searchsorted(live, np.flatnonzero(bare)), len(live) - 1)]]
    counts["snapshot_rows_without_time"] += int(bare.sum())


def _check_values(events: Any, kind: Any, line: Any, level: str) -> None:
    px, qty = events["px"], events["qty"]
    clear = kind == DEPTH_CLEAR_EVENT
    no_price = np.isin(kind, (CANCEL_ORDER_EVENT, FILL_EVENT))
    bad_px = ~clear & ~no_price & ~(np.isfinite(px) & (px > 0))
    limit = _ORDER_QTY_MAX if level == "l3" else np.inf
    bad_qty = ~clear & ~((qty >= 0) & (qty < limit))
    bad = bad_px | bad_qty | (clear & np.isfinite(px) & (px < 0))
    if bad.any():
        i = int(np.argmax(bad))
        raise ConvertError("CONV-004", f"event {line[i]}: px {px[i]}, qty {qty[i]}; expected a finite px > 0 and 0 <= qty < {limit:g}")
    if (events["order_id"] > np.uint64(2**63 - 1)).any():
        i = int(np.argmax(events["order_id"] > np.uint64(2**63 - 1)))
        raise ConvertError("CONV-004", f"event {line[i]}: order_id {events['order_id'][i]} is above 2^63 - 1")


def _check_order(events: Any, line: Any, file: Any, paths: Sequence[Path], flagged: bool) -> None:
    """Each side's rows must be in time order, as hftbacktest itself requires; files without sides only one after the other, as received."""
    for flag, field in ((EXCH_EVENT, "exch_ts"), (LOCAL_EVENT, "local_ts"))[0 if flagged else 1 :]:
        seen = (events["ev"] & np.uint64(flag)) != 0 if flagged else np.ones(len(events), dtype=bool)
        ts, number, of_file = events[field][seen], line[seen], file[seen]
        back = ts[1:] < ts[:-1]
        between = back & (of_file[1:] != of_file[:-1])
        if between.any():
            i = int(np.argmax(between)) + 1
            raise ConvertError("CONV-011", f"{paths[of_file[i]]} begins at {field} {ts[i]}, before the end {ts[i - 1]} of {paths[of_file[i - 1]]}")
        if flagged and back.any():
            i = int(np.argmax(back)) + 1
            raise ConvertError("CONV-003", f"event {number[i]}: {field} {ts[i]} after {ts[i - 1]}; its rows must be in time order")


def _seen_bits(ev: Any) -> Any:
    """Return the EXCH and LOCAL bits of tape rows."""
    exch = np.where((ev & np.uint64(EXCH_EVENT)) != 0, EXCH_BIT, 0)
    return (exch | np.where((ev & np.uint64(LOCAL_EVENT)) != 0, LOCAL_BIT, 0)).astype(np.uint8)


def _level_rows(events: Any, kind: Any, line: Any) -> SourceRows:
    codes = np.zeros(256, dtype=np.uint8)
    for theirs, ours in _LEVEL_KINDS.items():
        codes[theirs] = ours
    ev = codes[kind] | _seen_bits(events["ev"])
    buy, sell = (events["ev"] & np.uint64(BUY_EVENT)) != 0, (events["ev"] & np.uint64(SELL_EVENT)) != 0
    ev = ev | np.where(sell, ASK_BIT, np.where(buy, 0, NO_SIDE_BIT)).astype(np.uint8)
    price, qty = events["px"].copy(), events["qty"].copy()
    clear = kind == DEPTH_CLEAR_EVENT
    whole = clear & (~np.isfinite(price) | ~(buy | sell))
    price[whole], qty[whole] = 0.0, 0.0
    unit = qty[~clear & (qty > 0)].min(initial=np.inf)  # a quantity of the lot grid: "bounded" needs one above 0
    vague = clear & ~whole & ~(np.isfinite(qty) & (qty > 0))
    qty[vague] = unit if np.isfinite(unit) else 1.0
    return SourceRows(
        events["exch_ts"].copy(), events["local_ts"].copy(), ev, price, qty, np.zeros(0, dtype=np.int64), line
    )


def _order_rows(events: Any, kind: Any, line: Any, flagged: bool, counts: Counter[str]) -> SourceRows:
    """Run the order messages; where the sides see different rows, each side has its own map of orders."""
    scale = _quantity_scale(events["qty"], counts)
    qty = np.round(np.nan_to_num(events["qty"]) * scale).astype(np.int64).tolist()
    bits = _seen_bits(events["ev"]) if flagged else np.full(len(events), EXCH_BIT | LOCAL_BIT, dtype=np.uint8)
    both = bool((bits == EXCH_BIT | LOCAL_BIT).all())
    machines = [(EXCH_BIT | LOCAL_BIT, _machine(counts))] if both else [
        (EXCH_BIT, _machine(counts)), (LOCAL_BIT, _machine(Counter())),
    ]  # fmt: skip
    side = np.where((events["ev"] & np.uint64(SELL_EVENT)) != 0, "A", "N")
    side = np.where((events["ev"] & np.uint64(BUY_EVENT)) != 0, "B", side)
    rows: list[tuple[int, int, int, float, float, int, int]] = []
    fields = (events["exch_ts"], events["local_ts"], kind, side, events["px"], events["order_id"], line, bits)
    for size, (exch, local, code, side_text, px, order_id, number, seen) in zip(
        qty, zip(*(f.tolist() for f in fields), strict=True), strict=True
    ):
        made = []
        for bit, machine in machines:
            if seen & bit:
                machine.book.rows.clear()
                if code == DEPTH_CLEAR_EVENT and side_text != "N":
                    machine.book.at(exch, local, number)
                    machine.book.clear("BA".index(side_text))
                else:
                    machine.apply(number, exch, local, _ORDER_ACTIONS[code], side_text, px, size, order_id)
                made.append((bit, list(machine.book.rows)))
        if len(made) == 2 and made[0][1] == made[1][1]:
            made = [(EXCH_BIT | LOCAL_BIT, made[0][1])]
        for bit, out in made:
            mark = bit if flagged else 0
            rows.extend((r[0], r[1], r[2] | mark, *r[3:]) for r in out)
    for _, machine in machines[:1]:
        machine.finish()
    return columns(rows, 1, scale)


def _machine(counts: Counter[str]) -> OrderMessages:
    return OrderMessages(OrderRows(1, 1, counts), cancel_whole=True)


def _quantity_scale(qty: Any, counts: Counter[str]) -> int:
    """Return the smallest power of ten that makes every quantity whole (order quantities are subtracted exactly)."""
    values = np.nan_to_num(qty)
    for digits in range(_QTY_DIGITS_MAX + 1):
        scaled = values * 10.0**digits
        off = np.abs(scaled - np.round(scaled)) > 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-9)
        if not off.any():
            return int(10**digits)
    counts["quantities_rounded_to_1e-9"] += int(off.sum())
    return int(10**_QTY_DIGITS_MAX)
