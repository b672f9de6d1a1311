"""Avellaneda and Stoikov (2008): their maker, its exact moments, and a Monte-Carlo of their model.

At each of N steps a quote at distance d from the mid fills with probability A exp(-k d) dt (1 where that is more),
then the mid moves by +- sigma sqrt(dt). Quotes depend on time and inventory alone, so inventory is a Markov chain, and
the moments of profit follow from a recursion over it, without sampling.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simcore.jit import expose
from simcore.kernels import formulas
from simcore.records import FloatArray

INVENTORY_MAX = 80  # positions that the recursion follows; the probability of more is below 1e-12


@dataclass(frozen=True)
class Market:
    """The model's parameters; the defaults are the paper's. Prices and time in the paper's units."""

    sigma: float = 2.0
    horizon: float = 1.0
    dt: float = 0.005
    k: float = 1.5
    arrival_scale: float = 140.0
    poisson: bool = False  # whether a step fills with probability 1 - exp(-rate dt) instead of the paper's rate dt

    @property
    def steps(self) -> int:
        return round(self.horizon / self.dt)

    @property
    def move(self) -> float:
        """By how much the mid moves at a step."""
        return self.sigma * math.sqrt(self.dt)


@dataclass(frozen=True)
class Maker:
    """One of the two strategies of the paper."""

    gamma: float
    symmetric: bool = False

    @property
    def name(self) -> str:
        return "symmetric" if self.symmetric else "inventory"


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of profit and of final inventory, each with its standard error (0: exact)."""

    profit: float
    profit_std: float
    inventory: float
    inventory_std: float
    errors: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    @property
    def values(self) -> tuple[float, float, float, float]:
        return self.profit, self.profit_std, self.inventory, self.inventory_std


_quotes = expose(formulas.avellaneda_stoikov_quotes)
_spread = expose(formulas.avellaneda_stoikov_spread)


def average_spread(market: Market, gamma: float) -> float:
    """Return the spread of the inventory strategy, averaged over time."""
    return float(_spread(gamma, market.sigma, market.k, 0.5 * market.horizon))


def distances(market: Market, maker: Maker, step: int, inventory: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how far the bid and the ask are from the mid at a step, for each inventory."""
    if maker.symmetric:
        half = np.full(len(inventory), 0.5 * average_spread(market, maker.gamma))
        return half, half
    left = market.horizon - step * market.dt
    bid, ask = _quotes(0.0, 0.0, maker.gamma, market.sigma, market.k, left)
    shift = inventory * maker.gamma * market.sigma * market.sigma * left
    return shift - bid, ask - shift


def fill_probability(market: Market, distance: FloatArray) -> FloatArray:
    """Return the probability that a quote fills in a step: A exp(-k d) dt, at most 1, as the paper has it."""
    expected = market.arrival_scale * market.dt * np.exp(-market.k * distance)
    return np.asarray(-np.expm1(-expected) if market.poisson else np.minimum(expected, 1.0))


def exact(market: Market, maker: Maker) -> Moments:
    """Return the moments by the recursion over inventory: P(q), E[edge; q] and E[edge^2; q] step by step."""
    held = np.arange(-INVENTORY_MAX, INVENTORY_MAX + 1.0)
    weight = np.where(held == 0.0, 1.0, 0.0)
    first, second = np.zeros_like(weight), np.zeros_like(weight)
    variance = 0.0
    for step in range(market.steps):
        bid, ask = distances(market, maker, step, held)
        buy, sell = fill_probability(market, bid), fill_probability(market, ask)
        chances = ((1.0 - buy) * (1.0 - sell), buy * (1.0 - sell), (1.0 - buy) * sell, buy * sell)
        moments = [np.zeros_like(weight) for _ in range(3)]
        for chance, edge, shift in zip(chances, (0.0 * bid, bid, ask, bid + ask), (0, 1, -1, 0), strict=True):
            new = (weight, first + edge * weight, second + 2.0 * edge * first + edge * edge * weight)
            for total, value in zip(moments, new, strict=True):
                total += np.roll(chance * value, shift)
        weight, first, second = moments
        variance += market.move * market.move * float(weight @ (held * held))
    profit = float(first.sum())
    variance += float(second.sum()) - profit * profit
    mean = float(weight @ held)
    spread = float(weight @ (held * held)) - mean * mean
    return Moments(profit, math.sqrt(variance), mean, math.sqrt(spread))


def closed_form(market: Market, gamma: float) -> Moments:
    """Return the moments of the symmetric strategy: 2Npd, d^2 2Np(1-p) + sigma^2 dt p(1-p) N(N+1), and 2Np(1-p)."""
    away = 0.5 * average_spread(market, gamma)
    count, p = market.steps, float(fill_probability(market, np.array([away]))[0])
    spread = 2.0 * count * p * (1.0 - p)
    variance = away * away * spread + market.move * market.move * p * (1.0 - p) * count * (count + 1)
    return Moments(2.0 * count * p * away, math.sqrt(variance), 0.0, math.sqrt(spread))


def sample(market: Market, maker: Maker, paths: int, seed: int) -> Moments:
    """Return the moments over `paths` paths of the model."""
    random = np.random.default_rng(seed)
    profit, held = np.zeros(paths), np.zeros(paths)
    for step in range(market.steps):
        bid, ask = distances(market, maker, step, held)
        bought = random.random(paths) < fill_probability(market, bid)
        sold = random.random(paths) < fill_probability(market, ask)
        profit += bid * bought + ask * sold
        held += bought.astype(np.float64) - sold
        profit += held * np.where(random.random(paths) < 0.5, market.move, -market.move)
    return moments_of(profit, held)


def moments_of(profit: FloatArray, inventory: FloatArray) -> Moments:
    """Return the sample's moments. Standard error of a deviation: from the sample's own fourth moment."""
    (profit_mean, profit_std, *profit_errors), (held_mean, held_std, *held_errors) = _spread_of(profit), _spread_of(inventory)
    return Moments(profit_mean, profit_std, held_mean, held_std, (profit_errors[0], profit_errors[1], held_errors[0], held_errors[1]))


def _spread_of(sampled: FloatArray) -> tuple[float, float, float, float]:
    """Return mean and standard deviation of a sample, and the standard error of each."""
    count = len(sampled)
    centred = sampled - sampled.mean()
    variance = float((centred * centred).mean())
    fourth = float((centred * centred * centred * centred).mean())
    deviation_error = math.sqrt(max(fourth - variance * variance, 0.0) / (4.0 * variance * count))
    return float(sampled.mean()), math.sqrt(variance * count / (count - 1)), math.sqrt(variance / count), deviation_error
