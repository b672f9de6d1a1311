"""Explanations as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simcore.kernels.reasons import labels
from simcore.records import SIDE_LABELS
from simcore.report.explain.words import guard_words
from simcore.report.wording import ABSENT, signed_text
from simcore.report.wording import plain as number

MOVES_SHOWN = 30
_PENDING = ("", ", being placed", ", being amended", ", being cancelled")


def tick_text(found: Mapping[str, Any]) -> str:
    """Return an explanation of `explain_tick`."""
    return "\n".join(_tick(found)) + "\n"


def order_text(found: Mapping[str, Any]) -> str:
    """Return an explanation of `explain_order`."""
    return "\n".join(_order(found)) + "\n"


def _tick(found: Mapping[str, Any]) -> Iterator[str]:
    yield found["headline"]
    yield f"{found['symbol']}, tick of {found['tick']}, the last at or before {found['at']}"
    yield ""
    yield "What the stages saw"
    for part, values in found["inputs"].items():
        if isinstance(values, dict):
            if part in _INPUTS and any(values.values()):
                yield f"  {part:<10} {_pairs(values)}"
        else:
            yield f"  {part:<10} {_shown(values)}"
    if found["guards"]:
        yield ""
        yield "Guards that held"
        for row in found["guards"]:
            yield f"  {guard_words([row])}"
    yield ""
    yield "What they decided"
    for step in found["stages"]:
        yield f"  {step['name']}: {step['words']}"
        for name, (before, after) in step["changed"].items():
            show = _reasons if name in _BITS else _shown
            yield f"    {name}: {show(before)} → {show(after)}"
        if step["memory"]:
            yield f"    remembers {', '.join(f'{name} {_shown(before)} → {_shown(after)}' for name, (before, after) in step['memory'].items())}"
    yield ""
    yield f"Orders before it: {len(found['orders']) or 'none'}"
    for order in found["orders"]:
        yield f"  {order['order_id']}: {SIDE_LABELS[order['side']]} {order['leaves_lots']} lots at {order['price_ticks']} ticks{_PENDING[order['pending']]}"
    yield f"Requests sent: {len(found['requests']) or 'none'}"
    for request in found["requests"]:
        yield f"  {request['order_id']}: {request['words']}"
    if found["error"] is None:
        yield "Checked: the stages one by one come to what the fused ones do, and to the journal's requests."


# Parts of the context that are known before the first stage; the others are decided by stages.
_INPUTS = ("market", "signals", "queue", "control", "linked")


_BITS = ("guards.soft", "guards.hard", "quote.reasons")


def _reasons(bits: int) -> str:
    return ", ".join(labels(bits)) or "none"


def _order(found: Mapping[str, Any]) -> Iterator[str]:
    yield found["headline"]
    yield f"{found['symbol']}, order {found['order_id']}"
    yield ""
    yield "Requests"
    for leg in found["requests"]:
        answer = (
            f"{leg['answer']}{' (' + leg['reason'] + ')' if leg['reason'] else ''}"
            if leg["answer"]
            else "no answer before the end"
        )
        yield f"  {leg['sent']}  {leg['what']}"
        yield f"    {answer}: {_ms(leg['to_exchange_ms'])} to the exchange, {_ms(leg['back_ms'])} back, {_ms(leg['round_trip_ms'])} in all"
    yield from _queue(found["queue"])
    yield ""
    yield f"Fills: {len(found['fills']) or 'none'}"
    for fill in found["fills"]:
        yield f"  {fill['at']}  {number(fill['qty'])} at {number(fill['price'], 12)} ({fill['liquidity']}): {fill['reason']}"
        yield f"    {number(fill['ahead'])} ahead just before, {number(fill['ahead_entry'])} when it joined; heard of at {fill['heard']}"
        moves = ", ".join(
            f"{name} {ABSENT if bps is None else signed_text(bps, 3)}" for name, bps in fill["adverse_bps"].items()
        )
        yield f"    mid against us after it, bps: {moves}"
    yield _end(found["end"])


def _end(end: Mapping[str, Any] | None) -> str:
    return "End: open at the end of the run" if end is None else f"End: {end['at']}, {end['reason']}"


def _queue(queue: Mapping[str, Any]) -> Iterator[str]:
    if not queue["joined"]:
        return
    yield ""
    yield f"Queue: {', then '.join(number(size) for size in queue['joined'])} ahead when it joined, {number(queue['last'])} last; {number(queue['by_trades'])} traded, {number(queue['by_cancels'])} cancelled ahead of it"
    moves = queue["moves"]
    for move in moves[:MOVES_SHOWN]:
        yield f"  {move['at']}  {number(move['before'])} → {number(move['after'])} of {number(move['level'])}: {move['words']}"
    if len(moves) > MOVES_SHOWN:
        yield f"  … and {len(moves) - MOVES_SHOWN} more; --json has all"
    if queue["cut"]:
        yield "  (too many rows touch its price: the last part was not watched)"


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in values.items())


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _ms(value: float | None) -> str:
    return ABSENT if value is None else f"{number(value)} ms"
