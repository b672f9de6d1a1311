"""The symbols of a run: tapes grouped by instrument, each symbol's own configuration, and who follows whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simcore.config.model import Config, PortfolioConfig
from simcore.config.symbols import symbol_config
from simcore.errors import ConfigError, TapeError
from simcore.files import instrument_name
from simcore.tape.read import Tape

Source = str | Path | Tape


@dataclass(frozen=True)
class Member:
    """One symbol of a run.

    key     "venue:SYMBOL"; the canonical order is that of the keys.
    name    how users may call it: the symbol alone where no other venue has it too.
    config  what a run of this symbol alone would have.
    leader  key of the member whose book its strategy sees; None without a link.
    """

    key: str
    name: str
    tape: Tape
    config: Config
    leader: str | None = None

    @property
    def folder(self) -> str:
        """Name of its run folder inside the portfolio's."""
        return instrument_name(self.tape.instrument.venue, self.tape.instrument.symbol)


def group_tapes(sources: Sequence[Source] | Source) -> list[Tape]:
    """Return one tape an instrument, in canonical order; tapes of one instrument follow each other in the order given.

    A folder is all tapes in it. Raises TapeError, as `Tape.open`.
    """
    given: Iterable[Source] = [sources] if isinstance(sources, (str, Path, Tape)) else sources
    groups: dict[str, list[Tape]] = {}
    for source in given:
        for tape in [source] if isinstance(source, Tape) else Tape.open_each(source):
            groups.setdefault(tape_key(tape), []).append(tape)
    if not groups:
        raise TapeError("TAPE-001", "no tape was named")
    return [each[0] if len(each) == 1 else Tape.joined(each) for _, each in sorted(groups.items())]


def tape_key(tape: Tape) -> str:
    """Return the canonical name of a tape's instrument."""
    return f"{tape.instrument.venue}:{tape.instrument.symbol}"


def members_of(tapes: Sequence[Tape], config: Config) -> list[Member]:
    """Return the members of a run in canonical order.

    CONF-003: a symbol of instruments, links or lists that no tape has, or that two venues have; a follower with two
    leaders.
    """
    keys = [tape_key(tape) for tape in tapes]
    names = short_names(keys)
    own = _own_symbols(config.instruments, names)
    leaders = _leaders(config, names)
    for symbol in (*config.portfolio.whitelist, *config.portfolio.blacklist):
        find(symbol, names, "portfolio")
    return [Member(key, names[key], tape, _member_config(config, own.get(key)), leaders.get(key)) for key, tape in zip(keys, tapes, strict=True)]


def short_names(keys: Sequence[str]) -> dict[str, str]:
    """Return each key's name: its symbol where only one venue has it, else the key."""
    symbols = [key.partition(":")[2] for key in keys]
    return {key: symbol if symbols.count(symbol) == 1 else key for key, symbol in zip(keys, symbols, strict=True)}


def find(symbol: str, names: Mapping[str, str], where: str) -> str:
    """Return the key that a symbol of the configuration means. CONF-003 if it means none, or several."""
    if symbol in names:
        return symbol
    found = [key for key in names if key.partition(":")[2] == symbol]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError("CONF-003", f"{where}: {symbol} is on several venues; write one of {', '.join(found)}")
    raise ConfigError("CONF-003", f"{where}: {symbol}: no tape of this run; the run has {', '.join(names.values())}")


def _own_symbols(instruments: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, str]:
    """Return, by key, the symbol under which a member's own settings stand."""
    own: dict[str, str] = {}
    for symbol in instruments:
        key = find(symbol, names, "instruments")
        if key in own:
            raise ConfigError("CONF-003", f"instruments: {symbol} and {own[key]} are the same")
        own[key] = symbol
    return own


def _leaders(config: Config, names: Mapping[str, str]) -> dict[str, str]:
    leaders: dict[str, str] = {}
    for link in config.links:
        follower, leader = find(link.follower, names, "links"), find(link.leader, names, "links")
        if follower == leader:
            raise ConfigError("CONF-003", f"links: {link.follower} follows itself")
        if leaders.get(follower, leader) != leader:
            raise ConfigError("CONF-003", f"links: {link.follower} follows two symbols; a strategy sees one")
        leaders[follower] = leader
    return leaders


def _member_config(config: Config, symbol: str | None) -> Config:
    """Return the configuration of one symbol alone: the run's, with the symbol's own keys, and nothing of other symbols."""
    chosen = config if symbol is None else symbol_config(config, symbol)
    return chosen.model_copy(update={"portfolio": PortfolioConfig(), "instruments": {}, "links": ()})


def linked_groups(members: Sequence[Member]) -> list[list[Member]]:
    """Return the members that must share a process, each group and the list in canonical order."""
    group_of = {member.key: {member.key} for member in members}
    for member in members:
        if member.leader is not None:
            together = group_of[member.key] | group_of[member.leader]
            group_of.update(dict.fromkeys(together, together))
    groups = {min(group): group for group in group_of.values()}
    return [[member for member in members if member.key in groups[first]] for first in sorted(groups)]
