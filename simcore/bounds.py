"""What a run may ask for: refused before it begins, with the number, instead of a run without end or a killed process."""

from __future__ import annotations

from collections.abc import Sequence

from simcore import memory
from simcore.config.model import Config
from simcore.errors import ConfigError, EngineError
from simcore.kernels import state as st
from simcore.memory import MB
from simcore.params import LaneParams
from simcore.records import SAMPLE
from simcore.state import State, lane_bytes
from simcore.units import NS_PER_DAY, NS_PER_MS

_HOUR_MS = 3_600_000
EVENTS_MAX = 20_000_000_000  # hours of a core: an event takes some 0.2 us with a small strategy, and 2 with all six stages
SPAN_NS_MAX = st.NEVER // 16 - NS_PER_DAY  # no event is due later, and markouts come after the last fill
LANES_MAX = 1 << 15  # links to orders have 32 bits, 16 of them for the lane, with its sign
_CURVE_POINT_BYTES = 2 * SAMPLE.itemsize + 16  # as a kept row, while the rows are joined, and in the two curves


def refuse_many_lanes(lanes: int, config: Config, slots: int, parameters: int) -> None:
    """Refuse more lanes than memory holds, or than the engine can count, before their arrays are made. ENG-007."""
    each = lane_bytes(slots, parameters)
    limit = memory.limit_bytes()
    window = 64 * config.book.window_ticks
    most = min(max((limit - window) // each, 0), LANES_MAX)
    if lanes > most:
        raise EngineError(
            "ENG-007",
            f"{lanes:,} lanes of {each / MB:.2f} MB are {lanes * each / MB:,.0f} MB, and the window of the books is {window / MB:,.0f} MB; "
            f"the limit is {limit / MB:,.0f} MB ({memory.SHARE_WORDS}): at most {most:,} lanes in a pass",
        )


def refuse_long_curves(lanes: int, curve_ns: int, span_ns: int) -> None:
    """Refuse equity curves of more points than memory holds. ENG-007."""
    if curve_ns == 0:
        return
    points, limit = span_ns // curve_ns + 2, memory.limit_bytes()
    size = points * lanes * _CURVE_POINT_BYTES
    if size > limit:
        least_ms = -(-span_ns // max(limit // (lanes * _CURVE_POINT_BYTES) - 2, 1)) / NS_PER_MS
        raise EngineError(
            "ENG-007",
            f"curves of {points:,} points for {lanes:,} lanes are {size / MB:,.0f} MB; the limit is {limit / MB:,.0f} MB "
            f"({memory.SHARE_WORDS}): an interval of {least_ms:.12g} ms would do",
        )


def refuse_long_span(span_ns: int) -> None:
    """Refuse a run that is longer than keys of events can count. CONF-012."""
    if span_ns > SPAN_NS_MAX:
        raise ConfigError(
            "CONF-012", f"{span_ns / NS_PER_DAY:,.1f} days from start to end; at most {SPAN_NS_MAX / NS_PER_DAY:,.1f} can be played in one run"
        )


def refuse_many_events(state: State, lanes: Sequence[LaneParams], span_ns: int) -> None:
    """Refuse ticks, margin checks and fundings that cannot be played in sensible time. CONF-011."""
    is_on = {name: state.lanes[name] < st.NEVER // 8 for name in ("margin_due_ns", "funding_due_ns")}
    timers = (
        ("node.tick_interval_ms", "ticks", st.P_TICK_NS, None, NS_PER_MS),
        ("venue.margin_check_ms", "margin checks", st.P_MARGIN_NS, is_on["margin_due_ns"], NS_PER_MS),
        ("venue.funding_interval_h", "fundings", st.P_FUNDING_NS, is_on["funding_due_ns"], NS_PER_MS * _HOUR_MS),
    )
    counts = [
        sum(span_ns // int(lane.ints[slot]) for number, lane in enumerate(lanes) if on is None or on[number])
        for _, _, slot, on, _ in timers
    ]
    if sum(counts) <= EVENTS_MAX:
        return
    key, words, slot, _, unit_ns = timers[counts.index(max(counts))]
    shortest = min(int(lane.ints[slot]) for lane in lanes) / unit_ns
    others = sum(counts) - max(counts)
    # of several timers each may have its share; one alone may have all
    share = EVENTS_MAX - others if others < EVENTS_MAX // 2 else EVENTS_MAX // len(timers)
    least = -(-span_ns * len(lanes) // share) / unit_ns
    raise ConfigError(
        "CONF-011",
        f"{key}: {shortest:.6g} makes {max(counts):,} {words} in {span_ns / 1e9:,.0f} s of market time"
        f"{f' for {len(lanes):,} lanes' if len(lanes) > 1 else ''}; a pass may have {EVENTS_MAX:,}: {least:.12g} would do",
    )
