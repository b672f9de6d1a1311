"""How an A/B test is made: split, windows, intervals, safety gates; from defaults, a YAML file and options."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BeforeValidator, Field

from simcore.calibrate.ab.route import Router
from simcore.config.model import Section, config_keys
from simcore.config.refusals import cause_of, refuse_unknown
from simcore.config.trees import merge, tree_of
from simcore.config.yaml_text import read_yaml
from simcore.errors import AbError
from simcore.units import NS_PER_S

DAY_S = 86_400
SECTION = "ab"
LOOKS = 6  # metrics, whose p values Holm's limits divide


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_Symbols = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_as_tuple)]


def _part_of_a_day(value: int) -> int:
    if DAY_S % value:
        raise ValueError("expected a number of seconds of which a day is a multiple")
    return value


_Limit = Annotated[float | None, Field(ge=0, le=1e9, allow_inf_nan=False)]


class GateSettings(Section):
    """The four safety gates. A limit of null switches its gate off."""

    slippage_bps: _Limit = Field(0.0, description="B's slippage may be above A's by so much, bps")
    taker_share: _Limit = Field(0.01, description="B's share of taker fills may be above A's by so much (0.01 is one percentage point)")
    tick_p95: _Limit = Field(0.10, description="B's tick p95 may be above A's by so much of it (0.1 is 10 %)")
    deadline_misses: _Limit = Field(0.02, description="share of B's ticks that may take longer than deadline_ms")
    deadline_ms: float = Field(200.0, ge=0, le=86_400_000, allow_inf_nan=False, description="time that a tick may take, ms")
    sustain_s: float = Field(600.0, ge=0, le=31_536_000, allow_inf_nan=False, description="a gate that is broken for so long, window after window, rolls B back, s")
    min_fills: int = Field(5, ge=1, le=1_000_000, description="fills of each arm in a window that the gates of fills need")
    min_ticks: int = Field(20, ge=1, le=1_000_000, description="traced ticks of each arm in a window that the gates of ticks need")
    scope: Literal["all", "symbol"] = Field("all", description="all: one watch over all symbols, which rolls all of them back; symbol: each by itself")
    compare: Literal["paired", "routed"] = Field("paired", description="what B is held against: A on the same symbols (paired), or on those that are routed to A (routed)")
    ticks: Literal["simulated", "measured"] = Field("simulated", description="time of a tick: simulated waits for data, the same in each run; measured: with the time of the stages on this machine")


class AbSettings(Section):
    """An A/B test."""

    split: float = Field(50.0, ge=0, le=100, allow_inf_nan=False, description="share of units that go to B, percent")
    salt: str = Field("mmsim", description="text that changes which units these are")
    route: Literal["symbol", "day", "window"] = Field("day", description="what goes to an arm as one unit: a symbol, a symbol's day, or a symbol's time window")
    whitelist: _Symbols = Field((), description="if not empty, the only symbols that may go to B")
    blacklist: _Symbols = Field((), description="symbols that never go to B")
    window_s: Annotated[int, Field(ge=1, le=DAY_S), AfterValidator(_part_of_a_day)] = Field(300, description="length of the time windows, s; a whole number of them makes a day")
    trace_every: int = Field(10, ge=1, le=1_000_000, description="every n-th tick is traced for the gates of ticks, where the configuration traces none")
    level: float = Field(0.95, ge=0.5, le=0.999, allow_inf_nan=False, description="level of the intervals, and 1 less the chance of a false verdict")
    repetitions: int = Field(2000, ge=200, le=1_000_000, description="resamples of the bootstrap")
    block: int = Field(0, ge=0, le=100_000, description="windows of a block of the bootstrap; 0 = chosen from the data")
    seed: int = Field(1, ge=0, le=(1 << 53), description="seed of the bootstrap's draws")
    min_windows: int = Field(20, ge=2, le=1_000_000, description="windows with something to measure, of each arm, that a verdict needs")
    gates: GateSettings = Field(default_factory=GateSettings)

    @property
    def window_ns(self) -> int:
        """Length of a window, ns."""
        return self.window_s * NS_PER_S

    @property
    def router(self) -> Router:
        """Return what routes by these settings."""
        return Router(self.split, self.salt, self.route, self.whitelist, self.blacklist)


def load_settings(path: Path | str | None = None, overrides: Mapping[str, Any] | None = None) -> AbSettings:
    """Return the settings: defaults, the section `ab` of a YAML file, overrides (nested or with dotted keys).

    CONF-001, CONF-004: the file. CONF-002: an unknown key. AB-003: a refused value.
    """
    tree: dict[str, Any] = {}
    where = ""
    if path is not None:
        where = f"{path}: "
        found = read_yaml(Path(path))
        if list(found) != [SECTION] or not isinstance(found[SECTION], dict):
            raise AbError("AB-003", f"{where}found the keys {', '.join(map(str, found)) or 'none'}; expected one section `{SECTION}:`")
        merge(tree, found[SECTION])
    merge(tree, tree_of(overrides or {}))
    refuse_unknown(tree, f"{where}{SECTION}.", AbSettings)
    try:
        made = AbSettings.model_validate(tree)
    except pydantic.ValidationError as exc:
        raise AbError("AB-003", where + "; ".join(cause_of(error) for error in exc.errors(include_url=False))) from exc
    needed = math.ceil(2.0 * LOOKS / (1.0 - made.level))
    if made.repetitions < needed:
        raise AbError("AB-003", f"{where}repetitions is {made.repetitions}: expected at least {needed}, or no difference can be shown at level {made.level:g}")
    return made


def settings_table() -> list[tuple[str, str, str]]:
    """Return (dotted key, default, description) of each setting, for docs/ab.md."""
    rows = []
    for key, field in config_keys(AbSettings):
        default = field.get_default(call_default_factory=True)
        shown = "null" if default is None else "none" if default == () else str(default)
        rows.append((key, shown, field.description or ""))
    return rows
