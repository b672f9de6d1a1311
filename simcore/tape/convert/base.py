"""The seam of all converters: what a format's `read` returns, what the user may choose, which formats exist.

A reader turns files into `SourceRows` in arrival order. It knows nothing of ticks, lots, flags, clock
policy or tape files: `assemble` does that once for all formats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.records import FloatArray, IntArray

CLOCKS = ("auto", "shift", "keep")

FORMATS: dict[str, str] = {
    "binance": "simcore.tape.convert.binance",
    "bitstamp": "simcore.tape.convert.bitstamp",
    "bybit": "simcore.tape.convert.bybit",
    "cryptofeed": "simcore.tape.convert.cryptofeed",
    "databento": "simcore.tape.convert.databento",
    "hftbacktest": "simcore.tape.convert.hftbacktest",
    "hyperliquid": "simcore.tape.convert.hyperliquid",
    "lobster": "simcore.tape.convert.lobster",
    "mbo": "simcore.tape.convert.mbo",
    "nautilus": "simcore.tape.convert.nautilus",
    "tardis": "simcore.tape.convert.tardis",
}  # each module has read(paths: Sequence[Path], options: ConvertOptions) -> Source


class SourceRows(NamedTuple):
    """Columns of n rows in arrival order (final order if Source.flagged).

    exch_ts, local_ts : int64 [n], ns.
    ev       : uint8 [n], kind and side bits; EXCH and LOCAL bits only if Source.flagged.
    price    : float64 [n], quote currency; FUNDING: mark price.
    qty      : float64 [n], in units of the source (lot size is in the same units); GAP: number of missing
               updates; FUNDING: the rate as a fraction (0.0001 is 1 bps).
    order_id : int64 [n], or [0] when level is not "l3".
    line     : int64 [n], 1-based line or record of the source, for messages.
    """

    exch_ts: IntArray
    local_ts: IntArray
    ev: npt.NDArray[np.uint8]
    price: FloatArray
    qty: FloatArray
    order_id: IntArray
    line: IntArray


@dataclass
class Source:
    """What a format's reader found.

    level    "l2" or "l3".  kind: "linear", "inverse", "spot", or None if the source does not say.
    hints    tick_size, lot_size, contract_size as decimal strings, base, quote, where the source states them.
    counts   everything dropped, repaired or noticed, by name.
    flagged  ev already holds EXCH and LOCAL bits and the order is final.
    inferred names of instrument fields above that the reader assumed: "venue", "symbol", "kind".
    exch_rank  int64 [n], the place of each row in the exchange's order, in which exch_ts does not go back; None: the
             order is that of exch_ts, then arrival.
    """

    rows: SourceRows
    level: str
    venue: str
    symbol: str
    kind: str | None
    hints: dict[str, str]
    counts: dict[str, int]
    warnings: list[str]
    flagged: bool = False
    has_exch_clock: bool = True
    has_local_clock: bool = True
    inferred: tuple[str, ...] = ()
    exch_rank: IntArray | None = None


@dataclass(frozen=True)
class ConvertOptions:
    """What the user states; None means: look it up, else infer it. Sizes and rates are decimal strings."""

    symbol: str | None = None
    venue: str | None = None
    kind: str | None = None
    tick_size: str | None = None
    lot_size: str | None = None
    contract_size: str | None = None
    maker_rate: str | None = None
    taker_rate: str | None = None
    base: str | None = None
    quote: str | None = None
    clock: str = "auto"
    min_latency_us: int = 0
    extra: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
