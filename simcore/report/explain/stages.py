"""One tick in plain Python, stage by stage: what each saw and decided. Run as a process of its own, with the JIT off.

`python -m simcore.report.explain.stages FILE`: FILE holds the arrays of a run just before the tick (`tick.py` writes it);
the answer is one JSON object on stdout. The linked pipeline runs as it is, but for its chain of stages, which are called
here one by one; the fused chain is called beside them, and must come to the same.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from simcore import state as states
from simcore.blame import words_of
from simcore.chain import Stage
from simcore.config.load import load_config
from simcore.interrupts import is_asked
from simcore.kernels.finite import is_finite
from simcore.link import Linked, link
from simcore.params import queue_file
from simcore.records import Chunk

_FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    RuntimeError,
    TypeError,
    ValueError,
)
META = "__meta__"


class Evaluated(Exception):  # noqa: N818  it ends the tick, and is no error of ours
    """A stage has failed: the tick ends there."""


class Chain:
    """Takes the place of the fused chain: calls one stage after the other, and notes what each did."""

    def __init__(self, linked: Linked, fused: Callable[..., Any]) -> None:
        self.linked = linked
        self.fused = fused
        self.steps: list[dict[str, Any]] = []
        self.inputs: dict[str, Any] = {}
        self.quote: dict[str, Any] = {}
        self.same_as_fused: bool | None = None
        self.wait_ns = 0

    def tick(self, context: Any, params: Any, memory: Any, clock: Any, marks: Any, traced: bool) -> Any:
        """Do what the chain's `tick` does."""
        self.inputs = plain(context)
        found, kept = context, {}
        for stage in self.linked.stages:
            found, kept[stage.name] = self._step(stage, found, params, memory)
        after = memory._replace(**{name: value for name, value in kept.items() if name in memory._fields})
        expected = self.fused(context, params, memory, clock, marks, traced)
        self.same_as_fused = bool((found, after) == expected)
        self.quote = plain(found.quote)
        self.wait_ns = int(found.fetch.wait_ns)
        return found, after

    def _step(self, stage: Stage, context: Any, params: Any, memory: Any) -> tuple[Any, Any]:
        own = [context]
        chosen = getattr(params, stage.name) if stage.params is not None else None
        remembered = getattr(memory, stage.name) if stage.memory is not None else None
        own += [value for value in (chosen, remembered) if value is not None]
        enabled = chosen is None or getattr(chosen, "enabled", 1.0) != 0.0
        step: dict[str, Any] = {
            "name": stage.name,
            "enabled": enabled,
            "params": plain(chosen),
            "changed": {},
            "memory": {},
            "error": None,
        }
        self.steps.append(step)
        if not enabled:
            return context, remembered
        try:
            result = stage.plain(*own)
            found, kept = result if stage.memory is not None else (result, None)
            if not stage.is_ours and not is_finite(found):
                raise ValueError(f"stage {stage.name} returned a value that is not finite")  # noqa: TRY301  told below
        except BaseException as exc:
            if is_asked(exc):
                raise
            step["error"] = words_of(exc)
            raise Evaluated from exc
        step["changed"], step["memory"] = changes(plain(context), plain(found)), changes(plain(remembered), plain(kept))
        return found, kept


def evaluate(path: Path) -> dict[str, Any]:
    """Return what the tick in a file came to: inputs, stages, quote, requests, and whether the fused chain agrees."""
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(arrays.pop(META).tobytes())
    config = load_config(Path(meta["config"]), [])
    linked = link(config.strategy.name, queue_file(config.venue.queue_model))
    package = linked.run.__module__.rpartition(".")[0]
    pipeline, module, observe = (importlib.import_module(f"{package}.{name}") for name in ("pipeline", "chain", "observe"))
    chain = Chain(linked, module.tick)
    module.tick = chain.tick  # type: ignore[attr-defined]
    state = states.restore(arrays)
    out = states.new_output(state)
    nothing = Chunk(*(np.zeros(0, np.int64) for _ in Chunk._fields))
    error = None
    try:
        handle = states.handle(state, out, nothing, nothing)
        pipeline.tick(handle, 0, meta["now_ns"], observe.shared(handle, 0))
    except Evaluated:
        error = chain.steps[-1]["error"]
    except _FAILURES as exc:  # the quote that came out
        error = f"{type(exc).__name__}: {exc}"
    sent = out.out_requests[: int(out.counts[0])]
    return {
        "inputs": chain.inputs, "stages": chain.steps, "quote": chain.quote, "wait_ns": chain.wait_ns, "error": error,
        "same_as_fused": chain.same_as_fused, "requests": [row.tolist() for row in np.asarray(sent)],
    }  # fmt: skip


def plain(value: Any) -> Any:
    """Return NamedTuples as mappings, with names of fields; floats that are none as text."""
    if hasattr(value, "_asdict"):
        return {name: plain(inner) for name, inner in value._asdict().items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def changes(before: Any, after: Any, prefix: str = "") -> dict[str, list[Any]]:
    """Return dotted name -> [before, after] of what differs."""
    found: dict[str, list[Any]] = {}
    for name, value in (after or {}).items():
        had = before[name]
        if isinstance(value, dict):
            found.update(changes(had, value, f"{prefix}{name}."))
        elif had != value:
            found[prefix + name] = [had, value]
    return found


if __name__ == "__main__":
    with contextlib.redirect_stdout(sys.stderr):  # what the strategy prints
        found = evaluate(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(found, allow_nan=False))
