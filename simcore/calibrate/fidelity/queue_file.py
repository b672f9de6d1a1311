"""A fitted queue model as files that a replay takes: `best_queue.yaml`, and a queue-model file where the model needs one."""

from __future__ import annotations

from pathlib import Path

from simcore.calibrate.fidelity.queue_family import QueueModel
from simcore.calibrate.fidelity.shadow import MATCHED
from simcore.report.build import write_bytes

CONFIG_NAME, MODEL_NAME = "best_queue.yaml", "best_queue.py"


def write_queue(folder: Path, model: QueueModel, origin: str) -> list[Path]:
    """Write a model into a folder for `mmsim replay --config`; return the files. origin: a line that says what it was fitted to.

    JRNL-005 if the disk refuses.
    """
    files = {CONFIG_NAME: config_text(model, origin)}
    if model.family.code == MATCHED:
        files[MODEL_NAME] = model_text(model, origin)
    for name, text in files.items():
        write_bytes(folder / name, text.encode())
    return [folder / name for name in files]


def config_text(model: QueueModel, origin: str) -> str:
    """Return the configuration fragment that chooses a model."""
    lines = [f"# {origin}", "venue:"]
    if model.family.code == MATCHED:
        lines.append(f"  queue_model: {MODEL_NAME}")
    else:
        lines.append(f"  queue_model: {model.family.name}")
        lines += [f"  queue_n: {value!r}" for value in model.values]
    return "\n".join([*lines, ""])


def model_text(model: QueueModel, origin: str) -> str:
    """Return the queue-model file (docs/strategies.md) of a fitted `matched` model."""
    constants = "\n".join(f"{name.upper()} = {value!r}" for name, value in model.named().items())
    return _MODEL.format(origin=origin, constants=constants, names=", ".join(name.upper() for name in model.named()))


_MODEL = '''"""The queue model `matched` with fitted parameters (docs/fidelity.md).

{origin}
"""

from __future__ import annotations

from simcore.jit import kernel
from simcore.kernels import queue_matched

SPLITS_CANCELS = True  # the bounds of a queue band rely on it (docs/sweeps.md)
{constants}


@kernel
def join(level_lots: int, n: float) -> float:
    """Return the lots ahead of an order that joins a level: all of it."""
    return float(level_lots)


@kernel
def after_change(ahead: float, previous: int, new: int, traded: float, n: float) -> float:
    """Return the lots ahead after the level went from previous to new lots; traded: lots traded there since."""
    return queue_matched.after_change(ahead, previous, new, traded, {names})
'''
