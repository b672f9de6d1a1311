"""Guéant, Lehalle and Fernandez-Tapia (2013): quotes by eigenvector, and the inventory of a maker who uses them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from simcore.jit import expose
from simcore.kernels import formulas
from simcore.published.avellaneda import Market, fill_probability
from simcore.published.avellaneda_exchange import MOVE_TICKS, PATH_SETTINGS, path_ends, tape_of
from simcore.published.exchange import model_config
from simcore.records import FloatArray, IntArray

POSITION_MAX = 30  # the paper's Q
# One step of half a second: at the paper's parameters a quote at its usual distance fills in one step of six.
STEP_S = 0.5
PATH_STEPS = 200  # between two looks at the position
WARM_UP_PATHS = 20
BATCH_PATHS = 50  # positions of one batch hang together, those of two hardly

_offsets = expose(formulas.glft_offsets)


def closed_form(position: int, gamma: float, sigma: float, arrival_scale: float, k: float) -> tuple[float, float]:
    """Return (bid, ask) distances of the kernel that strategies use, without impact."""
    bid, ask = _offsets(float(position), gamma, sigma, arrival_scale, k, 0.0)
    return float(bid), float(ask)


def ground_state(gamma: float, sigma: float, arrival_scale: float, k: float) -> FloatArray:
    """Return the eigenvector of the lowest eigenvalue of tridiagonal(alpha q^2, -eta), q = -Q..Q; positive, norm 1.

    alpha = k gamma sigma^2 / 2, eta = A (1 + gamma / k)^-(1 + k / gamma).
    """
    alpha = 0.5 * k * gamma * sigma * sigma
    eta = arrival_scale * math.exp(-(1.0 + k / gamma) * math.log1p(gamma / k))
    held = np.arange(-POSITION_MAX, POSITION_MAX + 1.0)
    off = np.full(len(held) - 1, -eta)
    _, vectors = np.linalg.eigh(np.diag(alpha * held * held) + np.diag(off, 1) + np.diag(off, -1))
    return np.asarray(np.abs(vectors[:, 0]))


def eigenvector_quotes(position: int, gamma: float, sigma: float, arrival_scale: float, k: float) -> tuple[float, float]:
    """Return (bid, ask) distances far from the horizon: ln(f(q) / f(q +- 1)) / k + ln(1 + gamma / k) / gamma."""
    state = ground_state(gamma, sigma, arrival_scale, k)
    place = POSITION_MAX + position
    base = math.log1p(gamma / k) / gamma
    return base + math.log(state[place] / state[place + 1]) / k, base + math.log(state[place] / state[place - 1]) / k


def market_of(parameters: Mapping[str, float]) -> Market:
    """Return the paper's market in steps of STEP_S, cut into paths."""
    return Market(parameters["sigma"], PATH_STEPS * STEP_S, STEP_S, parameters["k"], parameters["arrival_scale"])


def stationary(parameters: Mapping[str, float]) -> tuple[FloatArray, FloatArray]:
    """Return positions and their long-run probabilities under the closed-form quotes, in steps of STEP_S."""
    market = market_of(parameters)
    held = np.arange(-2 * POSITION_MAX, 2 * POSITION_MAX + 1)
    away = np.array([closed_form(int(q), **parameters) for q in held])
    buy, sell = fill_probability(market, away[:, 0]), fill_probability(market, away[:, 1])
    up, down = buy * (1.0 - sell), sell * (1.0 - buy)
    up[-1] = down[0] = 0.0
    weight = np.cumprod(np.concatenate([[1.0], up[:-1] / down[1:]]))  # moves are by one: flows balance pair by pair
    return held.astype(np.float64), weight / weight.sum()


def positions_through_the_exchange(folder: Path, parameters: Mapping[str, float], paths: int, seed: int) -> IntArray:
    """Return the position at the end of each path, of one maker who never stops, after a warm-up."""
    market = market_of(parameters)
    tape, _ = tape_of(folder, market, paths + WARM_UP_PATHS, seed)
    per_tick = market.move / MOVE_TICKS
    config = model_config(
        "risk_averse",
        {
            "glft.enabled": 1, "glft.gamma": parameters["gamma"] * per_tick, "glft.k": parameters["k"] * per_tick,
            "glft.sigma_ticks": parameters["sigma"] / per_tick, "glft.arrival_scale": parameters["arrival_scale"],
        },
        PATH_SETTINGS,
    )  # fmt: skip
    _, held = path_ends(tape, [config], market.steps, paths + WARM_UP_PATHS)
    return held[WARM_UP_PATHS:, 0]


def batch_means(values: FloatArray) -> tuple[float, float]:
    """Return the mean of a series that hangs together, and its standard error from means of batches."""
    batches = values[: len(values) // BATCH_PATHS * BATCH_PATHS].reshape(-1, BATCH_PATHS).mean(axis=1)
    return float(values.mean()), float(batches.std(ddof=1)) / math.sqrt(len(batches))
