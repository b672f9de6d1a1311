"""Strategies that are Python classes: the engine, the laws and the errors are those of any strategy."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simcore import engine, jit
from simcore import state as states
from simcore.config.load import load_config
from simcore.errors import ConfigError, StrategyError
from simcore.journal.store import JournalStore, read_stream
from simcore.kernels import state as st
from simcore.link import link
from simcore.parity import compare_node
from simcore.python_strategy import Fill, checked, is_class, make_quote
from simcore.records import TRADED
from simcore.runner import run, run_until
from simcore.tape.read import Tape
from tests.support import MemoryTape, rows, session_of

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "datasets" / "synbtc-perp-20240101-l2.parquet"
MAKER = '''"""A maker that quotes at a distance, as plain Python."""

from __future__ import annotations

import math
from typing import NamedTuple

from simcore.kernels.context import Quote, QuoteContext
from simcore.python_strategy import Fill, make_quote

SEEN = []  # a global, which no other run and no other lane may see


class Params(NamedTuple):
    """half_spread_bps: from the mid; limit_lots: position limit."""

    half_spread_bps: float = 1.0
    limit_lots: float = 5.0


class Strategy:
    """One bid, one ask."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.position = 0

    def on_fill(self, fill: Fill) -> None:
        self.position += fill.qty_lots if fill.side == "buy" else -fill.qty_lots
        SEEN.append(fill)

    def on_tick(self, context: QuoteContext) -> Quote | None:
        view = context.market
        assert self.position == context.position_lots, "each fill is told once, before the tick that knows of it"
        assert all(fill.ts_ns <= view.now_ns for fill in SEEN)
        half = self.params.half_spread_bps * 1e-4 * view.mid_ticks
        return make_quote(
            min(math.floor(view.mid_ticks - half), view.bid_ticks), int(self.position < self.params.limit_lots),
            max(math.ceil(view.mid_ticks + half), view.ask_ticks), int(self.position > -self.params.limit_lots),
        )
'''
COMPILED = """
import math
from typing import NamedTuple

from simcore.jit import kernel
from simcore.kernels.context import QuoteContext, plain_quote, with_quote


@kernel
def quote(context: QuoteContext) -> QuoteContext:
    view = context.market
    half = 1.0 * 1e-4 * view.mid_ticks
    bid = min(int(math.floor(view.mid_ticks - half)), view.bid_ticks)
    ask = max(int(math.ceil(view.mid_ticks + half)), view.ask_ticks)
    return with_quote(context, plain_quote(bid, int(context.position_lots < 5), ask, int(context.position_lots > -5)))


STAGES = {"quote": quote}
"""


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("maker") / "maker.py"
    path.write_text(MAKER)
    return path


@pytest.fixture(scope="module")
def tape() -> Tape:
    return Tape.open(SAMPLE)


def config_of(path: Path, *sets: str, seconds: float = 120.0) -> Any:
    end = Tape.open(SAMPLE).start_ts + int(seconds * 1e9)
    return load_config(None, [f"strategy.name={path}", f"run.to={end}", *sets])


def test_it_does_what_the_same_strategy_of_stages_does(maker: Path, tape: Tape, tmp_path: Path) -> None:
    """The journal is that of the compiled form, byte for byte: requests, reports, fills and samples."""
    (tmp_path / "compiled.py").write_text(COMPILED)
    mine = engine.simulate(tape, [config_of(maker)])
    assert mine.digest == engine.simulate(tape, [config_of(tmp_path / "compiled.py")]).digest
    assert mine.state.lanes["fills"][0] > 10


def test_a_second_run_in_the_same_process_is_the_same(maker: Path, tape: Tape) -> None:
    """Although the file keeps fills in a global."""
    assert engine.simulate(tape, [config_of(maker)]).digest == engine.simulate(tape, [config_of(maker)]).digest


def test_the_jit_makes_no_difference(maker: Path, tape: Tape) -> None:
    assert jit.JIT
    program = (
        "import sys; from simcore import engine; from simcore.config.load import load_config; from simcore.tape.read import Tape\n"
        "print(engine.simulate(Tape.open(sys.argv[1]), [load_config(None, sys.argv[2:])]).digest)"
    )
    words = [str(SAMPLE), f"strategy.name={maker}", f"run.to={tape.start_ts + 30 * 10**9}"]
    done = subprocess.run(
        [sys.executable, "-c", program, *words], check=True, cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert done.stdout.strip() == engine.simulate(tape, [config_of(maker, seconds=30)]).digest


def test_lanes_share_nothing(maker: Path, tape: Tape) -> None:
    """Lane k does what a run with its parameters alone does."""
    configs = [config_of(maker, f"strategy.params.half_spread_bps={half}", seconds=60) for half in (0.5, 1.0, 2.0)]
    together = engine.simulate(tape, configs)
    for lane, config in enumerate(configs):
        alone = engine.simulate(tape, [config])
        own = together.journal.rows("requests")[together.journal.rows("requests")["lane"] == lane].copy()
        own["lane"] = 0
        assert own.tobytes() == alone.journal.rows("requests").tobytes()


def test_the_node_alone_sends_the_same(maker: Path, tape: Tape) -> None:
    """Law 2, parity: fed with the journal's reports."""
    config = config_of(maker)
    outcome = engine.simulate(tape, [config])
    journal = {stream: outcome.journal.rows(stream) for stream in ("requests", "reports", "samples")}
    found = compare_node(tape, [config], journal)
    assert found.ok, found.first_difference
    assert found.requests > 100


@pytest.mark.parametrize("step_ns", [10**8, 7 * 10**8 + 1])
def test_a_run_in_steps_is_the_run_in_one(maker: Path, tape: Tape, step_ns: int) -> None:
    """Pauses at ticks, before and after them and in between, change nothing; nor do the buffers being emptied on the way."""
    config = config_of(maker, seconds=60)
    session = engine.new_session(tape, [config], link(str(maker)), JournalStore(None))
    now, ended = 0, False
    while not ended:
        now += step_ns
        ended = run_until(session, now * 8 + (st.CLASS_TICK if now % 2 else 7))
    assert session.journal.digest.hex() == engine.simulate(tape, [config]).digest


def test_looking_changes_nothing(maker: Path, tape: Tape) -> None:
    """What a class sees before a tick is taken back: every array of the run is as before."""
    config = config_of(maker, seconds=60)
    session = engine.new_session(tape, [config], link(str(maker)), JournalStore(None))
    assert session.python is not None
    run_until(session, 10**9 * 30 * 8 + st.CLASS_TICK)
    before = {name: array.copy() for name, array in states.save(session.state).items()}
    seen = session.python._look(session, 0, 30 * 10**9)
    assert seen is not None
    after = states.save(session.state)
    for name, array in before.items():
        assert array.tobytes() == after[name].tobytes(), name
    assert seen.market.elapsed_ns == 30 * 10**9
    assert seen.signals.returns == 20
    assert seen.queue.bid_ticks > 0


def test_what_it_sees_is_what_a_stage_sees(tape: Tape, tmp_path: Path) -> None:
    """Every field, at each tick: a stage that writes them into its memory, against a class that keeps them."""
    (tmp_path / "keeps.py").write_text(
        "from simcore.python_strategy import make_quote\nKEPT = []\n\n\nclass Strategy:\n    def on_tick(self, context):\n"
        "        KEPT.append(context)\n        view = context.market\n        return make_quote(view.bid_ticks, 1, view.ask_ticks, 1)\n"
    )
    fields = [
        f"{part}.{name}"
        for part, kind in (("market", "MarketView"), ("signals", "Signals"), ("queue", "OwnQueue"), ("control", "Control"), ("linked", "LinkedView"))
        for name in __import__("simcore.kernels.context", fromlist=[kind]).__dict__[kind]._fields
        if name != "now_ns"
    ]
    lines = "\n".join(f"    f{i}: float = 0.0" for i in range(len(fields) + 1))
    values = ", ".join(f"float(context.{name})" for name in [*fields, "position_lots"])
    (tmp_path / "writes.py").write_text(
        "from typing import NamedTuple\nfrom simcore.jit import kernel\nfrom simcore.kernels.context import QuoteContext, plain_quote, with_quote\n\n\n"
        f"class None_(NamedTuple):\n    unused: float = 0.0\n\n\nclass All(NamedTuple):\n{lines}\n\n\n@kernel\n"
        "def look(context: QuoteContext, params: None_, memory: All) -> tuple[QuoteContext, All]:\n    view = context.market\n"
        f"    return with_quote(context, plain_quote(view.bid_ticks, 1, view.ask_ticks, 1)), All({values})\n\n\nSTAGES = {{'look': look}}\n"
    )
    program = f"""
import sys
from simcore import engine
from simcore.config.load import load_config
from simcore.journal.store import JournalStore
from simcore.link import link
from simcore.runner import run_until
from simcore.tape.read import Tape
tape = Tape.open({str(SAMPLE)!r})
def session_of(name):
    config = load_config(None, [f"strategy.name={{name}}", f"run.to={{tape.start_ts + 20 * 10**9}}"])
    return engine.new_session(tape, [config], link(name), JournalStore(None))
mine, theirs = session_of("keeps.py"), session_of("writes.py")
for tick in range(1, 200):
    for session in (mine, theirs):
        run_until(session, tick * 10**8 * 8 + 7)
    seen = sys.modules[type(mine.python._instances[0]).__module__].KEPT[-1]
    found = [*seen.market[1:], *seen.signals, *seen.queue, *seen.control, *seen.linked, seen.position_lots]
    assert found == theirs.state.memory[0].tolist(), (tick, found, theirs.state.memory[0].tolist())
    assert seen.market.now_ns == tape.start_ts + tick * 10**8
    assert all(type(value) in (int, float) for value in found)
assert seen.signals.fills_1h > 0 and seen.queue.bid_ahead_lots >= 0
print("ok")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, cwd=tmp_path, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert done.stdout.strip() == "ok", done.stderr


def test_an_interrupted_run_begins_anew(maker: Path, tape: Tape, tmp_path: Path) -> None:
    """Its state is Python's: no checkpoint is kept, and --resume plays the tape from its start, to the same digest."""
    config = config_of(maker, "run.checkpoint_s=0.0001", seconds=60)

    def stop(now: engine.Progress) -> None:
        if now.rows > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.replay(SAMPLE, config, tmp_path / "run", progress=stop)
    assert not list((tmp_path / "run").glob("checkpoint*"))
    folder = engine.replay(SAMPLE, config, tmp_path / "run", resume=True)
    assert engine.verify(folder).expected == engine.simulate(tape, [config]).digest
    assert engine.verify(folder).ok


def test_fills_are_told_as_the_journal_has_them(maker: Path, tape: Tape) -> None:
    """All of them, with their times, those after the last tick included."""
    session = engine.new_session(tape, [config_of(maker)], link(str(maker)), JournalStore(None))
    run(session)
    assert session.python is not None
    told = sys.modules[type(session.python._instances[0]).__module__].SEEN
    rows = session.journal.rows("reports")
    rows = rows[rows["kind"] == TRADED]
    assert [fill.order_id for fill in told] == rows["order_id"].tolist()
    assert [fill.ts_ns for fill in told] == rows["ts"].tolist()
    assert all(isinstance(fill, Fill) and fill.is_maker for fill in told)


def test_parameters_of_the_class_are_checked(maker: Path) -> None:
    with pytest.raises(ConfigError, match=r"CONF-002.*half_spred_bps.*did you mean strategy.params.half_spread_bps"):
        engine.simulate(Tape.open(SAMPLE), [config_of(maker, "strategy.params.half_spred_bps=2")])


ON_TICK = "class Strategy:\n    def on_tick(self, context):\n        "
FAILING = {
    "an error of its own": (ON_TICK + "raise LookupError('no quotes today')", "LookupError: no quotes today, line 3"),
    "an error of a kind of its own": ("class Mine(Exception):\n    pass\n\n\n" + ON_TICK + "raise Mine('closed')", "Mine: closed, line 7"),
    "an exit": (ON_TICK + "raise SystemExit(0)", "SystemExit"),
    "a division by zero": (ON_TICK + "return 1 / context.position_lots", "ZeroDivisionError"),
    "a number instead of a quote": (ON_TICK + "return 5", "returned 5; expected a Quote"),
    "a tuple instead of a quote": (ON_TICK + "return tuple(context.quote)", "expected a Quote"),
    "a NaN": (ON_TICK + "return context.quote._replace(bid_ticks=float('nan'))", "bid_ticks is nan; expected a whole number"),
    "half a tick": (ON_TICK + "return context.quote._replace(ask_ticks=10.5)", "ask_ticks is 10.5; expected a whole number"),
    "text": (ON_TICK + "return context.quote._replace(bid_lots='1')", "bid_lots is '1'"),
    "an infinity": (ON_TICK + "return context.quote._replace(far_ticks=float('inf'))", "far_ticks is inf; expected a finite number"),
    "a negative size": (ON_TICK + "return context.quote._replace(bid_lots=-1)", "lots are not between"),
    "a price beyond all": (ON_TICK + "return context.quote._replace(bid_ticks=10**17)", "price is beyond"),
    "a change of the context": (ON_TICK + "context.market.bid_ticks = 5", "AttributeError: can't set attribute, line 3"),
    "a field that is not there": (ON_TICK + "return context.no_such_field", "no_such_field"),
    "a fault in on_fill": (
        ("from simcore.python_strategy import make_quote\n\n\nclass Strategy:\n    def on_fill(self, fill):\n        raise ValueError('a fill')\n\n"
        "    def on_tick(self, context):\n        view = context.market\n        return make_quote(view.bid_ticks, 5, view.ask_ticks, 5)"),
        "on_fill, SYNBTC-PERP, ValueError: a fill, line 6",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAILING)
def test_what_goes_wrong_is_named_and_the_journal_up_to_there_is_kept(name: str, tmp_path: Path) -> None:
    """STRAT-004 with file, method, symbol, line, time and lane."""
    text, words = FAILING[name]
    path = tmp_path / "mine.py"
    path.write_text(text + "\n")
    with pytest.raises(StrategyError) as caught:
        engine.replay(SAMPLE, config_of(path, seconds=600), tmp_path / "run")
    assert caught.value.code == "STRAT-004"
    for word in (str(path), "on_tick" if "on_fill" not in name else "on_fill", "SYNBTC-PERP", words, "at 2024-01-01T00:0", "UTC, lane 0"):
        assert word in str(caught.value)
    kept = {stream: len(read_stream(tmp_path / "run", stream)) for stream in ("requests", "reports")}
    assert (kept["requests"] > 1 and kept["reports"] > 1) if "on_fill" in name else kept == {"requests": 0, "reports": 0}


UNUSABLE = {
    "no on_tick": ("class Strategy:\n    pass", "needs on_tick(self, context)"),
    "an on_tick without a context": ("class Strategy:\n    def on_tick(self):\n        return None", "needs on_tick(self, context)"),
    "an on_fill without a fill": (ON_TICK + "return None\n\n    def on_fill(self):\n        pass", "on_fill(self, fill)"),
    "a constructor of two": (ON_TICK + "return None\n\n    def __init__(self, params, more):\n        pass", "__init__(self, params)"),
    "a constructor that fails": (ON_TICK + "return None\n\n    def __init__(self, params):\n        raise OSError('gone')", "OSError: gone, line 6"),
    "an import that is not there": ("import no_such_package\n\n" + ON_TICK + "return None", "No module named 'no_such_package', line 1"),
    "parameters without defaults": (
        "from typing import NamedTuple\n\n\nclass Params(NamedTuple):\n    width: float\n\n\n" + ON_TICK + "return None", "number as default",
    ),
    "parameters that are no NamedTuple": ("class Params:\n    width = 1.0\n\n\n" + ON_TICK + "return None", "NamedTuple"),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_class_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    text, words = UNUSABLE[name]
    path = tmp_path / "mine.py"
    path.write_text(text + "\n")
    with pytest.raises(StrategyError) as caught:
        engine.replay(SAMPLE, config_of(path), tmp_path / "run")
    assert caught.value.code == "STRAT-002"
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_file_with_stages_is_none_of_a_class() -> None:
    assert is_class(b"class Strategy:\n    pass\n")
    assert not is_class(b"class Strategy:\n    pass\n\nSTAGES = {}\n")
    assert not is_class(b"def f():\n    class Strategy:\n        pass\n")
    assert not is_class(b"class Strategy(:\n")


def test_none_withdraws_the_quotes_and_the_standing_quote_keeps_them(tape: Tape, tmp_path: Path) -> None:
    """context.quote is what was returned last."""
    path = tmp_path / "mine.py"
    path.write_text(
        "from simcore.python_strategy import make_quote\n\n\nclass Strategy:\n    def on_tick(self, context):\n        view = context.market\n"
        "        second = view.elapsed_ns / 1e9\n        if second < 1:\n            return make_quote(view.bid_ticks - 900, 1, view.ask_ticks + 900, 1)\n"
        "        return context.quote if second < 2 else None\n"
    )
    requests = engine.simulate(tape, [config_of(path, seconds=3)]).journal.rows("requests")
    assert len(requests) >= 4
    late = requests["ts"] - tape.start_ts >= int(1.0e9)
    assert set(requests["kind"][late]) == {2}, "cancels, when None is returned"
    assert set((requests["ts"] - tape.start_ts)[late] // 10**8) == {20}


@pytest.mark.parametrize("cancels", [False, True])
def test_a_tick_with_a_bad_book_is_skipped(cancels: bool, tmp_path: Path) -> None:
    """on_tick is not called; working quotes stay, or go with CANCELS_ON_BAD_BOOK."""
    path = tmp_path / "mine.py"
    path.write_text(
        f"from simcore.python_strategy import make_quote\nCANCELS_ON_BAD_BOOK = {cancels}\nSEEN = []\n\n\nclass Strategy:\n"
        "    def on_tick(self, context):\n        SEEN.append(context.market.elapsed_ns // 10**8)\n        return make_quote(90, 1, 120, 1)\n"
    )
    book = [(10**9, 10**9, side, price, 5) for side, price in ((0, 99), (16, 101))]
    gone = [(10**9 + 25 * 10**7, 10**9 + 25 * 10**7, 16, 101, 0), (2 * 10**9, 2 * 10**9, 0, 98, 1)]
    session = session_of(MemoryTape(rows(*book, *gone)), [load_config(None, [f"strategy.name={path}"])])
    run(session)
    assert session.python is not None
    assert sys.modules[type(session.python._instances[0]).__module__].SEEN == [1, 2]
    assert int(session.state.lanes["skipped_ticks"][0]) == 8
    assert int(session.state.lanes["cancels"][0]) == (2 if cancels else 0)


def test_numbers_of_numpy_are_numbers() -> None:
    quote = make_quote(np.int64(5), np.int32(1), 7, 1, lots_factor=np.float64(2.0))  # type: ignore[arg-type]
    assert checked(quote) == make_quote(5, 1, 7, 1, lots_factor=2.0)
    assert {type(value) for value in checked(quote)} == {int, float}


def test_an_unknown_field_of_a_quote_is_refused() -> None:
    with pytest.raises(ValueError, match="no_such_field"):
        make_quote(no_such_field=1)


def test_the_code_hash_is_that_of_the_file(maker: Path, tmp_path: Path) -> None:
    """An edited class is another strategy, but the same compiled engine."""
    (tmp_path / "other.py").write_text(MAKER + "\n")
    first, second = link(str(maker)), link(str(tmp_path / "other.py"))
    assert first.code_hash != second.code_hash
    assert first.package == second.package
    assert replace(first, code_hash="", strategy=None, name="", python=None, run=None) == replace(  # type: ignore[arg-type]
        second, code_hash="", strategy=None, name="", python=None, run=None  # type: ignore[arg-type]
    )
