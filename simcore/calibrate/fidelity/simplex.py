"""The Nelder–Mead search for the least value of a function of a few parameters, without derivatives or draws.

Source: Nelder & Mead 1965, "A simplex method for function minimization"; the usual coefficients 1, 2, 1/2, 1/2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from simcore.records import FloatArray

Objective = Callable[[FloatArray], float]


def minimise(objective: Objective, start: Sequence[float], steps: Sequence[float], *, rounds: int = 80, tolerance: float = 1e-9) -> tuple[FloatArray, float]:
    """Return (place, value) of the least value found from a simplex at start with edges steps; it ends when values agree."""
    first = np.asarray(start, np.float64)
    points = [first, *(first + step * unit for step, unit in zip(steps, np.eye(len(first)), strict=True))]
    values = [objective(point) for point in points]
    for _ in range(rounds):
        order = sorted(range(len(points)), key=lambda i: values[i])
        points, values = [points[i] for i in order], [values[i] for i in order]
        if values[-1] - values[0] <= tolerance * max(abs(values[0]), 1e-300):
            break
        _move_worst(objective, points, values)
    best = min(range(len(points)), key=lambda i: values[i])
    return points[best], values[best]


def _move_worst(objective: Objective, points: list[FloatArray], values: list[float]) -> None:
    """Replace the worst point (points, values mutated, sorted): reflected, beyond that, or half way; else shrink all."""
    middle = sum(points[:-1], np.zeros_like(points[0])) / (len(points) - 1)
    away = middle - points[-1]
    reflected, value = middle + away, objective(middle + away)
    if value < values[0]:
        beyond = objective(middle + 2.0 * away)
        reflected, value = (middle + 2.0 * away, beyond) if beyond < value else (reflected, value)
    elif value >= values[-2]:
        half = middle + (0.5 * away if value < values[-1] else -0.5 * away)
        reflected, value = half, objective(half)
        if value >= values[-1]:
            for i in range(1, len(points)):
                points[i] = 0.5 * (points[0] + points[i])
                values[i] = objective(points[i])
            return
    points[-1], values[-1] = reflected, value
