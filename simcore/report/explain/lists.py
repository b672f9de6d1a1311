"""What there is to explain: every order of a run, and every stretch without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from simcore.journal.store import read_stream
from simcore.kernels import reasons as why
from simcore.records import CANCEL, ENDED, PLACE, REFUSED, REPORT_LABELS, SIDE_LABELS, TRADED, IntArray, Record
from simcore.report.explain.held import held_at
from simcore.report.explain.subject import open_folder
from simcore.report.explain.words import ACTIONS, guard_words, in_words, refusal_words
from simcore.report.folder import RunFolder
from simcore.report.wording import plain as number
from simcore.report.wording import utc_text
from simcore.units import NS_PER_S

SHOWN = 40


def list_orders(run_dir: Path | str, symbol: str | None = None) -> list[dict[str, Any]]:
    """Return every order of a run in order of sending: id, times, side, price, size, what filled, how it ended.

    ts, end_ts in ns (end_ts None: open at the run's end); price in the unit of prices, qty and filled in that of volume.
    Raises what `open_run` raises, and REP-002 as `explain_order`.
    """
    run = open_folder(run_dir, symbol)
    placed = _of_kind(read_stream(run.path, "requests"), (PLACE,))
    reports = read_stream(run.path, "reports")
    ends = _ends(reports)
    filled: dict[int, int] = {}
    for row in _of_kind(reports, (TRADED,)):
        filled[int(row["order_id"])] = filled.get(int(row["order_id"]), 0) + int(row["qty_lots"])
    tick, lot = float(run.money.tick_size), run.money.quantity(1)
    found = []
    for row in placed:
        order_id = int(row["order_id"])
        end = ends.get(order_id)
        found.append(
            {
                "order_id": order_id, "ts": int(row["ts"]), "side": SIDE_LABELS[int(row["side"])], "price": row["price_ticks"] * tick,
                "qty": row["qty_lots"] * lot, "filled": filled.get(order_id, 0) * lot, "end_ts": None if end is None else int(end["ts"]),
                "end": "open" if end is None else _end_words(end),
            }
        )  # fmt: skip
    return found


def _of_kind(rows: Record, kinds: tuple[int, ...]) -> Record:
    return rows[np.isin(rows["kind"], kinds)]


def _ends(reports: Record) -> dict[int, Any]:
    """Return order id -> the report that ended it."""
    over = reports[_is_end(reports)]
    return {int(row["order_id"]): row for row in over[::-1]}  # of several the first counts


def _is_end(reports: Record) -> Any:
    return np.isin(reports["kind"], (ENDED, REFUSED)) | ((reports["kind"] == TRADED) & (reports["leaves_lots"] == 0))


def _end_words(row: Any) -> str:
    if row["kind"] == TRADED:
        return "filled"
    words = refusal_words(int(row["reason"]))
    return f"{REPORT_LABELS[int(row['kind'])].lower()}: {words}"


def list_silent(run_dir: Path | str, symbol: str | None = None, least_s: float = 1.0) -> list[dict[str, Any]]:
    """Return the stretches of a run in which no order of ours was alive or on its way, at least least_s long, in order of time.

    begin_ts, end_ts in ns; seconds; words: why, as the last cancel and the guards say. Raises as `list_orders`.
    """
    run = open_folder(run_dir, symbol)
    requests, reports = read_stream(run.path, "requests"), read_stream(run.path, "reports")
    guards = read_stream(run.path, "guards")
    cancels = _of_kind(requests, (CANCEL,))
    found = []
    for begin, end in silent_spans(run, requests, reports):
        if end - begin >= least_s * NS_PER_S:
            found.append(
                {
                    "begin_ts": begin, "end_ts": end, "begin": utc_text(begin), "end": utc_text(end), "seconds": (end - begin) / NS_PER_S,
                    "words": _why_silent(run, guards, cancels, begin, end),
                }
            )  # fmt: skip
    return found


def silent_spans(run: RunFolder, requests: Record, reports: Record) -> Iterator[tuple[int, int]]:
    """Yield begin and end, ns, of each stretch without a live order, the run's first and last moments included."""
    placed = _of_kind(requests, (PLACE,))
    over = np.array([int(row["ts"]) for row in _ends(reports).values()], np.int64)
    times: IntArray = np.concatenate((placed["ts"], over))
    steps = np.concatenate((np.ones(len(placed), np.int64), -np.ones(len(over), np.int64)))
    order = np.lexsort((-steps, times))
    times, alive = times[order], np.cumsum(steps[order])
    begin: int | None = run.start_ts
    for ts, count in zip(times.tolist(), alive.tolist(), strict=True):
        if count > 0 and begin is not None:
            if ts > begin:
                yield begin, ts
            begin = None
        elif count == 0 and begin is None:
            begin = ts
    if begin is not None and run.end_ts > begin:
        yield begin, run.end_ts


def _why_silent(run: RunFolder, guards: Record, cancels: Record, begin: int, end: int) -> str:
    """Say why there were no orders: the guards that held in the stretch's middle, else what the last cancel before it was for."""
    held = held_at(run, guards, begin + (end - begin) // 2)
    if any(row["level"] == "hard" for row in held):
        return guard_words([row for row in held if row["level"] == "hard"])
    place = int(np.searchsorted(cancels["ts"], begin, side="right")) - 1
    if place < 0:
        return "no order had been sent yet"
    reason = int(cancels["reason"][place])
    words = in_words(reason & ((1 << why.ACTION_SHIFT) - 1)) or ACTIONS.get(reason >> why.ACTION_SHIFT, "")
    return f"the last cancel says: {words}" if words else "the strategy wanted no quote"


def orders_text(found: list[dict[str, Any]]) -> str:
    """Return a list of orders as lines; the first SHOWN."""
    lines = [f"{len(found):,} orders", "", f"  {'order':>14}  {'sent':<27} {'side':<5}{'price':>14} {'size':>12} {'filled':>12} {'lived, s':>10}  end"]
    lines += [_order_line(row) for row in found[:SHOWN]]
    return "\n".join([*lines, *_more(len(found))]) + "\n"


def _order_line(row: Mapping[str, Any]) -> str:
    lived = "" if row["end_ts"] is None else number((row["end_ts"] - row["ts"]) / NS_PER_S, 4)
    return (
        f"  {row['order_id']:>14}  {utc_text(row['ts']):<27} {row['side']:<5}{number(row['price'], 12):>14} {number(row['qty']):>12} "
        f"{number(row['filled']):>12} {lived:>10}  {row['end']}"
    )


def silent_text(found: list[dict[str, Any]], least_s: float) -> str:
    """Return a list of stretches without quotes as lines; the first SHOWN."""
    total = sum(row["seconds"] for row in found)
    lines = [f"{len(found):,} stretches of {least_s:g} s or more without a quote, {number(total, 6)} s in all", ""]
    lines += [f"  {row['begin']}  {number(row['seconds'], 5):>10} s  {row['words']}" for row in found[:SHOWN]]
    return "\n".join([*lines, *_more(len(found))]) + "\n"


def _more(count: int) -> list[str]:
    return [f"  … and {count - SHOWN:,} more; --json has all"] if count > SHOWN else []
