"""How much the simulations sample."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """model_paths: of each maker in numpy; exchange_paths, stationary_paths: through the exchange; rounds of races."""

    model_paths: int
    exchange_paths: int
    stationary_paths: int
    rounds: int


FULL = Size(model_paths=100_000, exchange_paths=20_000, stationary_paths=20_000, rounds=10_000)
FAST = Size(model_paths=20_000, exchange_paths=2_000, stationary_paths=2_000, rounds=1_000)
