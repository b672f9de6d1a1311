"""Kernels as plain Python in any process: the function behind the machine code, and behind all that it calls."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from strategies import adaptive

_made: dict[Any, Any] = {}


def plain(kernel: Any) -> Any:
    """Return a kernel as a Python function whose callees are Python functions, too."""
    function = getattr(kernel, "py_func", kernel)
    if function not in _made:
        scope: dict[str, Any] = {}
        _made[function] = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__)
        scope.update({name: _plain_value(value) for name, value in function.__globals__.items()})
    return _made[function]


def _plain_value(value: Any) -> Any:
    if hasattr(value, "py_func") or (isinstance(value, types.FunctionType) and _is_kernel_module(value.__module__)):
        return plain(value)
    if isinstance(value, types.ModuleType) and _is_kernel_module(value.__name__):
        return types.SimpleNamespace(**{name: _plain_value(each) for name, each in vars(value).items() if not name.startswith("__")})
    return value


def _is_kernel_module(name: str) -> bool:
    return name.startswith("simcore.kernels.")


Stage = Callable[..., Any]
STAGES: dict[str, Stage] = {name: plain(stage) for name, stage in adaptive.STAGES.items()}


def params_of(stage: str, **values: float) -> Any:
    """Return a stage's params with some values changed."""
    return _kinds(stage)[0]()._replace(**{name: float(value) for name, value in values.items()})


def memory_of(stage: str, **values: float) -> Any:
    """Return a stage's memory with some values changed; None if it has none."""
    kinds = _kinds(stage)
    return kinds[1]()._replace(**values) if len(kinds) == 2 else None


def _kinds(stage: str) -> list[Any]:
    function = getattr(adaptive.STAGES[stage], "py_func", adaptive.STAGES[stage])
    names = [function.__annotations__[name] for name in ("params", "memory") if name in function.__annotations__]
    return [function.__globals__[name] for name in names]


def run_stage(stage: str, context: Any, params: Any = None, memory: Any = None) -> tuple[Any, Any]:
    """Return (context, memory) after a stage, as the chain calls it: a stage that is off changes nothing."""
    params = params if params is not None else params_of(stage)
    memory = memory if memory is not None else memory_of(stage)
    if params.enabled == 0.0:
        return context, memory
    if memory is None:
        return STAGES[stage](context, params), None
    context, memory = STAGES[stage](context, params, memory)
    return context, memory


class Chain:
    """The stages one after the other, with their params, and their memories from tick to tick."""

    def __init__(self, order: list[str] | None = None, **params: dict[str, float]) -> None:
        self.order = order or list(STAGES)
        self.params = {stage: params_of(stage, **params.get(stage, {})) for stage in self.order}
        self.memory = {stage: memory_of(stage) for stage in self.order}

    def tick(self, context: Any) -> Any:
        """Return the context after all stages."""
        for stage in self.order:
            context, self.memory[stage] = run_stage(stage, context, self.params[stage], self.memory[stage])
        return context
