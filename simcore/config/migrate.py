"""Older configurations brought to this version's layout, one step a version: pure functions from tree to tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from simcore.config.model import VERSION
from simcore.errors import ConfigError

Tree = dict[str, Any]


def migrate(tree: Mapping[str, Any], where: str = "") -> tuple[Tree, list[str]]:
    """Return a configuration in the layout of this version, and what changed on the way, a sentence each.

    A tree without `version` is of version 1. It is not checked otherwise, and not changed. Errors: CONF-003 for a
    version that is none, CONF-006 for one of the future.
    """
    found = tree.get("version", 1)
    at = f"{where}: " if where else ""
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise ConfigError("CONF-003", f"{at}version is {found!r}: expected a whole number from 1 to {VERSION}")
    if found > VERSION:
        raise ConfigError("CONF-006", f"{at}version is {found}; this is mmsim with version {VERSION}")
    made, changes = deepcopy(dict(tree)), []
    for version in range(found, VERSION):
        changes += STEPS[version](made)
    if "version" in made:
        del made["version"]
    return {"version": VERSION, **made}, changes


def _several_rate_limits(tree: Tree) -> list[str]:
    """1 → 2: one rate limit in two keys became a list of limits, with penalties."""
    venue = tree.get("venue")
    if not isinstance(venue, dict) or not {"rate_limit_count", "rate_limit_window_ms"} & {*venue}:
        return []
    count = venue.pop("rate_limit_count", 0)
    window = {"window_ms": venue.pop("rate_limit_window_ms")} if "rate_limit_window_ms" in venue else {}
    if "rate_limits" in venue:
        raise ConfigError("CONF-003", "venue has rate_limits and the rate_limit_count or rate_limit_window_ms of version 1; expected one form")
    off = isinstance(count, int) and not isinstance(count, bool) and count == 0
    venue["rate_limits"] = [] if off else [{"count": count, **window}]
    return [f"venue.rate_limit_count and venue.rate_limit_window_ms became venue.rate_limits ({'no limit' if off else 'one limit'})"]


# version: the step that leads from it to the next; it changes the tree and returns what it changed.
STEPS: dict[int, Callable[[Tree], list[str]]] = {1: _several_rate_limits}
