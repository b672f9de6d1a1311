"""Guards: each trigger at its soft and its hard limit, the halt, and what opens again."""

import pytest

from simcore.kernels import reasons
from simcore.kernels.context import GUARD_HARD, GUARD_NONE, GUARD_SOFT
from tests.property.contexts import MS, make_context, market_view
from tests.property.plain import memory_of, params_of, run_stage

DAY_NS = 86_400 * 10**9


def assess(milliseconds=100, memory=None, params=None, position=0, market=None, fetch=None, **signals):
    context = make_context(market_view(milliseconds * MS, **market or {}), position, signals=signals)
    context = context._replace(fetch=context.fetch._replace(**fetch or {}))
    context, after = run_stage("guards", context, params_of("guards", **params or {}), memory)
    return context.guards, after


def of_volatility(value):
    return {"return_std_bps": value, "returns": 20}


def of_latency(value):
    return {"latency_p95_ms": value, "latencies": 5}


def of_pnl(value):
    return {"pnl_mean": value, "pnl_samples": 10}


SIGNALS = [
    ("volatility", of_volatility(14.9), of_volatility(15.0), of_volatility(25.0)),
    ("latency", of_latency(299.0), of_latency(300.0), of_latency(450.0)),
    ("pnl", of_pnl(-11.9), of_pnl(-12.0), of_pnl(-20.0)),
    ("inventory", {"position": 5}, {"position": 6}, {"position": -10}),
    ("taker_fills", {"taker_fills_15m": 11}, {"taker_fills_15m": 12}, {"taker_fills_15m": 20}),
    ("venue_outage", {"waiting_ns": 999 * MS}, {"waiting_ns": 1000 * MS}, {"waiting_ns": 3000 * MS}),
    ("stale_book", {"market": {"book_age_ns": 1999 * MS}}, {"market": {"book_age_ns": 2000 * MS}}, {"market": {"book_age_ns": 10_000 * MS}}),
    (
        "rate_pressure",
        *({"requests_10s": n, "params": {"requests_soft": 80, "requests_hard": 100}} for n in (79, 80, 100)),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "fine", "soft", "hard"), SIGNALS, ids=[case[0] for case in SIGNALS])
def test_a_signal_is_fine_soft_or_hard(name, fine, soft, hard):
    bit = {label: bit for bit, label in reasons.LABELS.items()}[name]
    assert assess(**fine)[0] == (GUARD_NONE, 1.0, 1.0, 0, 0)
    guards, memory = assess(**soft)
    assert guards == (GUARD_SOFT, 0.5, 1.5, bit, 0)
    assert (getattr(memory, f"soft_{name}"), getattr(memory, f"hard_{name}")) == (1.0, 0.0)
    guards, memory = assess(**hard)
    assert guards == (GUARD_HARD, 0.0, 1.5, bit, bit | reasons.HALTED)
    assert (getattr(memory, f"soft_{name}"), getattr(memory, f"hard_{name}"), memory.hard_halted) == (1.0, 1.0, 1.0)


ONLY_HARD = [
    ("kill_switch", {"params": {"kill_switch": 1}}),
    ("loss_cap", {"pnl_day": -50.0, "params": {"max_day_loss": 50}}),
    ("turnover_cap", {"turnover_day": 1e6, "params": {"max_day_turnover": 1e6}}),
    ("open_orders", {"open_orders": 5, "params": {"max_open_orders": 4}}),
    ("open_notional", {"open_lots": 11, "params": {"max_open_notional": 60}}),  # a lot is worth 6
    ("bad_book", {"market": {"bid": 60_001, "ask": 60_001}}),
]


@pytest.mark.parametrize(("name", "given"), ONLY_HARD, ids=[case[0] for case in ONLY_HARD])
def test_limits_that_are_always_hard(name, given):
    bit = {label: bit for bit, label in reasons.LABELS.items()}[name]
    guards, memory = assess(**given)
    assert (guards.level, guards.hard) == (GUARD_HARD, bit | reasons.HALTED)
    assert getattr(memory, f"hard_{name}") == 1.0


def test_caps_that_are_off_or_not_reached_trigger_nothing():
    plenty = {"pnl_day": -1e9, "turnover_day": 1e12, "open_orders": 100, "open_lots": 10**6, "requests_10s": 10**4}
    assert assess(**plenty)[0].level == GUARD_NONE
    assert assess(open_orders=4, open_lots=10, params={"max_open_orders": 4, "max_open_notional": 60})[0].level == GUARD_NONE


def test_a_new_gap_or_rewind_is_soft_for_one_tick():
    guards, memory = assess(100, market={"gaps": 1})
    assert (guards.level, guards.soft) == (GUARD_SOFT, reasons.FEED_GAP)
    assert assess(200, memory, market={"gaps": 1})[0].level == GUARD_NONE
    assert assess(200, memory, market={"gaps": 1, "rewinds": 1})[0].soft == reasons.FEED_GAP


@pytest.mark.parametrize(("stale", "reason"), [(0, reasons.FEED_GAP), (1, reasons.STALE_BOOK)])
def test_an_invalid_view_is_soft_and_hard_when_nothing_mends_it_for_a_second(stale, reason):
    memory = None
    for i in range(10):
        guards, memory = assess(100 * i, memory, fetch={"invalid": 1, "stale": stale})
        assert (guards.level, guards.soft) == (GUARD_SOFT, reason)
    assert assess(1000, memory, fetch={"invalid": 1, "stale": stale})[0].hard == reason | reasons.HALTED
    assert assess(1000, memory)[0].level == GUARD_NONE


def test_a_halt_lasts_two_seconds_from_its_last_trigger():
    _, memory = assess(0, **of_volatility(30.0))
    _, memory = assess(500, memory, **of_volatility(30.0))
    assert assess(2499, memory)[0] == (GUARD_HARD, 0.0, 1.5, 0, reasons.HALTED)
    assert assess(2500, memory)[0].level == GUARD_NONE


@pytest.mark.parametrize(
    ("better", "same", "worse"),
    [({"position": 9}, {"position": 10}, {"position": 11}), (of_latency(449.0), of_latency(450.0), of_latency(451.0))],
)
def test_inventory_and_latency_halt_again_only_when_they_get_worse_or_come_back(better, same, worse):
    _, memory = assess(0, **same)
    guards, later = assess(2000, memory, **same)
    assert guards.level == GUARD_SOFT
    assert assess(2100, later, **worse)[0].level == GUARD_HARD
    _, mended = assess(2100, later, **better)
    assert assess(2200, mended, **same)[0].level == GUARD_HARD


def test_a_reached_cap_stays_reached_until_the_day_ends():
    cap = {"params": {"max_day_loss": 50, "halt_ms": 0}}
    _, memory = assess(0, pnl_day=-60.0, **cap)
    assert assess(60_000, memory, pnl_day=+10.0, **cap)[0].hard == reasons.LOSS_CAP
    assert assess(DAY_NS // MS - 1, memory, pnl_day=0.0, **cap)[0].hard == reasons.LOSS_CAP
    assert assess(DAY_NS // MS, memory, pnl_day=0.0, **cap)[0].level == GUARD_NONE


def test_soft_scales_never_loosen():
    assert assess(position=6, params={"size_scale": 3, "spread_scale": 0.2})[0][:3] == (GUARD_SOFT, 1.0, 1.0)


def test_a_scale_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="pnl_scale"):
        assess(params={"pnl_scale": 0}, **of_pnl(-1.0))


def test_a_run_that_waits_is_not_assessed():
    guards, memory = assess(fetch={"wait_ns": 1}, params={"kill_switch": 1})
    assert guards.level == GUARD_NONE
    assert memory == memory_of("guards")


@pytest.mark.parametrize(("position", "rooms"), [(9, (50, 60)), (10, (0, 60)), (-9, (50, 60)), (-10, (50, 0))])
def test_beyond_the_hard_point_of_inventory_only_the_side_that_reduces_has_room(position, rooms):
    """Of a limit of 100 lots, 10 %."""
    context = make_context(market_view(100 * MS), position)
    context = context._replace(inventory=context.inventory._replace(room_bid_lots=50, room_ask_lots=60))
    after, _ = run_stage("guards", context, params_of("guards"))
    assert (after.inventory.room_bid_lots, after.inventory.room_ask_lots) == rooms


def test_of_two_guards_the_stricter_one_stands():
    """An earlier stage has cut the size to a fifth and widened threefold: ours would do half of that."""
    context = make_context(market_view(100 * MS), signals=of_volatility(15.0))
    for had, expected in (((GUARD_SOFT, 0.2, 3.0), (0.2, 3.0)), ((GUARD_SOFT, 0.9, 1.1), (0.5, 1.5))):
        level, size, wider = had
        earlier = context._replace(guards=context.guards._replace(level=level, size_scale=size, spread_scale=wider, soft=reasons.PNL))
        guards = run_stage("guards", earlier, params_of("guards"))[0].guards
        assert (guards.size_scale, guards.spread_scale) == expected
        assert guards.soft == reasons.PNL | reasons.VOLATILITY
