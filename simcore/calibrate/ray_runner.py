"""Blocks as Ray tasks: on the cluster that RAY_ADDRESS names, else on a Ray of this machine that ends with the calibration.

The machines of a cluster need mmsim, and the tapes and strategy files under the same paths.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from simcore.calibrate.local import TRIES, Take, Told
from simcore.calibrate.work import Block, play
from simcore.errors import CalibrateError, MmsimError


class Cluster:
    """Plays blocks as Ray tasks; `jobs` is the number of processes where it starts a Ray of its own."""

    def __init__(self, jobs: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would send statistics to its makers
        try:
            import ray
        except ImportError as exc:
            raise CalibrateError("CAL-023", "--engine ray: pip install 'ray>=2.40'") from exc
        self._ray: Any = ray
        self._is_ours = not ray.is_initialized()
        if not self._is_ours:
            return
        path = os.pathsep.join(part for part in sys.path if part)
        options: dict[str, Any] = {"log_to_driver": False, "runtime_env": {"env_vars": {"PYTHONPATH": path}}}
        try:
            if "RAY_ADDRESS" in os.environ:
                ray.init(address="auto", log_to_driver=False)
            else:
                ray.init(address="local", num_cpus=jobs, include_dashboard=False, logging_level="ERROR", **options)
        except (ConnectionError, RuntimeError, ValueError) as exc:
            raise CalibrateError("CAL-022", f"no Ray: {exc}") from exc

    def run(self, blocks: Sequence[Block], take: Take, told: Told) -> None:  # noqa: ARG002  tasks say nothing until they end
        """See `simcore.calibrate.local.Runner`. CAL-022: the process of a task died, and that of the second try, too."""
        task = self._ray.remote(num_cpus=1, max_retries=TRIES - 1)(_play)
        waiting = {task.remote(block): block for block in blocks}
        try:
            while waiting:
                (done,), _ = self._ray.wait(list(waiting), num_returns=1)
                block = waiting.pop(done)
                take(self._result(done, block))
        finally:
            for left in waiting:
                self._ray.cancel(left, force=True)

    def stop(self) -> None:
        """End a Ray of our own."""
        if self._is_ours:
            self._ray.shutdown()

    def _result(self, done: Any, block: Block) -> Any:
        try:
            found = self._ray.get(done)
        except self._ray.exceptions.RayTaskError:
            raise  # a fault of ours
        except self._ray.exceptions.RayError as exc:
            first, last = block.trials[0], block.trials[-1]
            raise CalibrateError("CAL-022", f"trials {first} to {last} on {block.day.label}: {type(exc).__name__}") from exc
        if isinstance(found, MmsimError):
            raise found
        return found


def _play(block: Block) -> Any:
    """Play a block; a user's mistake is a result, so that it arrives as it was."""
    try:
        return play(block)
    except MmsimError as exc:
        return exc
