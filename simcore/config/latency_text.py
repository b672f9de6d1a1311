"""`--latency`: a short text that stands for the keys of the wire's delays."""

from __future__ import annotations

import re
from typing import Any

from simcore.config.model import LATENCY_KINDS
from simcore.config.refusals import nearest
from simcore.errors import ConfigError

_UNITS_MS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1000.0}
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(ns|us|µs|ms|s)", re.ASCII)


def parse_latency(text: str) -> dict[str, Any]:
    """Return the configuration keys that a `--latency` text stands for. CONF-003 if it is none.

    One form for all four kinds, or kind=form separated by commas; forms: `10ms`, `lognormal:10ms:0.4`,
    `feed:1.0` (`feed:1.0:2ms` adds 2 ms), `recorded:FILE`.
    """
    keys: dict[str, Any] = {}
    named = re.match(rf"\s*({'|'.join(LATENCY_KINDS)})\s*=", text)
    first_word = re.match(r"\s*(\w+)\s*=", text)
    if named is None and first_word is not None:
        raise ConfigError("CONF-003", f"--latency {text}: unknown kind {first_word[1]!r}{nearest(first_word[1], LATENCY_KINDS)}")
    parts = re.split(r",(?=\s*\w+\s*=)", text) if named else [text]
    for part in parts:
        kind, equals, form = part.partition("=") if named else ("", "", part)
        kind = kind.strip()
        if named and (not equals or kind not in LATENCY_KINDS):
            raise ConfigError("CONF-003", f"--latency {text}: unknown kind {kind!r}{nearest(kind, LATENCY_KINDS)}")
        for name in [kind] if named else LATENCY_KINDS:
            for field, value in _latency_form(form.strip(), text).items():
                keys[f"latency.{name}.{field}"] = value
    return keys


def _latency_form(form: str, text: str) -> dict[str, Any]:
    model, _, rest = form.partition(":")
    plain: dict[str, Any] = {"file": None, "column": None}
    if model == "recorded" and rest:
        return {"model": "recorded", "file": rest, "column": None}
    numbers = rest.split(":") if rest else []
    if model == "lognormal" and len(numbers) == 2:
        return {"model": model, "ms": _duration(numbers[0], text), "sigma": _number(numbers[1], text), **plain}
    if model == "feed" and 1 <= len(numbers) <= 2:
        added = _duration(numbers[1], text) if len(numbers) == 2 else 0.0
        return {"model": model, "scale": _number(numbers[0], text), "ms": added, **plain}
    if not rest and _DURATION.fullmatch(model):
        return {"model": "constant", "ms": _duration(model, text), **plain}
    raise ConfigError("CONF-003", f"--latency {text}: {form!r}; {_LATENCY_EXPECTED}")


_LATENCY_EXPECTED = "expected 10ms, lognormal:10ms:0.4, feed:1.0 or recorded:FILE (units ns, us, ms, s)"


def _duration(text: str, whole: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ConfigError("CONF-003", f"--latency {whole}: {text!r}; {_LATENCY_EXPECTED}")
    return round(float(match[1]) * _UNITS_MS[match[2]], 6)


def _number(text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError("CONF-003", f"--latency {whole}: {text!r} is not a number; {_LATENCY_EXPECTED}") from None
