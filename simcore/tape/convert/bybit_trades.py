"""Bybit's public trade files (CSV): contracts' with many columns, spot's with few; newest or oldest first."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simcore.errors import ConvertError
from simcore.records import ASK_BIT, TRADE
from simcore.tape.convert.base import SourceRows
from simcore.tape.convert.bybit_market import Evidence, of_folder, of_quantities, of_trades
from simcore.units import NS_PER_MS, NS_PER_S, NS_PER_US

_TS_LO = 1_000_000_000_000 * NS_PER_MS  # ns: 2001; earlier or later is not a time of our age
_TS_HI = 9_000_000_000_000 * NS_PER_MS  # ns: 2255, and they fit int64
_UNITS = (NS_PER_S, NS_PER_MS, NS_PER_US, 1)
_DIGITS = 9  # after the point
_WHOLE = re.compile(r"[0-9]{1,20}")
_NUMBER = re.compile(r"[+-]?[0-9.]+(e[+-]?[0-9]+)?|[+-]?(nan|inf(inity)?)", re.IGNORECASE)
_IDS = ("trdmatchid", "execid", "id")
_DATED = re.compile(r"(.+?)[-_]?\d{4}-\d{2}(-\d{2})?([._-]|$)")


@dataclass(frozen=True)
class TradeFile:
    """A file's trades [n], in its own order. frame: columns as text, their names in small letters; symbol: "" where there is none."""

    where: str
    frame: Any
    symbols: frozenset[str]
    evidence: list[Evidence]


def read_trades(path: Path, name: str, data: bytes, counts: Counter[str]) -> TradeFile:
    """Parse a CSV with a header naming timestamp, side, size (or volume), price. CONV-003, CONV-004."""
    where = f"{path}: {name}"
    if not data.endswith(b"\n") and b"\n" in data:
        header, last = data.split(b"\n", 1)[0], data.rsplit(b"\n", 1)[1]
        if last.count(b",") < header.count(b","):
            counts["truncated_last_line"] += 1
            data = data[: data.rfind(b"\n") + 1]
    try:
        frame = pd.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    except (ValueError, pd.errors.ParserError, UnicodeDecodeError) as exc:
        raise ConvertError("CONV-003", f"{where}: {exc}") from exc
    frame.columns = pd.Index([str(column).strip().lower() for column in frame.columns])
    frame = frame.loc[:, ~frame.columns.duplicated()]
    is_spot = "size" not in frame and "volume" in frame
    missing = [column for column in ("timestamp", "side", "price") if column not in frame] + ([] if is_spot or "size" in frame else ["size"])
    if missing:
        raise ConvertError("CONV-003", f"{where}: no column {', '.join(missing)}; it has {', '.join(frame.columns)[:200]}")
    evidence = of_trades(frame)
    if is_spot:
        frame = frame.rename(columns={"volume": "size"})
    size = floats(frame["size"].tolist(), np.arange(2, len(frame) + 2), "size")
    evidence += [*of_quantities(size, "trade sizes"), *of_folder(path)]
    if "symbol" not in frame:
        frame = frame.assign(symbol=_symbol_of_name(name))
    return TradeFile(where, frame, frozenset(frame["symbol"].unique().tolist()), evidence)


def trade_rows(files: Sequence[TradeFile], symbol: str, has_book: bool, lag: int, counts: Counter[str]) -> SourceRows:
    """Return the trades of a symbol in time order, each once.

    has_book  an order book is there, whose clock counts in ms: the trades' is cut to that, so that a trade and the book
              change that it causes, which are of one ms, stand in that order.  lag  added to give local time, ns.
    """
    found = pd.concat([_trades(file, symbol, counts) for file in files], ignore_index=True)
    repeated = found.duplicated([name for name in found.columns if name != "line"]).to_numpy()
    empty = ~repeated & (found["qty"] == 0).to_numpy()
    for name, rows in (("trades_repeated", repeated), ("trades_without_quantity", empty)):
        if rows.any():
            counts[name] += int(rows.sum())
    found = found[~repeated & ~empty].sort_values("ts", kind="stable")
    exch = found["ts"].to_numpy(np.int64)
    if has_book:
        exch = exch // NS_PER_MS * NS_PER_MS
    return SourceRows(
        exch, exch + lag, found["ev"].to_numpy(np.uint8), found["price"].to_numpy(np.float64), found["qty"].to_numpy(np.float64),
        np.zeros(0, np.int64), found["line"].to_numpy(np.int64),
    )  # fmt: skip


def floats(values: Sequence[Any], line: Any, name: str) -> Any:
    """Parse decimal strings; each becomes the nearest float. CONV-003, CONV-004."""
    try:
        numbers = np.array([float(value) for value in values], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as exc:
        raise ConvertError("CONV-003", f"{name} is not a number: {exc}") from exc
    bad = ~(np.isfinite(numbers) & (numbers >= 0))
    if bad.any():
        index = int(np.argmax(bad))
        raise ConvertError("CONV-004", f"line {line[index]}: {name} {values[index]!r} is not finite or is negative")
    return numbers


def _trades(file: TradeFile, symbol: str, counts: Counter[str]) -> Any:
    """Return a file's trades of a symbol, oldest first, as columns ts, ev, price, qty, id, nth, line; all but the line tell trades apart.

    nth: of trades without an id, the number among those of the file that say the same. Such trades are different ones, while
    those of another file that say the same are these once more.
    """
    line = np.arange(2, len(file.frame) + 2, dtype=np.int64)
    ts = _times(file.where, file.frame["timestamp"].tolist())
    side = file.frame["side"].str.strip().str.lower().to_numpy()
    known = np.isin(side, ("buy", "sell"))
    if not known.all():
        index = int(np.argmin(known))
        raise ConvertError("CONV-003", f"{file.where}: line {index + 2}: side {side[index]!r}; expected Buy or Sell")
    price, qty = (floats(file.frame[name].tolist(), line, name) for name in ("price", "size"))
    id_name = next((name for name in _IDS if name in file.frame), None)
    ids = file.frame[id_name].to_numpy() if id_name else ""
    found = pd.DataFrame({"ts": ts, "ev": np.where(side == "sell", TRADE | ASK_BIT, TRADE), "price": price, "qty": qty, "id": ids, "line": line})
    found["nth"] = 0 if id_name else found.groupby(["ts", "ev", "price", "qty"]).cumcount()
    mine = file.frame["symbol"].isin((symbol, "")).to_numpy()
    if not mine.all():
        counts["trades_of_other_symbols"] += int((~mine).sum())
    found = found[mine]
    is_newest_first = len(found) > 1 and found["ts"].iloc[0] > found["ts"].iloc[-1]
    return found.iloc[::-1] if is_newest_first else found


def _times(where: str, texts: Sequence[str]) -> Any:
    """Return times in ns [n], exact, what is below 1 ns cut off. Contracts' files count in seconds, spot's in ms; the size of a time tells."""
    found = []
    for index, text in enumerate(texts):
        whole, _, fraction = text.strip().partition(".")
        unit = next((unit for unit in _UNITS if _TS_LO < int(whole) * unit < _TS_HI), 0) if _WHOLE.fullmatch(whole) else 0
        if not unit or (fraction and not _WHOLE.fullmatch(fraction)):
            code = "CONV-004" if _NUMBER.fullmatch(text.strip()) else "CONV-003"
            raise ConvertError(code, f"{where}: line {index + 2}: timestamp {text[:40]!r} is not a time of our age in s, ms, µs or ns")
        found.append(int(whole) * unit + int(fraction[:_DIGITS].ljust(_DIGITS, "0")) * unit // 10**_DIGITS)
    return np.array(found, dtype=np.int64)


def _symbol_of_name(name: str) -> str:
    """Return the symbol of a trade file without a symbol column, "" if its name says none: `BTCUSDT_2024-12-01.csv.gz`."""
    found = _DATED.match(Path(name).name)
    return found.group(1) if found else ""
