"""Which of Bybit's markets a source is of: linear, inverse and spot share symbols and file layouts.

Each thing that is known leaves some kinds possible; what is left of all is the kind. Their market is part of the
venue's name (`bybit` is linear), so that the same symbol of two markets is never one instrument.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from simcore.errors import ConvertError
from simcore.tape.convert.base import ConvertOptions

VENUES = {"linear": "bybit", "inverse": "bybit_inverse", "spot": "bybit_spot"}
INVERSE_CONTRACT = "1"  # USD a contract, of all of Bybit's inverse contracts
_CONTRACTS, _OF_BASE = frozenset({"linear", "inverse"}), frozenset({"linear", "spot"})
_FUTURE = re.compile(r"-\d{1,2}[A-Z]{3}\d{2}$")  # BTC-26DEC25, BTCUSDT-26DEC25
_INVERSE = re.compile(r"USD([FGHJKMNQUVXZ]\d{2})?$")  # BTCUSD, BTCUSDH25
_ROUNDED = 1e-4  # relative: notionals are rounded to some digits
_CONTRACT_DEPTH = 500  # levels of an order book topic; spot has 1, 50, 200 and 1000


class Evidence(NamedTuple):
    """The kinds that something leaves possible, and what it is."""

    kinds: frozenset[str]
    text: str


class Market(NamedTuple):
    """What a source is of. warnings: what a user must know of the choice."""

    kind: str
    venue: str
    warnings: tuple[str, ...]


def decide(symbol: str, found: Sequence[Evidence], options: ConvertOptions) -> Market:
    """Return the market. CONV-010 if the evidence excludes every kind, unless `--kind` says it."""
    evidence = list(dict.fromkeys([*of_symbol(symbol), *found]))
    if options.kind is not None:
        against = [_words(one) for one in evidence if options.kind not in one.kinds]
        said = (f"--kind {options.kind} was taken, though {'; '.join(against)}",) if against else ()
        return Market(options.kind, VENUES[options.kind], said)
    kinds = frozenset(VENUES).intersection(*(one.kinds for one in evidence))
    if not kinds:
        raise ConvertError("CONV-010", f"{symbol}: {'; '.join(_words(one) for one in evidence)}")
    if len(kinds) == 1:
        kind = next(iter(kinds))
        return Market(kind, VENUES[kind], ())
    told = f"{symbol} may be {' or '.join(sorted(kinds))}: linear was taken; give --kind if it is not"
    return Market("linear", VENUES["linear"], (told,))


def of_symbol(symbol: str) -> list[Evidence]:
    """Return what the letters of a symbol say."""
    name = symbol.upper()
    if _FUTURE.search(name) or name.endswith("PERP"):
        return [Evidence(frozenset({"linear"}), f"the symbol {symbol}")]
    if _INVERSE.search(name):
        return [Evidence(frozenset({"inverse"}), f"the symbol {symbol}")]
    return [Evidence(_OF_BASE, f"the symbol {symbol}")]


def of_topic(topic: Any) -> list[Evidence]:
    """Return what the name of an order book stream says: `orderbook.500.BTCUSDT`."""
    words = str(topic).split(".")
    if len(words) == 3 and words[1] == str(_CONTRACT_DEPTH):
        return [Evidence(_CONTRACTS, f"the stream orderbook.{_CONTRACT_DEPTH}")]
    return []


def of_folder(path: Path) -> list[Evidence]:
    """Return what the folder of a download says: `spot/BTCUSDT/…`."""
    for name in (part.name.lower() for part in list(path.absolute().parents)[:2]):
        if name in VENUES:
            return [Evidence(frozenset({name}), f"the folder {name}")]
    return []


def of_quantities(qty: Any, what: str) -> list[Evidence]:
    """Return what quantities [n] say: an inverse contract is whole."""
    return [Evidence(_OF_BASE, f"that {what} are fractions")] if bool((qty != np.floor(qty)).any()) else []


def of_trades(frame: Any) -> list[Evidence]:
    """Return what a trade file's columns say: sizes in base currency, or in quote currency."""
    if "symbol" not in frame and "id" in frame and "volume" in frame:
        return [Evidence(frozenset({"spot"}), "that trades have the columns id and volume")]
    if not {"size", "homenotional", "foreignnotional"} <= set(frame.columns) or not len(frame):
        return []
    size, home, foreign = (pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64) for name in ("size", "homenotional", "foreignnotional"))
    is_base, is_quote = (bool(np.isclose(size, values, rtol=_ROUNDED, atol=0.0).all()) for values in (home, foreign))
    if is_base and not is_quote:
        return [Evidence(frozenset({"linear"}), "that trade sizes equal homeNotional")]
    if is_quote and not is_base:
        return [Evidence(frozenset({"inverse"}), "that trade sizes equal foreignNotional")]
    return []


def _words(one: Evidence) -> str:
    return f"{one.text} means {' or '.join(sorted(one.kinds))}"
