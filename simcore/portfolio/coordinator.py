"""What happens at a barrier: windows become scores, scores weights, weights and positions budgets. Small numbers only."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from simcore.config.model import Config
from simcore.errors import PortfolioError
from simcore.kernels.context import LEVELS_MAX
from simcore.portfolio.allocator import AllocatorSettings, Rating, Share, first_share, max_quotes, rebalance
from simcore.portfolio.group import Control, Snapshot
from simcore.portfolio.limits import Exposure, budgets
from simcore.portfolio.measure import Totals, observation
from simcore.portfolio.members import Member, find
from simcore.portfolio.scoreboard import ScoreSettings, Standing, observe, score
from simcore.units import NS_PER_S

NO_BUDGET = -1


class Entry(NamedTuple):
    """A symbol at a barrier, as the telemetry keeps it; money in quote currency."""

    ts: int
    symbol: str
    ended: bool
    samples: int
    score: float | None
    net_bps: float | None
    fill_rate: float | None
    slippage_bps: float | None
    queue_edge: float | None
    adverse_bps: float | None
    weight: float
    blocked: bool
    max_quotes: int
    budget_lots: int
    position_lots: int
    worst_lots: int
    lot_value: float | None
    position_value: float | None


class Coordinator:
    """The scoreboard, allocator and limit of a run; symbols are known by their keys."""

    def __init__(self, members: Sequence[Member], config: Config) -> None:
        section = config.portfolio
        names = {member.key: member.name for member in members}
        self.allocates = section.allocate
        self.limit = Fraction(section.max_gross)
        self.period_ns = round(section.rebalance_s * NS_PER_S)
        self.settings = AllocatorSettings(
            section.temperature, section.weight_min, section.weight_max, section.hysteresis, section.blacklist_net_bps,
            round(section.blacklist_min * 60 * NS_PER_S),
            tuple(find(symbol, names, "portfolio.whitelist") for symbol in section.whitelist),
            tuple(find(symbol, names, "portfolio.blacklist") for symbol in section.blacklist),
        )  # fmt: skip
        self._scoring = ScoreSettings(section.score_alpha, section.score_samples)
        self._window_ns = round(section.score_window_s * NS_PER_S)
        self.entries: list[Entry] = []
        self._shares = {key: first_share(key, self.settings) for key in names}
        self._standings = dict.fromkeys(names, Standing())
        self._seen: dict[str, deque[tuple[int, Totals]]] = {key: deque([(-1, Totals())]) for key in names}
        self._exposures = dict.fromkeys(names, Exposure(None, 0))
        self._told = {key: self.first_control(key) for key in names}
        if self.limit > 0:
            refuse_other_currencies(members)

    @property
    def has_barriers(self) -> bool:
        """Whether symbols act on each other between start and end."""
        return self.allocates or self.limit > 0

    def first_control(self, key: str) -> Control:
        """Return what a symbol is told at its start: nothing may be held before the first barrier gives a budget."""
        return self._control(self._shares[key], 0 if self.limit > 0 else NO_BUDGET)

    def needs_control(self, key: str) -> bool:
        """Return whether a symbol must be told anything at its start."""
        return self.has_barriers or self.first_control(key) != Control(1.0, LEVELS_MAX, NO_BUDGET, False)

    def barrier(self, ts: int, snapshots: Mapping[str, Snapshot]) -> dict[str, Control]:
        """Take what symbols are like at a barrier; return what those that run on are to be told, if it is new."""
        snapshots = {key: snapshots[key] for key in self._shares if key in snapshots}  # canonical order
        live = [key for key in self._shares if key in snapshots and not snapshots[key].ended]
        for key, found in snapshots.items():
            value = self._exposures[key].lot_value if found.lot_value is None else found.lot_value
            worst = abs(found.position_lots) if found.ended else found.worst_lots
            self._exposures[key] = Exposure(value, worst)
        if self.allocates:
            self._rate(ts, {key: snapshots[key] for key in live})
        lots = self._budgets(live)
        controls = {key: self._control(self._shares[key], lots[key]) for key in live}
        self._keep(ts, snapshots, controls)
        news = {key: control for key, control in controls.items() if control != self._told[key]}
        self._told.update(news)
        return news

    def _rate(self, ts: int, snapshots: Mapping[str, Snapshot]) -> None:
        for key, found in snapshots.items():
            seen = self._seen[key]
            while len(seen) > 1 and seen[1][0] <= ts - self._window_ns:
                seen.popleft()
            self._standings[key] = observe(self._standings[key], observation(seen[0][1], found.totals), self._scoring)
            seen.append((ts, found.totals))
        ratings = {key: Rating(score(self._standings[key], self._scoring), self._net_bps(key)) for key in snapshots}
        shares = {key: self._shares[key] for key in snapshots}
        self._shares.update(rebalance(shares, ratings, ts, self.settings))

    def _net_bps(self, key: str) -> float | None:
        standing = self._standings[key]
        return standing.averages.net_bps if standing.samples >= self._scoring.min_samples else None

    def _budgets(self, live: Sequence[str]) -> dict[str, int]:
        if self.limit == 0:
            return dict.fromkeys(live, NO_BUDGET)
        weights = {key: 0.0 if self._shares[key].blocked else self._shares[key].weight for key in live}
        return budgets(self._exposures, weights, self.limit)

    def _control(self, share: Share, budget_lots: int) -> Control:
        if not self.allocates:
            return Control(1.0, LEVELS_MAX, budget_lots, share.blocked)
        return Control(share.weight, max_quotes(share.weight), budget_lots, share.blocked)

    def _keep(self, ts: int, snapshots: Mapping[str, Snapshot], controls: Mapping[str, Control]) -> None:
        for key, found in snapshots.items():
            standing, told = self._standings[key], controls.get(key, self._told[key])
            value = self._exposures[key].lot_value
            self.entries.append(
                Entry(
                    ts, key, found.ended, standing.samples, score(standing, self._scoring), *standing.averages, told.weight,
                    told.blocked, told.max_quotes, told.budget_lots, found.position_lots, self._exposures[key].worst_lots,
                    None if value is None else float(value), None if value is None else float(value * found.position_lots),
                )
            )  # fmt: skip


def refuse_other_currencies(members: Sequence[Member]) -> None:
    """Refuse a limit over symbols whose values are in different currencies. PORT-004."""
    quotes: dict[str, Any] = {}
    for member in members:
        quotes.setdefault(member.tape.instrument.quote, member.name)
    if len(quotes) > 1:
        raise PortfolioError("PORT-004", ", ".join(f"{name} in {quote or 'no named currency'}" for quote, name in quotes.items()))
