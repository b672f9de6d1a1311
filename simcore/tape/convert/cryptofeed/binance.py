"""Binance: the messages are those of the `binance` format, and that reader takes them; here only the lines are its own.

REST depth snapshots get the symbol of their URL; exchangeInfo gives tick and lot sizes.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from simcore.errors import ConvertError
from simcore.tape.convert import binance
from simcore.tape.convert.base import ConvertOptions, Source
from simcore.tape.convert.cryptofeed.feed import Feed
from simcore.tape.convert.cryptofeed.lines import Line
from simcore.tape.convert.levels import count_unknown, stated_sizes

_DEPTH_URL = re.compile(r"/depth\?(?:.*&)?symbol=([A-Za-z0-9_]+)")
_KINDS = {"binance_spot": "spot", "binance_usdm": "linear", "binance_coinm": "inverse"}


class Binance(Feed):
    """Writes the messages as `<local ns> <json>`, in order of receive time, for the reader of the binance format."""

    def __init__(self, venue: str, options: ConvertOptions, counts: Counter[str]) -> None:
        super().__init__(venue, options, counts)
        self.kind = _KINDS[venue]
        self._folder = tempfile.TemporaryDirectory(prefix="mmsim-")
        self._path = Path(self._folder.name) / "messages"
        self._stream = self._path.open("w", encoding="utf-8")

    def opened(self, line: Line) -> None:
        """Update ids tell what is missing."""

    def received(self, line: Line) -> None:
        self._write(line, line.text)

    def answer(self, message: Any, line: Line) -> None:
        found = _DEPTH_URL.search(line.url)
        if found:
            self._write(line, json.dumps(message | {"symbol": found[1].upper()}))
        elif "/exchangeInfo" in line.url:
            for one in message["symbols"]:
                sizes = {f["filterType"]: f for f in one.get("filters", [])}
                self.list_instrument(
                    one["symbol"], tick_size=sizes.get("PRICE_FILTER", {}).get("tickSize"), lot_size=sizes.get("LOT_SIZE", {}).get("stepSize"),
                    contract_size=one.get("contractSize"),
                )  # fmt: skip
        else:
            count_unknown(self.counts, "rest_answer")

    def _write(self, line: Line, text: str) -> None:
        self._stream.write(f"{line.local_ts} {text}\n")

    def source(self) -> Source:
        """Let the reader of the format take what was written."""
        try:
            self._stream.close()
            made = binance.read([self._path], replace(self.options, venue=self.venue))
        except ConvertError as exc:
            raise ConvertError(exc.code, exc.cause.replace(str(self._path), "messages in order of receive time")) from exc
        hints = {} if self.kind == "inverse" else {"contract_size": "1"}
        hints |= stated_sizes(self._listed.get(made.symbol, {}), f"exchangeInfo, {made.symbol}")
        return replace(
            made, venue=self.venue, kind=self.kind, hints=hints | made.hints, counts=made.counts | dict(self.counts),
        )  # fmt: skip

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()
        self._folder.cleanup()
