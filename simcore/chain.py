"""A strategy's STAGES -> the source of its chain: Params, Memory, and one function that runs stage after stage.

A strategy file names its stages in order: `STAGES = {"spread": spread.volatility_spread, …}`. A stage is a kernel
`(context)`, `(context, params)` or `(context, params, memory)` that returns the context, or (context, memory) if it
has one. The types of params and memory are taken from its annotations: NamedTuples of numbers, or of such NamedTuples,
with defaults. A field `enabled` of params switches the stage.
"""

from __future__ import annotations

import inspect
import keyword
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from simcore.errors import StrategyError
from simcore.records import STAGES_MAX

_PARTS = {"signals": "USES_SIGNALS", "queue": "USES_QUEUE"}
_DEPTH = ("bid_depth_lots", "ask_depth_lots")
_FEED = ("book_age_ns", "gaps", "rewinds")


@dataclass(frozen=True)
class Stage:
    """One stage: its name in the strategy, its function, and the types of its params and memory (None if it has none)."""

    name: str
    function: Callable[..., Any]
    params: Any
    memory: Any

    @property
    def plain(self) -> Any:
        """The Python function behind the kernel."""
        return getattr(self.function, "py_func", self.function)

    @property
    def is_ours(self) -> bool:
        """Whether the stage is one of simcore's own."""
        return str(self.plain.__module__).startswith("simcore.")


def stages_of(module: ModuleType, shown: str) -> list[Stage]:
    """Return the stages of a strategy's module. STRAT-002 says what is wrong with them."""
    named = getattr(module, "STAGES", None)
    if not isinstance(named, dict) or not named:
        raise StrategyError("STRAT-002", f'{shown}: needs STAGES, a mapping of names to stages: STAGES = {{"quote": quote}}')
    if len(named) > STAGES_MAX:
        raise StrategyError("STRAT-002", f"{shown}: {len(named)} stages; expected at most {STAGES_MAX}")
    stages = [_stage(name, function, shown) for name, function in named.items()]
    _refuse_other_files(stages, module.__name__, shown)
    return stages


def _refuse_other_files(stages: list[Stage], own: str, shown: str) -> None:
    """Raise STRAT-002 for a kernel from a file that is neither the strategy's nor simcore's: its changes would not be compiled."""
    known = {own.partition(".")[0], "simcore", "numpy", *sys.stdlib_module_names}
    for function in _reached(stages):
        if str(function.__module__).partition(".")[0] not in known:
            raise StrategyError("STRAT-002", f"{shown}: {function.__qualname__} is from {function.__module__}; a strategy is one file: copy it there")


def _stage(name: Any, function: Any, shown: str) -> Stage:
    plain = getattr(function, "py_func", function)
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise StrategyError("STRAT-002", f"{shown}: STAGES: {name!r} is no name of a stage; expected a word")
    if not isinstance(plain, types.FunctionType) or plain.__closure__ or "<" in plain.__qualname__:
        raise StrategyError("STRAT-002", f"{shown}: stage {name}: expected a function at the top level of a file")
    parameters = list(inspect.signature(plain).parameters)
    if not 1 <= len(parameters) <= 3:
        raise StrategyError("STRAT-002", f"{shown}: stage {name}: expected {plain.__name__}(context, params, memory), or fewer")
    try:
        hints = typing.get_type_hints(plain)
    except (NameError, TypeError) as exc:
        raise StrategyError("STRAT-002", f"{shown}: stage {name}: {exc}") from exc
    kinds = []
    for parameter, what in zip(parameters[1:], ("params", "memory"), strict=False):
        kind: Any = hints.get(parameter)
        if not hasattr(kind, "_fields"):
            raise StrategyError("STRAT-002", f"{shown}: stage {name}: annotate `{parameter}` with a NamedTuple: its {what}")
        _refuse_bad_defaults(kind, f"{shown}: stage {name}: {kind.__name__}")
        kinds.append(kind)
    return Stage(name, function, kinds[0] if kinds else None, kinds[1] if len(kinds) == 2 else None)


def _refuse_bad_defaults(kind: Any, where: str) -> None:
    try:
        flatten(kind)
    except (TypeError, ValueError) as exc:
        raise StrategyError("STRAT-002", f"{where}: every field needs a number as default") from exc


def flatten(kind: Any, prefix: str = "") -> list[tuple[str, float]]:
    """Return (dotted name, default) of the numbers in a NamedTuple class or of NamedTuples in it."""
    flat: list[tuple[str, float]] = []
    for name, value in kind()._asdict().items():
        if hasattr(value, "_fields"):
            flat += flatten(lambda value=value: value, f"{prefix}{name}.")
        else:
            flat.append((prefix + name, float(value)))
    return flat


def chain_source(stages: list[Stage], module: ModuleType, package: str) -> str:
    """Return the source of the chain: what `simcore/kernels/chain.py` is for no stages."""
    uses = _names_used(stages) | set(getattr(module, "USES", ()))
    lines = [f'"""The stages of a strategy, fused; made by simcore.link for {package}."""', "", "from typing import NamedTuple", ""]
    lines += ["from simcore.jit import cycles, inlined", "from simcore.kernels.finite import is_finite", "from simcore.kernels.state import STAGE"]
    for i, stage in enumerate(stages):
        lines.append(f"from {stage.plain.__module__} import {stage.plain.__name__} as plain_{i}")
        for part, kind in (("Params", stage.params), ("Memory", stage.memory)):
            if kind is not None:
                lines.append(f"from {kind.__module__} import {kind.__qualname__} as {part}_{i}")
    lines += ["", f"STAGE_NAMES = {tuple(stage.name for stage in stages)!r}"]
    lines += [f"{flag} = {name in uses}" for name, flag in _PARTS.items()]
    lines += [f"USES_DEPTH = {any(name in uses for name in _DEPTH)}", f"USES_FEED = {any(name in uses for name in _FEED)}"]
    lines += [f"CANCELS_ON_BAD_BOOK = {bool(getattr(module, 'CANCELS_ON_BAD_BOOK', False))}"]
    lines += _tuple_class("Params", [(s.name, f"Params_{i}") for i, s in enumerate(stages) if s.params is not None])
    lines += _tuple_class("Memory", [(s.name, f"Memory_{i}") for i, s in enumerate(stages) if s.memory is not None])
    lines += ["", "", *(f"stage_{i} = inlined(plain_{i})" for i in range(len(stages))), "", "", "@inlined", "def tick(context, params, memory, clock, marks, traced):", "    if traced:", "        marks[0] = cycles()"]
    for i, stage in enumerate(stages):
        lines += _call(i, stage)
    kept = [f"memory_{i}" for i, s in enumerate(stages) if s.memory is not None]
    lines += [f"    return context, Memory({', '.join(kept) or '0.0'})", ""]
    return "\n".join(lines)


def _call(i: int, stage: Stage) -> list[str]:
    arguments, result = "context", "context"
    lines = [f"    clock[STAGE] = {i + 1}"]
    if stage.params is not None:
        arguments += f", params.{stage.name}"
    if stage.memory is not None:
        lines.append(f"    memory_{i} = memory.{stage.name}")
        arguments += f", memory_{i}"
        result += f", memory_{i}"
    call = [f"    {result} = stage_{i}({arguments})"]
    if not stage.is_ours:
        call += ["    if not is_finite(context):", f'        raise ValueError("stage {stage.name} returned a value that is not finite")']
    if stage.params is not None and "enabled" in stage.params._fields:
        call = [f"    if params.{stage.name}.enabled != 0.0:", *(f"    {line}" for line in call)]
    return [*lines, *call, "    if traced:", f"        marks[{i + 1}] = cycles()"]


def _tuple_class(name: str, fields: list[tuple[str, str]]) -> list[str]:
    lines = ["", "", f"class {name}(NamedTuple):"]
    return lines + ([f"    {field}: {kind} = {kind}()" for field, kind in fields] or ["    unused: float = 0.0"])


def _names_used(stages: list[Stage]) -> set[str]:
    """Return the names of attributes that the stages, and the kernels that they call, read."""
    return {name for function in _reached(stages) for name in function.__code__.co_names}


def _reached(stages: list[Stage]) -> list[Any]:
    """Return the functions of the stages, and those that they call."""
    seen: list[Any] = []
    waiting = [stage.plain for stage in stages]
    while waiting:
        function = waiting.pop()
        if function not in seen:
            seen.append(function)
            waiting += _callees(function)
    return seen


def _callees(function: Any) -> Iterator[Any]:
    scope = function.__globals__
    for name in function.__code__.co_names:
        found = scope.get(name)
        for value in [found, *(getattr(found, inner, None) for inner in function.__code__.co_names if isinstance(found, ModuleType))]:
            plain = getattr(value, "py_func", value)
            if isinstance(plain, types.FunctionType) and not str(plain.__module__).startswith("simcore.kernels.context"):
                yield plain


def binding_source(chain: ModuleType, package: str) -> str:
    """Return the source of load_params, load_memory and save_memory for a chain."""
    imports: set[str] = set()
    params = _constructor(chain.Params(), iter(range(10_000)), imports)
    memory = _constructor(chain.Memory(), iter(range(10_000)), imports)
    saves = "\n".join(f"    row[{i}] = memory.{name}" for i, (name, _) in enumerate(flatten(chain.Memory)))
    lines = "\n".join(sorted(imports))
    return f'''"""Rows of float64 to and from a strategy's values; made by simcore.link for {package}."""

from simcore.jit import inlined
{lines}


@inlined
def load_params(row):
    return {params}


@inlined
def load_memory(row):
    return {memory}


@inlined
def save_memory(row, memory):
{saves}
'''


def _constructor(value: Any, places: Any, imports: set[str]) -> str:
    kind = type(value)
    alias = f"{kind.__module__.replace('.', '_')}_{kind.__name__}"
    imports.add(f"from {kind.__module__} import {kind.__name__} as {alias}")
    parts = [
        _constructor(part, places, imports) if hasattr(part, "_fields") else f"float(row[{next(places)}])" for part in value
    ]
    return f"{alias}({', '.join(parts)})"
