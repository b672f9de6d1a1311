"""A strategy that is a plain Python class, asked at every tick by the same engine (docs/strategies.md).

The engine runs a strategy that wants what stands in its memory (`simcore.kernels.bridge`), and pauses before each tick. Then the
class is told its fills and asked for its quote, which is written into that memory. So orders, samples, parity and the
order of events are those of any strategy; only the decision is Python's.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import math
import operator
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, get_type_hints

import numpy as np

from simcore import jit
from simcore.blame import Blame
from simcore.chain import flatten
from simcore.errors import StrategyError
from simcore.kernels import context as contexts
from simcore.kernels import state as st
from simcore.kernels.context import (
    GUARD_NONE,
    Control,
    FetchDecision,
    GuardAssessment,
    InventoryAdjustment,
    LinkedView,
    MarketView,
    OwnQueue,
    QueueAdjustment,
    Quote,
    QuoteContext,
    Signals,
    SpreadDecision,
)
from simcore.records import MAKER, POST_ONLY, SIDE_LABELS, TRADED, UNITS_MAX

if TYPE_CHECKING:
    from simcore.runner import Session
    from simcore.state import State

_refuse_bad_quote = getattr(contexts.refuse_bad_quote, "py_func", contexts.refuse_bad_quote)
_serial = itertools.count()  # of the modules that this process has made


class Fill(NamedTuple):
    """A fill of ours as the Node hears of it: ts_ns is when the report arrived, exch_ts_ns when the exchange made it.

    side: "buy" or "sell".  fee_units: cash units, negative is a rebate.  leaves_lots: what the order has left.
    """

    ts_ns: int
    exch_ts_ns: int
    order_id: int
    side: str
    price_ticks: int
    qty_lots: int
    leaves_lots: int
    is_maker: bool
    fee_units: int


def make_quote(
    bid_ticks: int = 0, bid_lots: int = 0, ask_ticks: int = 0, ask_lots: int = 0, *, levels: int = 1, step_ticks: int = 1, **more: Any
) -> Quote:
    """Return a quote: `levels` post-only prices a side, step_ticks apart; 0 lots is no quote on that side.

    more: the other fields of a Quote (lots_factor, tif, display_lots, stop_ticks, take_profit_ticks, far_ticks, max_batch, reasons).
    """
    plain = Quote(bid_ticks, bid_lots, ask_ticks, ask_lots, levels, step_ticks, 1.0, POST_ONLY, 0, 0, 0, 0.0, 0, 0)
    return plain._replace(**more)


NOTHING = make_quote(levels=0)
_UNDECIDED = (
    FetchDecision(1, 0, 0, 0, 0), SpreadDecision(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0), GuardAssessment(GUARD_NONE, 1.0, 1.0, 0, 0),
    InventoryAdjustment(0.0, 0.0, UNITS_MAX, UNITS_MAX, 0.0, 0.0), QueueAdjustment(0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
)  # fmt: skip
_WHOLE = tuple(field for field, kind in get_type_hints(Quote).items() if kind is int)


@dataclass(frozen=True)
class PythonClass:
    """A file with a class Strategy: what is known of it before it runs. peek: the kernel that tells what a tick will see."""

    path: Path
    source: bytes
    shown: str
    params: Any
    peek: Callable[..., tuple[Any, ...] | None]

    def players(self, state: State) -> Players:
        """Make one instance a lane, each in a module of its own, so that they share nothing, whatever the file's globals are."""
        return Players(self, [self._instance(state.params[lane]) for lane in range(len(state.lanes))])

    def _instance(self, row: Any) -> Any:
        made = load(self.path, self.source, self.shown).Strategy
        with Blame("STRAT-002", self.path, lambda: (f"{self.shown}: Strategy(): ", "")):
            if inspect.signature(made).parameters:
                return made(_filled(self.params(), iter(row.tolist())))
            return made()


def is_class(source: bytes) -> bool:
    """Return whether a file has a class Strategy at its top level, and no STAGES."""
    try:
        body = ast.parse(source).body
    except (MemoryError, RecursionError, SyntaxError, ValueError):  # the first two: nested too deep
        return False  # whoever runs it says what is wrong
    names = {target.id for node in body if isinstance(node, ast.Assign) for target in node.targets if isinstance(target, ast.Name)}
    return "STAGES" not in names and any(isinstance(node, ast.ClassDef) and node.name == "Strategy" for node in body)


def load(path: Path, source: bytes, shown: str) -> ModuleType:
    """Run a file as a new module, and check its class. STRAT-002 says what is wrong with it."""
    module = ModuleType(f"mmsim_python_{next(_serial)}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses and NamedTuples look up their annotations
    with Blame("STRAT-002", path, lambda: (f"{shown}: ", "")):
        exec(compile(source, str(path), "exec"), vars(module))  # noqa: S102
        _check_class(module.Strategy, shown)
    return module


def _check_class(chosen: Any, shown: str) -> None:
    for name, call, is_needed in (("on_tick", "context", True), ("on_fill", "fill", False)):
        method = getattr(chosen, name, None)
        if method is None and not is_needed:
            continue
        if not callable(method) or not _takes(method, 2):
            raise StrategyError("STRAT-002", f"{shown}: class Strategy needs on_tick(self, context)" if is_needed else f"{shown}: expected {name}(self, {call})")
    if not _takes(chosen, 0) and not _takes(chosen, 1):
        raise StrategyError("STRAT-002", f"{shown}: expected __init__(self, params), or none")


def params_of(module: ModuleType, shown: str) -> Any:
    """Return the NamedTuple of a class's parameters, an empty one if there is none. STRAT-002 for one without defaults."""
    kind = getattr(module, "Params", NoParams)
    try:
        flatten(kind)
    except (AttributeError, TypeError, ValueError) as exc:
        raise StrategyError("STRAT-002", f"{shown}: Params is to be a NamedTuple, every field with a number as default") from exc
    return kind


class NoParams(NamedTuple):
    """No parameters."""


def _takes(function: Any, count: int) -> bool:
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    return True


def _filled(value: Any, numbers: Iterator[float]) -> Any:
    """Return a NamedTuple with the next numbers in place of its own, NamedTuples in it likewise."""
    return type(value)(*(_filled(part, numbers) if hasattr(part, "_fields") else next(numbers) for part in value))


class Players:
    """The instances of a run, one a lane, and what they are yet to be told."""

    def __init__(self, chosen: PythonClass, instances: list[Any]) -> None:
        self._class = chosen
        self._instances = instances
        self._fills: list[list[Fill]] = [[] for _ in instances]
        self._wanted = [NOTHING for _ in instances]
        self._decided = [-1 for _ in instances]  # ns since ORIGIN of the tick that was decided last
        self._noted = 0  # rows of the report buffer that were looked at
        self._calls = ("", 0)  # the method that runs, and its lane

    def run_until(self, session: Session, key: int, advance: Callable[[int], bool]) -> bool:
        """Let the engine run to `key` (`simcore.runner.run_until`), and decide before each tick on the way.

        STRAT-004 names whatever the class does wrong.
        """
        lanes = range(len(self._instances))
        blame = Blame("STRAT-004", self._class.path, lambda: self._where(session))
        while True:
            tick_ns = min(self._next_tick(session.state, lane) for lane in lanes)
            tick_key = tick_ns * 8 + st.CLASS_TICK
            ended = advance(min(tick_key, key))
            if ended or tick_key >= key:
                break
            self.note(session)
            for lane in lanes:
                if self._next_tick(session.state, lane) == tick_ns:
                    seen = self._look(session, lane, tick_ns)
                    with blame:
                        self._decide(session.state, lane, tick_ns, seen)
        if ended:
            self.note(session)
            with blame:
                for lane in lanes:
                    self._tell(lane)
        return ended

    def note(self, session: Session, is_emptying: bool = False) -> None:
        """Keep the fills among the reports since the last time; is_emptying: the buffer's rows go to the journal after this."""
        count = int(session.out.counts[st.O_REPORTS])
        if count > self._noted:
            rows = session.out.out_reports[self._noted : count]
            for row in rows[rows["kind"] == TRADED]:
                self._fills[int(row["lane"])].append(_fill(row))
        self._noted = 0 if is_emptying else count

    def _next_tick(self, state: State, lane: int) -> int:
        """Return the time of a lane's next tick that is not decided yet, ns since ORIGIN."""
        tick_ns = int(state.lanes["tick_ns"][lane])
        return tick_ns + int(state.ints[lane, st.P_TICK_NS]) if tick_ns == self._decided[lane] else tick_ns

    def _decide(self, state: State, lane: int, tick_ns: int, seen: QuoteContext | None) -> None:
        """Tell a lane's instance its fills, ask it for a quote unless the tick will be skipped, and let that stand."""
        self._decided[lane] = tick_ns
        self._tell(lane)
        if seen is None:
            return
        self._calls = ("on_tick", lane)
        wanted = self._instances[lane].on_tick(seen)
        if type(wanted) is Quote and wanted == seen.quote:  # a NaN is unequal to itself
            return
        self._wanted[lane] = NOTHING if wanted is None else checked(wanted)
        state.memory[lane, : len(NOTHING)] = self._wanted[lane]

    def _tell(self, lane: int) -> None:
        self._calls = ("on_fill", lane)
        fills, self._fills[lane] = self._fills[lane], []
        if fills and hasattr(self._instances[lane], "on_fill"):
            for fill in fills:
                self._instances[lane].on_fill(fill)

    def _look(self, session: Session, lane: int, tick_ns: int) -> QuoteContext | None:
        """Return what the tick will see, None if it will be skipped, with the quote that stands.

        Looking takes the tick into the Node's windows, as the tick itself will do: that is undone.
        """
        state = session.state
        touched = (state.lanes.view(np.int64).reshape(len(state.lanes), -1)[lane], state.rings[lane], state.whole[lane])
        before = [array.copy() for array in touched]
        seen = self._class.peek(session.handle(), lane, tick_ns)
        for array, saved in zip(touched, before, strict=True):
            array[:] = saved
        return None if seen is None else _context(seen if jit.JIT else _plain(seen), self._wanted[lane])

    def _where(self, session: Session) -> tuple[str, str]:
        method, lane = self._calls
        symbol = f"{session.symbol}, " if session.symbol else ""
        when = np.datetime64(session.now_ts, "ns")
        return f"{self._class.shown}: {method}, {symbol}", f"; at {when} UTC, lane {lane}"


def _fill(row: Any) -> Fill:
    return Fill(
        int(row["ts"]), int(row["exch_ts"]), int(row["order_id"]), SIDE_LABELS[int(row["side"])], int(row["price_ticks"]),
        int(row["qty_lots"]), int(row["leaves_lots"]), int(row["liquidity"]) == MAKER, int(row["fee_units"]),
    )  # fmt: skip


def _context(seen: tuple[Any, ...], quote: Quote) -> QuoteContext:
    """Return the context of what `peek` gave: its parts follow one another; nothing is decided but the quote that stands."""
    return QuoteContext(
        MarketView(*seen[:14]), seen[14], Signals(*seen[15:30]), OwnQueue(*seen[30:42]), Control(*seen[42:46]),
        LinkedView(*seen[46:]), *_UNDECIDED, quote,
    )  # fmt: skip


def checked(wanted: Any) -> Quote:
    """Return a quote of Python numbers. TypeError or ValueError says which of its fields is none."""
    if not isinstance(wanted, Quote):
        raise TypeError(f"on_tick returned {wanted!r:.80}; expected a Quote (make_quote) or None")
    fields: dict[str, Any] = {}
    for name, value in wanted._asdict().items():
        if name in _WHOLE:
            try:
                fields[name] = operator.index(value)
            except TypeError:
                raise TypeError(f"on_tick returned a Quote whose {name} is {value!r:.40}; expected a whole number (int)") from None
        else:
            fields[name] = float(value)
            if not math.isfinite(fields[name]):
                raise ValueError(f"on_tick returned a Quote whose {name} is {value!r:.40}; expected a finite number")
    quote = Quote(**fields)
    _refuse_bad_quote(quote)
    return quote


def _plain(seen: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return Python numbers: with the JIT off kernels give numpy's, which divide by zero without complaint."""
    return tuple(value.item() if isinstance(value, np.generic) else value for value in seen)
