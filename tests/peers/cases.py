"""The smallest markets in which each rule of docs/peers.md shows: what the peer makes of them, and what we do.

Every case starts from bids 100:10 99:10 98:7 and asks 101:10 102:5 (price:lots). Side 0 buys, 1 sells, 2 is nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from simcore import records
from tests.peers.twin import BUY_EVENT, SELL_EVENT
from tests.regression.venue import NOBODY, Venue

BUY, SELL = 0, 1
WINDOW = 9900  # added to prices for our Venue in the hand, whose book starts at 8000
TIFS = {"GTC": records.GTC, "GTX": records.POST_ONLY, "IOC": records.IOC, "FOK": records.FOK}
KINDS = {"depth": (1, records.DEPTH), "trade": (2, records.TRADE), "clear": (3, records.CLEAR), "best": (5, records.BEST)}
SIDE_BITS = {BUY: BUY_EVENT, SELL: SELL_EVENT, NOBODY: 0}
Step = tuple[Any, ...]


class Outcome(NamedTuple):
    """The orders at the end as (executed lots, state), the position, and the status that stopped the peer."""

    orders: dict[int, tuple[int, str]]
    position: int = 0
    stopped: int = 0


class Case(NamedTuple):
    """Steps after the opening book, and both outcomes; `alike`: settings of ours that give the peer's outcome."""

    says: str
    steps: list[Step]
    theirs: Outcome
    ours: Outcome
    peer: Mapping[str, Any] = MappingProxyType({})
    model: str = "risk_averse"
    alike: dict[str, Any] | None = None


def row(kind: str, side: int, price: int, lots: int = 0) -> Step:
    return ("row", kind, side, price, lots)


def place(order: int, side: int, tif: str, price: int, lots: int) -> Step:
    return ("place", order, side, tif, price, lots)


OPENING = [
    *(row("depth", BUY, price, lots) for price, lots in ((100, 10), (99, 10), (98, 7))),
    *(row("depth", SELL, price, lots) for price, lots in ((101, 10), (102, 5))),
]
HALF_LEVELS = [row("depth", BUY, 97, 2), place(1, BUY, "GTX", 97, 1), row("depth", BUY, 97, 4), row("depth", BUY, 97, 3)]
BOTH_FILL = Outcome({1: (3, "FILLED"), 2: (3, "FILLED")}, 6)

RULES = {
    "PEER-04 whole fills: queue": Case(
        "Two of five lots are reached.",
        [place(1, BUY, "GTX", 100, 5), row("trade", SELL, 100, 12)],
        Outcome({1: (5, "FILLED")}, 5), Outcome({1: (2, "PARTIALLY_FILLED")}, 2), alike={"fill_whole": 1},
    ),
    "PEER-04 whole fills: cross": Case(
        "An ask of one lot comes to our bid of five.",
        [place(1, BUY, "GTX", 100, 5), row("depth", SELL, 100, 1)],
        Outcome({1: (5, "FILLED")}, 5), Outcome({1: (1, "PARTIALLY_FILLED")}, 1), alike={"cross_fill_whole": 1},
    ),
    "PEER-05 shared trade": Case(
        "Two orders of three lots behind ten, and a trade of thirteen.",
        [place(1, BUY, "GTX", 100, 3), place(2, BUY, "GTX", 100, 3), row("trade", SELL, 100, 13)],
        BOTH_FILL, Outcome({1: (3, "FILLED"), 2: (0, "NEW")}, 3),
    ),
    "PEER-06 taken liquidity": Case(
        "Ten lots are shown; two orders want fifty each.",
        [place(1, BUY, "IOC", 101, 50), place(2, BUY, "IOC", 101, 50)],
        Outcome({1: (50, "FILLED"), 2: (50, "FILLED")}, 100), Outcome({1: (10, "EXPIRED"), 2: (0, "EXPIRED")}, 10),
    ),
    "PEER-07 half rounding": Case(
        "Two lots before us, two behind; one leaves, half of it from before us; a trade of two reaches half a lot.",
        [*HALF_LEVELS, row("trade", SELL, 97, 2)],
        Outcome({1: (1, "FILLED")}, 1), Outcome({1: (0, "NEW")}), model="power",
    ),
    "PEER-08 negative queue": Case(
        "The level empties by cancellations and fills again: the peer's order has -1.31 lots before it, its log gives NaN, and it goes to the back.",
        [
            row("depth", BUY, 97, 1), place(1, BUY, "GTX", 97, 1), row("depth", BUY, 97, 10), row("depth", BUY, 97, 0),
            row("depth", BUY, 97, 5), row("depth", BUY, 97, 4), row("trade", SELL, 97, 1),
        ],
        Outcome({1: (0, "NEW")}), Outcome({1: (1, "FILLED")}, 1), model="log",
    ),
    "PEER-09 units of log models": Case(
        "Ten lots before us, thirty behind, twenty leave, four trade: in the instrument's unit a lot is 0.001.",
        [
            place(1, BUY, "GTX", 100, 1), row("depth", BUY, 100, 40), row("depth", BUY, 100, 20),
            row("trade", SELL, 100, 4),
        ],
        Outcome({1: (0, "NEW")}), Outcome({1: (1, "FILLED")}, 1), peer={"lot_size": 0.001}, model="log",
    ),
    "PEER-10 crossed book": Case(
        "A bid comes to 102 and goes again: the asks at 101 and 102, never taken away, are hidden.",
        [row("depth", BUY, 102, 4), row("depth", BUY, 102, 0), place(1, BUY, "GTX", 101, 1)],
        Outcome({1: (0, "NEW")}), Outcome({1: (0, "EXPIRED")}),
    ),
    "PEER-11 clear": Case(
        "Bids are cleared down to 100: the bid at 99 is not found.",
        [row("clear", BUY, 100, 1), place(1, SELL, "GTX", 99, 1)],
        Outcome({1: (0, "NEW")}), Outcome({1: (0, "EXPIRED")}),
    ),
    "PEER-12 sideless trade": Case(
        "A trade below our bid that does not say who sold.",
        [place(1, BUY, "GTX", 100, 1), row("trade", NOBODY, 99, 100)],
        Outcome({1: (0, "NEW")}), Outcome({1: (1, "FILLED")}, 1),
    ),
    "PEER-13 self-trade": Case(
        "The market's bid goes away below our own, to which we sell.",
        [place(1, BUY, "GTX", 100, 1), row("depth", BUY, 100, 0), place(2, SELL, "GTX", 100, 1)],
        Outcome({1: (0, "NEW"), 2: (0, "NEW")}), Outcome({1: (0, "NEW"), 2: (0, "REJECTED")}), alike={"self_trade": 2},
    ),
    "PEER-15 best rows": Case(
        "The best bid shrinks to four lots by a best-quote event; then our order joins, and five lots trade.",
        [row("best", BUY, 100, 4), place(1, BUY, "GTX", 100, 1), row("trade", SELL, 100, 5)],
        Outcome({1: (0, "NEW")}), Outcome({1: (1, "FILLED")}, 1),
    ),
}  # fmt: skip

PARTIAL = {"exchange": "partial"}
FAULTS = {
    "only the last partial fill is booked": Case(
        "An order of five fills two lots, then three.",
        [place(1, BUY, "GTX", 100, 5), row("trade", SELL, 100, 12), row("trade", SELL, 100, 3)],
        Outcome({1: (5, "FILLED")}, 3), Outcome({1: (5, "FILLED")}, 5), PARTIAL,
    ),
    "an exact last fill leaves the order in the book": Case(
        "A trade fills exactly what is left; at the next one the run stops with status 14.",
        [place(1, BUY, "GTX", 100, 5), row("trade", SELL, 100, 15), row("trade", SELL, 100, 3), ("wait",)],
        Outcome({1: (5, "FILLED")}, 5, 14), Outcome({1: (5, "FILLED")}, 5), PARTIAL,
    ),
    "cancelling a filled order books its fill again": Case(
        "The order is known as filled when its cancel is sent.",
        [place(1, BUY, "GTX", 100, 3), row("trade", SELL, 99, 3), ("cancel", 1), ("wait",)],
        Outcome({1: (3, "FILLED")}, 6), Outcome({1: (3, "FILLED")}, 3),
    ),
    "range-limited depth: clearing asks removes none": Case(
        "Asks are cleared up to 102; an ask at 101 comes and goes, and the one at 102 is the best again.",
        [row("clear", SELL, 102, 1), row("depth", SELL, 103, 1), row("depth", SELL, 101, 1), row("depth", SELL, 101, 0),
         place(1, BUY, "GTX", 102, 1)],
        Outcome({1: (0, "EXPIRED")}), Outcome({1: (0, "NEW")}), {"depth": "roivector", "roi_low": 1.0, "roi_high": 200.0},
    ),
}  # fmt: skip


def for_peer(case: Case) -> dict[str, Any]:
    """Return a case in the words of run_cases.py."""
    return {"settings": {**case.peer, "queue_model": case.model}, "steps": [_peer_step(step) for step in [*OPENING, *case.steps]]}


def _peer_step(step: Step) -> Step:
    if step[0] != "row":
        return step
    _, kind, side, price, lots = step
    return ("row", KINDS[kind][0] | SIDE_BITS[side], price, lots)


def outcome_of(answer: dict[str, Any]) -> Outcome:
    """Return the last look of the peer's answer."""
    last = answer["looks"][-1]
    orders = {int(order): (executed, state) for order, (executed, state) in last["orders"].items()}
    return Outcome(orders, last["position"], answer["stopped"])


def play_ours(case: Case, **settings: Any) -> Outcome:
    """Play a case at our Venue."""
    venue = Venue(queue_model=case.model, **settings)
    for at, step in enumerate([*OPENING, *case.steps], 2):
        if step[0] == "row":
            _, kind, side, price, lots = step
            venue.row(at, KINDS[kind][1], side, WINDOW + price, lots)
        elif step[0] == "place":
            _, order, side, tif, price, lots = step
            venue.place(at, order, side, TIFS[tif], WINDOW + price, lots)
        elif step[0] == "cancel":
            venue.cancel(at, step[1])
    return Outcome(_orders(venue), venue.account().position)


def _orders(venue: Venue) -> dict[int, tuple[int, str]]:
    """Return executed lots and the last state of every order; a refused cancel changes neither."""
    orders: dict[int, tuple[int, str]] = {}
    for event in venue.events:
        if event.kind == "CANCEL_REFUSED":
            continue
        executed = orders.get(event.order, (0, ""))[0] + (event.qty if event.kind == "TRADED" else 0)
        orders[event.order] = (executed, event.state)
    return orders
