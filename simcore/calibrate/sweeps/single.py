"""What is calibrated is one symbol alone: its tape, its own configuration, and copies of that with other values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcore.config.build import build_config
from simcore.config.model import Config
from simcore.config.symbols import plain_tree
from simcore.config.trees import merge, tree_of
from simcore.errors import CalibrateError
from simcore.portfolio.coordinator import Coordinator
from simcore.portfolio.members import Source, group_tapes, members_of
from simcore.tape.read import Tape


def one_instrument(tapes: Sequence[Source] | Source, config: Config) -> tuple[Tape, Config]:
    """Return the tape of the one instrument that `tapes` hold, in time order, and the configuration of its run alone.

    CAL-002: the tapes are of several instruments, or an allocator, a limit or a list of symbols of the portfolio applies.
    """
    members = members_of(group_tapes(tapes), config)
    if len(members) > 1:
        raise CalibrateError("CAL-002", f"the tapes are of {', '.join(member.name for member in members)}")
    member = members[0]
    if Coordinator(members, config).needs_control(member.key):
        raise CalibrateError("CAL-002", f"{member.name}: an allocator, a limit or a list of symbols of `portfolio` applies to it")
    return member.tape, member.config


def with_keys(config: Config, keys: Mapping[str, Any]) -> Config:
    """Return the configuration with other values of some dotted keys. CONF-002 or CONF-003 names one that is refused."""
    tree = plain_tree(config)
    merge(tree, tree_of(keys))
    return build_config(tree)
