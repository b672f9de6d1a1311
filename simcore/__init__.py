"""mmsim: deterministic backtest-and-replay engine for market makers.

    from simcore import Tape, replay

Names are imported when they are first used, so that `import simcore` and `mmsim --help` are quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simcore.api import make_config, replay, verify, warmup
    from simcore.calibrate.datasets.build import build_dataset, write_dataset
    from simcore.calibrate.sweeps.band import replay_band
    from simcore.calibrate.sweeps.sweep import sweep_fees, sweep_latency
    from simcore.calibrate.sweeps.sweep_report import write_sweep
    from simcore.config import Config, load_config
    from simcore.errors import MmsimError
    from simcore.lanes import LaneRun, run_lanes
    from simcore.report.build import build_report
    from simcore.report.compare import compare
    from simcore.report.portfolio_result import PortfolioResult
    from simcore.report.result import RunResult
    from simcore.tape.convert import ConvertOptions, convert
    from simcore.tape.export import export_npz
    from simcore.tape.read import Tape
    from simcore.tape.schema import Instrument
    from simcore.tape.synth import preset_spec, synth
    from simcore.tape.validate import validate

_HOMES = {
    "Config": "simcore.config",
    "ConvertOptions": "simcore.tape.convert",
    "Instrument": "simcore.tape.schema",
    "LaneRun": "simcore.lanes",
    "MmsimError": "simcore.errors",
    "PortfolioResult": "simcore.report.portfolio_result",
    "RunResult": "simcore.report.result",
    "Tape": "simcore.tape.read",
    "build_dataset": "simcore.calibrate.datasets.build",
    "build_report": "simcore.report.build",
    "compare": "simcore.report.compare",
    "convert": "simcore.tape.convert",
    "export_npz": "simcore.tape.export",
    "load_config": "simcore.config",
    "make_config": "simcore.api",
    "preset_spec": "simcore.tape.synth",
    "replay": "simcore.api",
    "replay_band": "simcore.calibrate.sweeps.band",
    "run_lanes": "simcore.lanes",
    "sweep_fees": "simcore.calibrate.sweeps.sweep",
    "sweep_latency": "simcore.calibrate.sweeps.sweep",
    "synth": "simcore.tape.synth",
    "validate": "simcore.tape.validate",
    "verify": "simcore.api",
    "warmup": "simcore.api",
    "write_dataset": "simcore.calibrate.datasets.build",
    "write_sweep": "simcore.calibrate.sweeps.sweep_report",
}

__all__ = [
    "Config",
    "ConvertOptions",
    "Instrument",
    "LaneRun",
    "MmsimError",
    "PortfolioResult",
    "RunResult",
    "Tape",
    "build_dataset",
    "build_report",
    "compare",
    "convert",
    "export_npz",
    "load_config",
    "make_config",
    "preset_spec",
    "replay",
    "replay_band",
    "run_lanes",
    "sweep_fees",
    "sweep_latency",
    "synth",
    "validate",
    "verify",
    "warmup",
    "write_dataset",
    "write_sweep",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its home; keep it, so that the next use costs nothing."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'simcore' has no attribute {name!r}")
    import_module("simcore.system").require_posix()
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
