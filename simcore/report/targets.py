"""The targets that a run's configuration sets, and whether it met them."""

from __future__ import annotations

from typing import Any

import pydantic

from simcore.config.model import TargetConfig
from simcore.config.yaml_text import parse_yaml
from simcore.errors import ConfigError, ReportError
from simcore.report.findings import Findings
from simcore.report.folder import RunFolder

# Figure: how it is held against its target, net edge from above and costs from below.
BOUNDS = {"net_bps": "≥", "slippage_bps": "<", "taker_share": "≤"}


def targets(run: RunFolder, found: Findings) -> list[dict[str, Any]]:
    """Return one row a target that is set: figure, bound, target, value, met (null where the figure is missing)."""
    rows = []
    for key, target in chosen_targets(run).model_dump().items():
        if target is not None:
            value = found.values[key]
            rows.append(
                {
                    "figure": key,
                    "bound": BOUNDS[key],
                    "target": target,
                    "value": value,
                    "met": _met(BOUNDS[key], value, target),
                }
            )
    return rows


def chosen_targets(run: RunFolder) -> TargetConfig:
    """Return the targets of a run's config.yaml. REP-001 if it cannot be read."""
    try:
        tree = parse_yaml(run.config_text, str(run.path / "config.yaml"))
        return TargetConfig.model_validate((tree or {}).get("targets") or {})
    except (ConfigError, AttributeError, pydantic.ValidationError) as exc:
        raise ReportError("REP-001", f"{run.path / 'config.yaml'}: {exc}") from exc


def _met(bound: str, value: float | None, target: float) -> bool | None:
    if value is None:
        return None
    return value >= target if bound == "≥" else value < target if bound == "<" else value <= target
