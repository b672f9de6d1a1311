"""How fast it is: `bench` measures this machine, beside the peer if wanted. What the figures mean: docs/performance.md."""

from simcore.bench.suite import bench

__all__ = ["bench"]
