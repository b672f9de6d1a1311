"""Queue models by name and parameters: the built-in ones, and the families that can be fitted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simcore.calibrate.fidelity.shadow import MATCHED
from simcore.config.refusals import nearest
from simcore.errors import CalibrateError
from simcore.kernels import queue
from simcore.records import FloatArray

PARAMS = 5  # numbers that a shadow's model gets
_N_MAX = 100.0  # as venue.queue_n


@dataclass(frozen=True)
class Parameter:
    """A parameter of a family. logarithmic: searched on a logarithmic scale, so lo > 0; step: of the search, on it."""

    name: str
    lo: float
    hi: float
    step: float
    logarithmic: bool = True

    def scaled(self, value: float) -> float:
        """Return a value on the scale of the search."""
        return math.log(value) if self.logarithmic else value

    def value(self, scaled: float) -> float:
        """Return the parameter of a place on the scale of the search, within its limits."""
        if self.logarithmic:
            return math.exp(min(max(scaled, math.log(self.lo)), math.log(self.hi)))
        return min(max(scaled, self.lo), self.hi)


@dataclass(frozen=True)
class Family:
    """Models of one formula. code: of `queue`, or MATCHED."""

    name: str
    code: int
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True)
class QueueModel:
    """A family with its parameters' values. fitted: whether they were fitted to data."""

    family: Family
    values: tuple[float, ...] = ()
    fitted: bool = False

    @property
    def label(self) -> str:
        """What tables call it."""
        text = ", ".join(f"{each.name} = {value:.4g}" for each, value in zip(self.family.parameters, self.values, strict=True))
        words = [self.family.name, text] if text and len(self.values) == 1 else [self.family.name]
        return ("fitted " if self.fitted else "") + ", ".join(words)

    @property
    def row(self) -> FloatArray:
        """The numbers that a shadow's model gets."""
        found = np.zeros(PARAMS)
        found[: len(self.values)] = self.values
        return found

    def named(self) -> dict[str, float]:
        """Return the values by name."""
        return {each.name: value for each, value in zip(self.family.parameters, self.values, strict=True)}


_N = Parameter("n", 0.01, _N_MAX, 0.5)
FAMILIES = {
    family.name: family
    for family in (
        *(Family(name, queue.NAMES.index(name), (_N,)) for name in ("power", "power2", "power3")),
        *(Family(name, queue.NAMES.index(name), ()) for name in ("risk_averse", "log", "log2", "front")),
        Family(
            "matched", MATCHED,
            (
                Parameter("bias", 1e-3, 1e3, 0.5), Parameter("n", 0.05, 20.0, 0.3), Parameter("match", 1e-3, 1e6, 0.7),
                Parameter("small", 0.0, 20.0, 0.5, logarithmic=False), Parameter("large", 0.0, 1.0, 0.25, logarithmic=False),
            ),
        ),
    )
}  # fmt: skip
# What order books have in common: cancels take back what was just placed, and one order stands on one side only.
GENERAL = QueueModel(FAMILIES["matched"], (1.3, 1.0, 8.0, 0.6, 0.75))
DEFAULT = QueueModel(FAMILIES["power"], (3.0,))  # the engine's own
FITTED_FAMILIES = tuple(name for name, family in FAMILIES.items() if family.parameters)
UNFITTED = (
    "risk_averse", "power:1", "power:2", "power:3", "power2:2", "power2:3", "power3:2", "power3:3", "log", "log2", "front",
)  # fmt: skip


def family_named(name: str) -> Family:
    """Return a family that can be fitted. CAL-032 for any other name."""
    if name not in FITTED_FAMILIES:
        raise CalibrateError("CAL-032", f"{name!r} cannot be fitted{nearest(name, FITTED_FAMILIES)}")
    return FAMILIES[name]


def model_named(text: str) -> QueueModel:
    """Return the model of `name`, `name:n` of the power models (without n: 3, as venue.queue_n), or `matched:` and its five numbers.

    CAL-032 if it is none.
    """
    name, *numbers = text.strip().split(":")
    family = FAMILIES.get(name)
    if family is None:
        raise CalibrateError("CAL-032", f"{text!r} is no queue model of levels{nearest(name, tuple(FAMILIES))}")
    if not numbers and len(family.parameters) == 1:
        return QueueModel(family, (3.0,))
    try:
        values = tuple(float(number) for number in numbers)
    except ValueError:
        values = (math.nan,) * len(numbers)
    wanted = ":".join([name, *(f"{one.name} from {one.lo:g} to {one.hi:g}" for one in family.parameters)])
    if len(values) != len(family.parameters) or not all(one.lo <= x <= one.hi for one, x in zip(family.parameters, values, strict=True)):
        raise CalibrateError("CAL-032", f"{text!r}: expected {wanted}")
    return QueueModel(family, values)


def models_named(texts: Sequence[str]) -> list[QueueModel]:
    """Return several models, each once. CAL-032 as `model_named`, or if there is none."""
    found = list(dict.fromkeys(model_named(text) for text in texts if text.strip()))
    if not found:
        raise CalibrateError("CAL-032", "no model was named")
    return found
