"""Replays from Python: the calls behind `from simcore import replay, verify`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, overload

from simcore import engine, jit
from simcore.config import Config, load_config, parse_latency
from simcore.door.arguments import (
    CALLABLE,
    CONFIG,
    FLAG,
    KEYS,
    PATH,
    TAPES,
    each,
    either,
    made_by,
    optional,
    public,
    whole,
)
from simcore.engine import ProgressCallback, Verification
from simcore.errors import ConfigError
from simcore.portfolio import run as portfolio
from simcore.portfolio.kind import is_portfolio
from simcore.report.portfolio_result import PortfolioResult
from simcore.report.result import RunResult
from simcore.tape.read import Tape

Tapes = Sequence[Path | str | Tape] | Path | str | Tape

_CONFIG = optional(either(CONFIG, KEYS, PATH))

# Keywords that stand for configuration keys, as the options of `mmsim replay` do.
_SHORT = {
    "strategy": "strategy.name", "params": "strategy.params", "venue": "venue.name", "queue_model": "venue.queue_model",
    "seed": "run.seed", "start": "run.from", "end": "run.to", "repeat": "run.repeat",
}  # fmt: skip


@overload
def replay(
    tapes: Tape,
    config: Config | Mapping[str, Any] | Path | str | None = None,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    jobs: int | None = None,
    progress: ProgressCallback | None = None,
    **options: Any,
) -> RunResult: ...


@overload
def replay(
    tapes: Tapes,
    config: Config | Mapping[str, Any] | Path | str | None = None,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    jobs: int | None = None,
    progress: ProgressCallback | None = None,
    **options: Any,
) -> RunResult | PortfolioResult: ...


@public(tapes=TAPES, config=_CONFIG, out=optional(PATH), resume=FLAG, jobs=optional(whole(1, 4096)), progress=optional(CALLABLE))
def replay(
    tapes: Tapes,
    config: Config | Mapping[str, Any] | Path | str | None = None,
    out: Path | str | None = None,
    *,
    resume: bool = False,
    jobs: int | None = None,
    progress: ProgressCallback | None = None,
    **options: Any,
) -> RunResult | PortfolioResult:
    """Replay tapes; write the run folder and return the result: a PortfolioResult for several instruments.

    tapes    of one instrument in time order; those of several instruments run side by side (docs/portfolio.md).
    jobs     worker processes for several instruments; None: as many as are quickest. The result is the same.
    config   a Config, a mapping of keys (nested or dotted), a YAML file, or None for the defaults.
    out      an empty or new folder; None picks reports/<strategy>-<symbol>-<n>.
    options  what differs from `config`: strategy, params, venue (a profile's name), queue_model, latency, seed, start,
             end, repeat, or a whole section as a mapping (venue={"queue_n": 2}), or dotted keys
             (**{"node.tick_interval_ms": 50}).
    Tables, plots and the report are made when they are asked for. Raises MmsimError.
    For type checkers a Tape, which is of one instrument, gives a RunResult; only an allocator or a limit on it makes a PortfolioResult of one.
    """
    chosen = make_config(config, **options)
    folder = portfolio.replay(tapes, chosen, out, resume=resume, jobs=jobs, progress=progress)
    return PortfolioResult(folder) if is_portfolio(folder) else RunResult(folder)


@public(
    run=either(made_by("RunResult", "a result"), made_by("PortfolioResult", "a result of several symbols"), PATH),
    progress=optional(CALLABLE), tapes=optional(either(PATH, each(PATH))),
)  # fmt: skip
def verify(
    run: RunResult | PortfolioResult | Path | str, progress: ProgressCallback | None = None, *, tapes: Sequence[Path | str] | Path | str | None = None
) -> Verification:
    """Replay a finished run again and compare digests: `.ok`, and `.first_difference` if not. Raises MmsimError.

    tapes: where the tapes of the run are now, if they were moved.
    """
    run_dir = run.run_dir if isinstance(run, (RunResult, PortfolioResult)) else Path(run)
    moved = [tapes] if isinstance(tapes, (Path, str)) else tapes or ()
    return portfolio.verify(run_dir, progress, moved=[Path(path) for path in moved])


@public(config=_CONFIG)
def warmup(config: Config | Mapping[str, Any] | Path | str | None = None, **options: Any) -> float:
    """Compile the engine of a configuration's strategy, or load it from the cache; return the seconds it took."""
    return engine.warmup(make_config(config, **options))


@public(config=_CONFIG)
def make_config(config: Config | Mapping[str, Any] | Path | str | None = None, **options: Any) -> Config:
    """Return the configuration that `config` and options ask for. Raises ConfigError."""
    keys: dict[str, Any] = {}
    path: Path | None = None
    if isinstance(config, Config):
        keys.update(config.model_dump(mode="python", by_alias=True, exclude_unset=True))
        _refuse_second_profile(config, options.get("venue", options.get("venue.name")))
    elif isinstance(config, Mapping):
        keys.update(config)
    elif config is not None:
        path = Path(config)
    for name, value in options.items():
        if name == "latency" and isinstance(value, str):
            keys.update(parse_latency(value))
        else:
            _put(keys, name, value)
    made = load_config(path, [], keys)
    if made.run.checked and not jit.CHECKED:
        raise ConfigError("CONF-003", "run.checked: set MMSIM_CHECKED=1 before Python starts; bounds checks are compiled in")
    return made


def _refuse_second_profile(config: Config, venue: Any) -> None:
    """Refuse a profile for a configuration that says already which one it has, or none: its values would stay."""
    if isinstance(venue, str) and "name" in config.venue.model_fields_set and config.venue.name != venue:
        raise ConfigError(
            "CONF-003", f"venue is {venue!r}: the configuration holds the values of {config.venue.name or 'no profile'}; make it anew with venue={venue!r}"
        )


def _put(keys: dict[str, Any], name: str, value: Any) -> None:
    """Enter an option: a short name, a dotted key, or a section that goes over what is there of it."""
    before = keys.get(name)
    if isinstance(value, Mapping) and isinstance(before, Mapping):
        keys[name] = {**before, **value}
    elif isinstance(value, Mapping) and name in ("strategy", "venue"):
        keys[name] = value
    else:
        keys[_SHORT.get(name, name)] = value
