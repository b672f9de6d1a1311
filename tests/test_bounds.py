"""What is refused before a run begins: events without end, lanes and curves that memory does not hold."""

from __future__ import annotations

import numpy as np
import pytest

from simcore import bounds, engine, memory
from simcore import records as r
from simcore import state as states
from simcore.config.load import load_config
from simcore.errors import ConfigError, EngineError
from simcore.lanes import run_lanes
from simcore.runner import run
from tests.support import MemoryTape, rows, session_of

DAY_NS = 86_400_000_000_000
START = 1_577_836_800_000_000_000  # 2020
DAY = MemoryTape(rows(*((START + k * DAY_NS, START + k * DAY_NS, r.SNAPSHOT | r.ASK_BIT * side, 100 + side, 5) for k in (0, 1) for side in (0, 1))))
MARGIN = ("venue.balance=1000", "venue.maintenance_bps=50")


def config(*sets: str):
    return load_config(None, ["strategy.name=demo_maker", *sets])


def refused(configs, tape=DAY):
    with pytest.raises(ConfigError) as caught:
        session_of(tape, configs)
    assert caught.value.code == "CONF-011"
    return caught.value.cause


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (["node.tick_interval_ms=0.001"], "node.tick_interval_ms: 0.001 makes 86,400,000,000 ticks in 86,400 s of market time; a pass may have 20,000,000,000: 0.00432 would do"),
        (["node.tick_interval_ms=0.000001"], "node.tick_interval_ms: 1e-06 makes 86,400,000,000,000 ticks"),
        ([*MARGIN, "venue.margin_check_ms=0.000001"], "venue.margin_check_ms: 1e-06 makes 86,400,000,000,000 margin checks in 86,400 s"),
        (["venue.funding_interval_h=0.0000000001"], "venue.funding_interval_h: 1e-10 makes 240,000,000,000 fundings"),
        (["node.tick_interval_ms=3", "run.repeat=800"], "node.tick_interval_ms: 3 makes 23,0"),
    ],
)  # fmt: skip
def test_intervals_that_make_more_events_than_can_be_played_are_refused_with_the_number(sets, words):
    assert words in refused([config(*sets)])


def test_a_run_longer_than_keys_can_count_is_refused():
    """A million days do not fit 63 bits of ns; of three years the engine would not see the end."""
    for repeat, days in ((1_000_000, "1,000,011.6"), (1000, "1,000.0")):
        with pytest.raises(ConfigError, match=f"{days} days from start to end; at most 833.0 can be played in one run") as caught:
            session_of(DAY, [config(f"run.repeat={repeat}")])
        assert caught.value.code == "CONF-012"


def test_a_run_as_long_as_keys_can_count_is_played_to_its_end():
    """A tick a day, for 832 days: the last one is there, and so is the end."""
    tape = MemoryTape(DAY._rows, chunk_rows=3)
    session = session_of(tape, [config("node.tick_interval_ms=86400000", "run.repeat=832")])
    run(session)
    assert int(session.state.lanes["ticks"][0]) == 832


def test_lanes_count_together():
    lanes = [config("node.tick_interval_ms=1")] * 300
    assert "25,920,000,000 ticks in 86,400 s of market time for 300 lanes; a pass may have 20,000,000,000: 1.296 would do" in refused(lanes)


@pytest.mark.parametrize("sets", [["node.tick_interval_ms=0.001"], [*MARGIN, "venue.margin_check_ms=0.0000017"], [*MARGIN, "node.tick_interval_ms=0.0021", "venue.margin_check_ms=0.002"]])
def test_the_interval_that_is_named_is_accepted(sets):
    for _ in range(2):  # one that beside another makes too many may leave that one to be named next
        try:
            session_of(DAY, [config(*sets)])
        except ConfigError as exc:
            key, text = exc.cause.split(": ")[0], exc.cause.rsplit(" would do")[0].rsplit(" ", 1)[1]
            sets = [*(text for text in sets if not text.startswith(key)), f"{key}={text}"]
    session_of(DAY, [config(*sets)])


def test_checks_of_margin_that_are_off_do_not_count():
    session_of(DAY, [config("venue.margin_check_ms=0.000001")])


def test_a_short_window_of_a_long_tape_is_played_with_a_short_interval():
    session_of(DAY, [config("node.tick_interval_ms=0.000001", "run.to=2020-01-01T00:00:01Z")])


def test_more_lanes_than_memory_holds_are_refused_before_anything_is_allocated(monkeypatch):
    each = states.lane_bytes(16, st_size())
    monkeypatch.setattr(memory, "limit_bytes", lambda: 1_000_000_000)
    monkeypatch.setattr(states, "new_state", lambda *_: pytest.fail("allocated"))
    with pytest.raises(EngineError) as caught:
        run_lanes(DAY, [config("venue.max_open_orders=8")] * 30_000)
    assert caught.value.code == "ENG-007"
    most = (1_000_000_000 - 64 * 65_536) // each
    assert f"30,000 lanes of {each / 1e6:.2f} MB are {30_000 * each / 1e6:,.0f} MB" in caught.value.cause
    assert f"the limit is 1,000 MB (half of the memory that this process can have): at most {most:,} lanes" in caught.value.cause
    assert 1_000 < most < 30_000


def st_size() -> int:
    """Return how many numbers of its own a lane of the demo maker has."""
    session = session_of(DAY, [config()])
    state = session.state
    return sum(array.shape[1] for array in (state.ints, state.floats, state.params, state.memory))


def test_more_lanes_than_links_can_count_are_refused(monkeypatch):
    monkeypatch.setattr(memory, "limit_bytes", lambda: 10**15)
    with pytest.raises(EngineError, match=r"32,769 lanes .*: at most 32,768 lanes in a pass"):
        session_of(DAY, [config()] * 32_769)


@pytest.mark.parametrize("slots", [8, 33])
def test_a_lane_takes_what_is_said(slots):
    """The figure is that of the arrays, to the byte of a lane among many."""
    held = []
    for lanes in (256, 512):
        session = session_of(DAY, [config(f"venue.max_open_orders={slots}")] * lanes)
        held.append(states.held_bytes(session.state, session.out) - sum(array.nbytes for array in vars(session.out).values() if len(array) < states.OUTPUT_ROWS))
    each = states.lane_bytes(2 * slots, st_size())
    assert abs((held[1] - held[0]) / 256 - each) < 0.05 * each


def test_curves_of_more_points_than_memory_holds_are_refused():
    with pytest.raises(EngineError) as caught:
        run_lanes(DAY, [config()] * 3, curve_ms=0.001)
    assert caught.value.code == "ENG-007"
    assert "curves of 86,400,000,002 points for 3 lanes" in caught.value.cause


def test_the_interval_of_curves_that_is_named_is_accepted(monkeypatch):
    monkeypatch.setattr(memory, "limit_bytes", lambda: 100_000_000)
    with pytest.raises(EngineError) as caught:
        bounds.refuse_long_curves(3, 1000, DAY_NS)
    milliseconds = float(caught.value.cause.rsplit(" ms would do")[0].rsplit(" ", 1)[1])
    bounds.refuse_long_curves(3, round(milliseconds * 1e6), DAY_NS)
    with pytest.raises(EngineError):
        bounds.refuse_long_curves(3, round(milliseconds * 0.99e6), DAY_NS)


def test_memory_that_runs_out_is_said_with_a_code(monkeypatch):
    def refuse(*_):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr(states, "new_state", refuse)
    with pytest.raises(EngineError, match="Unable to allocate 9 GiB") as caught:
        engine.simulate(DAY, [config()])
    assert caught.value.code == "ENG-008"


def test_the_limit_is_half_of_what_the_process_can_have(monkeypatch):
    monkeypatch.setattr(memory, "_machine_bytes", lambda: 8_000)
    monkeypatch.setattr(memory, "_container_limits", lambda: (6_000,))
    monkeypatch.setattr(memory, "_process_limits", list)
    assert memory.limit_bytes() == 3_000
    monkeypatch.setattr(memory, "_process_limits", lambda: [1_000, 5_000])
    assert memory.limit_bytes() == 500


def test_the_limits_of_a_container_are_read(monkeypatch, tmp_path):
    (tmp_path / "max").write_text("max\n")
    (tmp_path / "some").write_text("123456\n")
    monkeypatch.setattr(memory, "_CGROUP_FILES", tuple(str(tmp_path / name) for name in ("none", "max", "some")))
    memory._container_limits.cache_clear()
    try:
        assert memory._container_limits() == (123_456,)
    finally:
        memory._container_limits.cache_clear()


def test_curve_points_are_counted_as_they_are_kept():
    assert bounds._CURVE_POINT_BYTES == 2 * np.dtype(r.SAMPLE).itemsize + 16
