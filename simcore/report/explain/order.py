"""The life of an order: its requests and their latency legs, the queue ahead of it, its fills, and why it ended."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from simcore.errors import JournalError, ReportError
from simcore.journal.store import select_rows
from simcore.records import (
    ACKED,
    AMEND,
    AMEND_REFUSED,
    AMENDED,
    BY_REQUEST,
    CANCEL,
    CANCEL_REFUSED,
    ENDED,
    NO_PRICE,
    PLACE,
    REFUSED,
    REPORT_LABELS,
    TRADED,
    Record,
)
from simcore.report.edge import HORIZON_NAMES
from simcore.report.explain.queue_life import QueueLife, Stay, watch
from simcore.report.explain.subject import Subject, open_subject, record_dict
from simcore.report.explain.words import FILLS, refusal_words, request_words
from simcore.report.wording import plain as number
from simcore.report.wording import utc_text
from simcore.units import NS_PER_MS, NS_PER_S

_ANSWERS = {PLACE: (ACKED, REFUSED), AMEND: (AMENDED, AMEND_REFUSED), CANCEL: (ENDED, CANCEL_REFUSED)}


def explain_order(run_dir: Path | str, order_id: int, symbol: str | None = None) -> dict[str, Any]:
    """Explain an order: requests and their latency legs, what was ahead of it and what consumed that, fills, end, markouts.

    REP-002: no such order, or `open_subject` says so. JRNL-004: played again, the order does not fill as in the journal.
    """
    subject = open_subject(run_dir, symbol)
    requests, reports = (
        select_rows(subject.run.path, name, lambda rows: rows["order_id"] == order_id)
        for name in ("requests", "reports")
    )
    if not len(requests):
        raise ReportError("REP-002", f"{run_dir}: no order {order_id}; `order_id` of the journal's requests names them")
    fills = subject.run.fills[subject.run.fills["order_id"] == order_id]
    stays = _stays(subject, requests, reports, fills)
    life = watch(subject, order_id, stays)
    if not np.array_equal(life.fills, fills):
        raise JournalError(
            "JRNL-004",
            f"{subject.run.path}: played again, order {order_id} fills {len(life.fills)} times, in the journal {len(fills)}",
        )
    legs = [_leg(subject, row, reports, requests) for row in requests]
    return {
        "run": str(subject.run.path), "symbol": subject.symbol, "order_id": order_id,
        "headline": _headline(subject, requests, reports, fills, life), "requests": legs, "queue": _queue(subject, life),
        "fills": [_fill(subject, row, requests) for row in fills], "end": _end(reports),
        "reports": [{**record_dict(row), "kind": REPORT_LABELS[int(row["kind"])]} for row in reports],
    }  # fmt: skip


def _stays(subject: Subject, requests: Record, reports: Record, fills: Record) -> list[Stay]:
    """Return at which prices the order stood, and when, exchange time; open ends last until the run's."""
    arrivals = [(int(row["exch_ts"]), int(row["price_ticks"])) for row in reports if row["kind"] in (ACKED, AMENDED)]
    if not arrivals:
        return []
    over = [int(row["exch_ts"]) for row in reports if row["kind"] in (ENDED, REFUSED)]
    over += [int(row["exch_ts"]) for row in fills if row["leaves_lots"] == 0]
    end_ts = min([subject.run.end_ts, *over])
    side = int(requests["side"][0])
    times = [*(ts for ts, _ in arrivals), max(end_ts, arrivals[-1][0])]
    return [Stay(begin, end, price, side) for (begin, end), (_, price) in zip(pairwise(times), arrivals, strict=True)]


def _leg(subject: Subject, row: Any, reports: Record, requests: Record) -> dict[str, Any]:
    """Return a request with its answer and the time of each leg, ms; None where the run ended first."""
    kind = int(row["kind"])
    answers = reports[
        np.isin(reports["kind"], _ANSWERS.get(kind, ()))
        & ((reports["kind"] != ENDED) | (reports["reason"] == BY_REQUEST))
    ]
    rank = int(np.count_nonzero((requests["kind"] == kind) & (requests["seq"] < row["seq"])))
    answer = answers[rank] if rank < len(answers) else None
    leg: dict[str, Any] = {
        "ts": int(row["ts"]),
        "sent": utc_text(int(row["ts"])),
        "what": request_words(subject, row),
        "seq": int(row["seq"]),
    }
    if answer is None:
        return {**leg, "answer": None, "reason": None, "to_exchange_ms": None, "back_ms": None, "round_trip_ms": None}
    return {
        **leg, "answer": REPORT_LABELS[int(answer["kind"])],
        "reason": refusal_words(int(answer["reason"])) if answer["kind"] in (REFUSED, AMEND_REFUSED, CANCEL_REFUSED) else None,
        "to_exchange_ms": (int(answer["exch_ts"]) - int(row["ts"])) / NS_PER_MS,
        "back_ms": (int(answer["ts"]) - int(answer["exch_ts"])) / NS_PER_MS,
        "round_trip_ms": (int(answer["ts"]) - int(row["ts"])) / NS_PER_MS,
    }  # fmt: skip


def _queue(subject: Subject, life: QueueLife) -> dict[str, Any]:
    moves = [
        {
            "ts": move.ts, "at": utc_text(move.ts), "before": subject.size(move.before_lots), "after": subject.size(move.after_lots),
            "level": subject.size(move.level_lots), "traded": subject.size(move.traded_lots), "words": _move_words(subject, move),
        }
        for move in life.moves
    ]  # fmt: skip
    last = None if life.last_lots is None else subject.size(life.last_lots)
    return {
        "joined": [subject.size(lots) for lots in life.joined_lots], "last": last, "by_trades": subject.size(life.by_trades),
        "by_cancels": subject.size(life.by_cancels), "moves": moves, "cut": life.cut,
    }  # fmt: skip


def _move_words(subject: Subject, move: Any) -> str:
    gone = move.before_lots - move.after_lots
    if move.traded_lots and gone > 0:
        return f"a trade of {number(subject.size(move.traded_lots))} at our price"
    return "cancels ahead of us" if gone > 0 else "the level's size went back up"


def _fill(subject: Subject, row: Any, requests: Record) -> dict[str, Any]:
    """Return a fill with the event that made it, and the mid's moves after it, bps; positive is against us."""
    marks = subject.run.markouts[subject.run.markouts["fill_seq"] == row["seq"]]
    mid2 = (
        int(row["bid_ticks"] + row["ask_ticks"]) if row["bid_ticks"] != NO_PRICE and row["ask_ticks"] != NO_PRICE else 0
    )
    sign = 1 if row["side"] == 0 else -1
    after: dict[str, float | None] = dict.fromkeys(HORIZON_NAMES)
    for mark in marks:
        if mid2 and mark["bid_ticks"] != NO_PRICE and mark["ask_ticks"] != NO_PRICE:
            later = int(mark["bid_ticks"] + mark["ask_ticks"])
            after[HORIZON_NAMES[int(mark["horizon"])]] = 1e4 * sign * (mid2 - later) / mid2
    return {
        "exch_ts": int(row["exch_ts"]), "at": utc_text(int(row["exch_ts"])), "heard": utc_text(int(row["ts"])),
        "price": subject.price(row["price_ticks"]), "qty": subject.size(row["qty_lots"]), "leaves": subject.size(row["leaves_lots"]),
        "liquidity": ("", "maker", "taker")[int(row["liquidity"])], "reason": FILLS.get(int(row["reason"]), str(row["reason"])),
        "after_ms": (int(row["exch_ts"]) - int(requests["ts"][0])) / NS_PER_MS, "ahead_entry": subject.size(row["ahead_entry_lots"]),
        "ahead": subject.size(row["ahead_lots"]), "mid": None if not mid2 else subject.price(mid2) / 2, "adverse_bps": after,
    }  # fmt: skip


def _end(reports: Record) -> dict[str, Any] | None:
    """Return the report that ended the order, None if it was open at the run's end."""
    over = reports[
        np.isin(reports["kind"], (ENDED, REFUSED)) | ((reports["kind"] == TRADED) & (reports["leaves_lots"] == 0))
    ]
    if not len(over):
        return None
    last = over[0]
    words = "filled" if last["kind"] == TRADED else refusal_words(int(last["reason"]))
    return {
        "ts": int(last["ts"]),
        "at": utc_text(int(last["exch_ts"])),
        "kind": REPORT_LABELS[int(last["kind"])],
        "reason": words,
    }


def _headline(subject: Subject, requests: Record, reports: Record, fills: Record, life: QueueLife) -> str:
    """Say in one sentence what became of the order, and why."""
    what = request_words(subject, requests[0]).partition(":")[0]
    begun = int(requests["ts"][0])
    if len(fills):
        done = (
            "filled"
            if fills["leaves_lots"][-1] == 0
            else f"filled in part ({number(subject.size(fills['qty_lots'].sum()))})"
        )
        waited = number((int(fills["exch_ts"][0]) - begun) / NS_PER_S)
        return (
            f"{what}: {done}, first after {waited} s, because {FILLS.get(int(fills['reason'][0]), 'it was reached')}."
        )
    end = _end(reports)
    if end is not None and end["kind"] == REPORT_LABELS[REFUSED]:
        return f"{what}: never filled, refused by the exchange: {end['reason']}."
    if not len(life.joined_lots) and end is None:
        return f"{what}: never filled, the run ended before the exchange answered."
    lived = number(((end["ts"] if end else subject.run.end_ts) - begun) / NS_PER_S)
    ended = f"ended ({end['reason']})" if end is not None else "still open at the end of the run"
    if not life.joined_lots or life.last_lots is None:
        return f"{what}: never filled, {ended} after {lived} s."
    joined, last = (number(subject.size(lots)) for lots in (life.joined_lots[-1], life.last_lots))
    trades, cancels = (number(subject.size(lots)) for lots in (life.by_trades, life.by_cancels))
    never = (
        f"{last} was still ahead of it at its price"
        if life.last_lots > 0
        else "it was at the front, and nothing traded at its price after that"
    )
    return f"{what}: never filled, {ended} after {lived} s: {never} ({joined} when it joined; {trades} traded, {cancels} cancelled ahead)."
