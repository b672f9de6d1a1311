"""Codes as sentences: why there is a quote or none, what a stage did, what a request is for, how a fill came about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from simcore.kernels import reasons as why
from simcore.records import (
    FILL_CROSS,
    FILL_PRO_RATA,
    FILL_QUEUE,
    FILL_TAKE,
    FILL_THROUGH,
    MARKET,
    PLACE,
    REASON_LABELS,
    REQUEST_LABELS,
    SIDE_LABELS,
    TIF_LABELS,
)
from simcore.report.wording import plain as number
from simcore.units import NS_PER_MS

if TYPE_CHECKING:
    from simcore.report.explain.subject import Subject

REASONS = {
    why.COLD: "too little has been seen yet",
    why.STALE_BOOK: "the view of the market is too old",
    why.FEED_GAP: "rows of the feed are missing",
    why.BAD_BOOK: "the book is empty on a side, or crossed",
    why.VOLATILITY: "the price moves too much",
    why.LATENCY: "answers take too long",
    why.PNL: "money is being lost",
    why.INVENTORY: "the position is large",
    why.TAKER_FILLS: "too many fills took liquidity",
    why.RATE_PRESSURE: "the rate limit is near",
    why.VENUE_OUTAGE: "the exchange does not answer",
    why.KILL_SWITCH: "the kill switch is on",
    why.LOSS_CAP: "the day's loss has reached its cap",
    why.TURNOVER_CAP: "the day's turnover has reached its cap",
    why.OPEN_ORDERS: "too many orders are open",
    why.OPEN_NOTIONAL: "open orders are worth too much",
    why.HALTED: "a halt still runs",
    why.BID_LIMIT: "the position limit leaves no room to buy",
    why.ASK_LIMIT: "the position limit leaves no room to sell",
    why.SMALL_NOTIONAL: "the wanted size is below the smallest that is allowed",
    why.COOL_DOWN: "a fast cancel's cool-down still runs",
    why.BLOCKED: "the allocator blocks the symbol",
    why.TAKER_CAP: "the cap on taker fills allows resting orders only",
    why.HELD: "the last quote stands until the refresh interval is over",
}
ACTIONS = {
    why.QUOTED: "a wanted price had no order",
    why.MOVED: "moved to a wanted price",
    why.NOT_WANTED: "its price is not wanted any more",
    why.TOO_FAR: "it is too far from the mid",
    why.PROTECTED: "protects the position",
    why.UNPROTECTED: "its protection is not wanted any more",
    why.OVER_BUDGET: "the position budget leaves no room for it",
}
FILLS = {
    FILL_QUEUE: "a trade at its price reached its place in the queue",
    FILL_THROUGH: "a trade printed through its price",
    FILL_CROSS: "the other side of the book came to its price",
    FILL_TAKE: "it took resting liquidity",
    FILL_PRO_RATA: "it got its share of a trade at its price",
}
_LEVELS = ("none", "SOFT", "HARD")


def in_words(bits: int) -> str:
    """Return the reasons of a bit set, joined; "" for none."""
    return ", and ".join(text for bit, text in REASONS.items() if bits & bit)


def guard_words(held: Sequence[Mapping[str, Any]]) -> str:
    """Say which guards hold, at which value against which limit, since and until when."""
    return "; ".join(_guard(row) for row in held)


def _guard(row: Mapping[str, Any]) -> str:
    until = "until the end" if row["is_open"] else f"until {row['until'][11:]}"
    if row["bit"] == why.HALTED:
        cause = "" if row["cause"] is None else f", after {_reached(row['cause'])}"
        return f"halted since {row['since'][11:-4]} {until} ({row['key']}){cause}"
    return f"{_reached(row)} since {row['since'][11:-4]}, {until}"


def _reached(row: Mapping[str, Any]) -> str:
    """Say a reason with its value and limit: "inventory HARD at 10 % against 10 (guards.inventory_hard_pct)"."""
    named = f"{row['reason'].replace('_', ' ')} {row['level'].upper()}"
    key = f" ({row['key']})" if row["key"] else ""
    if row["value"] is None:
        return f"{named}{key}"
    against = "" if row["limit"] is None else f" against {number(row['limit'])}"
    return f"{named} at {number(row['value'])} {row['unit']}{against}{key}"


def headline(subject: Subject, found: dict[str, Any]) -> str:
    """Say in one sentence what came out of a tick, and why."""
    if found["error"] is not None:
        failed = next((step["name"] for step in found["stages"] if step["error"]), None)
        return f"No quote: {f'stage {failed}' if failed else 'the quote that came out'} failed: {found['error']}."
    if not found["inputs"]:
        return "No quote: the book was empty on a side, or crossed, so the strategy was not asked."
    if found["wait_ns"] > 0:
        return f"No quote yet: the view of the market was too old, and the tick runs again in {number(found['wait_ns'] / NS_PER_MS)} ms."
    quote = found["quote"]
    bits = int(quote["reasons"])
    if found["inputs"]["control"]["blocked"]:
        bits |= why.BLOCKED
    sides = [
        side for side in ("bid", "ask") if quote[f"{side}_lots"] > 0 and quote["levels"] > 0 and not bits & why.BLOCKED
    ]
    if not sides:
        hard = [row for row in found["guards"] if row["level"] == "hard"]
        if hard:
            return f"No quote: {guard_words(hard)}."
        return f"No quote: {in_words(bits) or 'the strategy wants none on either side, and no stage gave a reason'}."
    shown = " and ".join(_quoted(subject, quote, side) for side in sides)
    text = f"Wants {shown}" if len(sides) == 2 else f"Wants a quote on one side only: {shown}"
    said = _with_guards(bits, found["guards"])
    return f"{text}{': ' if said and len(sides) == 1 else '; ' if said else ''}{said}."


def _with_guards(bits: int, held: Sequence[Mapping[str, Any]]) -> str:
    """Say the reasons of a quote: those of guards with their values, and whose limit it is that leaves a side no room."""
    guarded = {row["bit"] for row in held}
    rest = bits & ~sum(guarded)
    by_guard = why.INVENTORY in guarded and rest & (why.BID_LIMIT | why.ASK_LIMIT)
    if by_guard:
        rest &= ~(why.BID_LIMIT | why.ASK_LIMIT)
    said = [in_words(rest), guard_words(held)]
    if by_guard:
        side = "buys" if bits & why.BID_LIMIT else "sells"
        said.insert(0, f"{side} are off, since they would add to the position beyond guards.inventory_hard_pct")
    return "; ".join(text for text in said if text)


def _quoted(subject: Subject, quote: dict[str, Any], side: str) -> str:
    levels = f", {quote['levels']} levels" if quote["levels"] > 1 else ""
    return f"{'a bid' if side == 'bid' else 'an ask'} of {number(subject.size(quote[f'{side}_lots']))} at {number(subject.price(quote[f'{side}_ticks']), 12)}{levels}"


def stage_words(step: dict[str, Any]) -> str:
    """Say in a few words what a stage did."""
    if not step["enabled"]:
        return "switched off"
    if step["error"]:
        return f"failed: {step['error']}"
    changed = {name: after for name, (_, after) in step["changed"].items()}
    if not changed:
        return "left everything as it was"
    said = []
    if changed.get("fetch.wait_ns"):
        said.append(f"the view is too old: waits {number(changed['fetch.wait_ns'] / NS_PER_MS)} ms for a newer one")
    elif changed.get("fetch.invalid"):
        said.append("the view may not be used for pricing")
    elif changed.get("fetch.stale"):
        said.append("a stale view is used")
    if changed.get("spread.held"):
        said.append("the spread is held in its cool-off")
    if "guards.level" in changed:
        said.append(f"{_LEVELS[changed['guards.level']]}")
    said += [
        f"{name} because {in_words(changed[f'guards.{name}'])}"
        for name in ("soft", "hard")
        if changed.get(f"guards.{name}")
    ]
    if changed.get("quote.reasons"):
        said.append(in_words(changed["quote.reasons"]))
    return "; ".join(text for text in said if text) or "decided"


def request_words(subject: Subject, row: Any) -> str:
    """Say what a request is, and why it was sent."""
    kind, side = REQUEST_LABELS[int(row["kind"])].lower().replace("_", " "), SIDE_LABELS[int(row["side"])]
    price = (
        "at the market"
        if row["kind"] == PLACE and row["tif"] == MARKET
        else f"at {number(subject.price(row['price_ticks']), 12)}"
    )
    order = f"{kind} {side} {number(subject.size(row['qty_lots']))} {price}"
    style = f" {TIF_LABELS[int(row['tif'])]}" if row["kind"] == PLACE else ""
    because = ACTIONS.get(int(row["reason"]) >> why.ACTION_SHIFT, "")
    return f"{order}{style}{f': {because}' if because else ''}"


def refusal_words(reason: int) -> str:
    """Return the name of a refusal or an end, readable."""
    return REASON_LABELS.get(reason, str(reason)).replace("_", " ") or "no reason given"
