"""Spoiled sources of every format through `mmsim tape convert`: a sound tape, or a code and nothing at all.

Hypothesis changes bytes of files, tokens and lines of texts, fields of events, cells and types of columns. MMSIM_FUZZ
is the number of examples of each test (the slow tests take forty times as many).
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import re
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.tape.read import Tape
from simcore.tape.validate import validate
from tests.blackbox.command import assert_refused, mmsim_here, names_under
from tests.tape.convert import catalog, dbn
from tests.tape.convert import fuzz_sources as valid
from tests.tape.convert.cryptofeed.captures import MAKERS

EXAMPLES = int(os.environ.get("MMSIM_FUZZ", "60"))
FAST_DISK = "/dev/shm" if Path("/dev/shm").is_dir() else None
REFUSALS = [*(f"CONV-00{i}" for i in range(1, 8)), "CONV-010", "CONV-011", "CONV-012", "CONV-020", "CONV-021"]

TEXTS: dict[str, tuple[str, str, Callable[[], str]]] = {
    "binance": ("binance", "raw.txt", valid.binance),
    "binance books": ("binance", "raw.txt", valid.binance_books),
    "binance funding": ("binance", "raw.txt", valid.binance_funding),
    "bybit": ("bybit", "2024-12-01_XRPUSDT_ob500.data", valid.bybit),
    "bybit trades": ("bybit", "XRPUSDT2024-12-01.csv", valid.bybit_trades),
    "bitstamp": ("bitstamp", "2024-12-01.log", valid.bitstamp),
    "bitstamp orders": ("bitstamp", "orders.csv", valid.bitstamp_csv),
    "lobster": ("lobster", "AMZN_2021-04-12_34200000_57600000_message_10.csv", valid.lobster),
    **{f"cryptofeed {name}": ("cryptofeed", f"{name}.ws.1.0", make) for name, make in MAKERS.items()},
    "hyperliquid": ("hyperliquid", "capture", valid.hyperliquid),
    "tardis trades": ("tardis", "trades.csv", valid.tardis_trades),
    "tardis book": ("tardis", "incremental_book_L2.csv", valid.tardis_book),
    "tardis snapshots": ("tardis", "book_snapshot_2.csv", valid.tardis_snapshots),
    "tardis quotes": ("tardis", "quotes.csv", valid.tardis_quotes),
}
EVENTS = {"levels": valid.hftbacktest, "orders": valid.hftbacktest_orders}

TOKEN = re.compile(r'-?\d+(?:\.\d+)?|"[^"]*"|[A-Za-z]+|[\[\]{}:,]')
NASTY = [
    "", "0", "-0", "-1", "1.5", "0.0000000000001", "nan", "NaN", "inf", "-Infinity", "1e400", "1e-400", "1e18", "1e999999999", "1e-999999999", "null", "true",
    "[]", "{}", "[[]]", '[["1"]]', '"', '"x"', "x", " ", ",", "\t", "\x00", "é", "1_000", "0x10", "+5", "9" * 25, "9" * 5000, "[" * 2000,
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "4611686018427387904", "18446744073709551616",
]  # fmt: skip
NUMBERS = [0, 1, -1, 2**31, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 10**18 + 3]
FLOATS = [0.0, -0.0, -1.0, 1e-9, 0.1 + 0.2, 1e18, 1e300, float("nan"), float("inf"), float("-inf")]

spot = st.integers(0, 1 << 20)


@st.composite
def texts(draw: st.DrawFn, make: Callable[[], str]) -> str:
    """Spoil a text: tokens, lines, its end."""
    text = make()
    for _ in range(draw(st.integers(1, 3))):
        text = _spoil(text, draw(st.sampled_from(EDITS)), draw(spot), draw(st.sampled_from(NASTY)))
    return text


EDITS = ("token", "token", "token", "swap tokens", "insert", "remove", "drop line", "repeat line", "swap lines", "cut", "ends")


def _spoil(text: str, how: str, number: int, nasty: str) -> str:
    tokens = list(TOKEN.finditer(text))
    lines = text.split("\n")
    at, k = number % (len(text) + 1), number % len(lines)
    if how == "token" and tokens:
        found = tokens[number % len(tokens)]
        return text[: found.start()] + nasty + text[found.end() :]
    if how == "swap tokens" and tokens:
        one, other = tokens[number % len(tokens)], tokens[number // 7 % len(tokens)]
        return text[: one.start()] + other[0] + text[one.end() :]
    if how == "insert":
        return text[:at] + nasty + text[at:]
    if how == "remove":
        return text[:at] + text[at + number % 40 :]
    if how == "drop line":
        return "\n".join(lines[:k] + lines[k + 1 :])
    if how == "repeat line":
        return "\n".join(lines[: k + 1] + lines[k:])
    if how == "swap lines":
        lines[k - 1], lines[k] = lines[k], lines[k - 1]
        return "\n".join(lines)
    if how == "ends":
        return text.replace("\n", "\r\n")
    return text[:at]


def _spoil_bytes(data: bytes, how: str, number: int) -> bytes:
    at = number % max(len(data), 1)
    if how == "flip":
        return data[:at] + bytes([data[at] ^ (1 + number % 255)]) + data[at + 1 :] if data else data
    if how == "cut":
        return data[:at]
    if how == "remove":
        return data[:at] + data[at + 1 + number % 16 :]
    return data[:at] + bytes([number % 256]) * (1 + number % 9) + data[at:]


damages = st.lists(st.tuples(st.sampled_from(("flip", "flip", "cut", "remove", "insert")), spot), min_size=1, max_size=3)


def assert_sound_or_refused(format_name: str, name: str, data: bytes, *words: str) -> None:
    """Convert one file: exit code 0 and a tape that passes every check, or 2, a code, and an empty folder."""
    with tempfile.TemporaryDirectory(dir=FAST_DISK) as place:
        source, out = Path(place) / name, Path(place) / "out"
        source.write_bytes(data)
        done = mmsim_here("tape", "convert", source, "--format", format_name, "--out", out, "--json", *words)
        if done.returncode == 2:
            assert_refused(done, REFUSALS)
            assert names_under(out) == []
            return
        assert (done.returncode, done.stderr) == (0, "")
        made = json.loads(done.stdout)
        files = sorted(out.iterdir())
        assert [str(path) for path in files] == made["files"]
        tape = Tape.open(files)
        tape.verify()
        assert tape.rows == made["rows"] > 0
        found = validate(tape)
        assert found.is_usable, found


def limited(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), derandomize=examples <= EXAMPLES)


stated = st.sampled_from(
    [(), ("--tick-size", "0.1", "--lot-size", "0.5"), ("--tick-size", "0.01", "--lot-size", "1"), ("--kind", "inverse"), ("--clock", "keep"), ("--tick-size", "1e-300"), ("--lot-size", "1e999999999")]
)
packers: list[Callable[[bytes], tuple[str, bytes]]] = [
    lambda data: ("", data), lambda data: (".gz", gzip.compress(data)), lambda data: (".xz", lzma.compress(data)), lambda data: (".bz2", bz2.compress(data)),
]  # fmt: skip


def fuzz_text(name: str, examples: int) -> None:
    format_name, file_name, make = TEXTS[name]

    @limited(examples)
    @given(texts(make), stated, st.sampled_from(packers))
    def run(text: str, words: tuple[str, ...], pack: Callable[[bytes], tuple[str, bytes]]) -> None:
        suffix, data = pack(text.encode())
        assert_sound_or_refused(format_name, file_name + suffix, data, "--symbol", SYMBOLS[format_name], *words)

    run()


SYMBOLS = {"binance": "ABCUSDT", "cryptofeed": "ABC", "tardis": "ABC", "hyperliquid": "BTC", "databento": "ESH5", "nautilus": "ABC", "bybit": "XRPUSDT", "bitstamp": "BTCUSD", "lobster": "AMZN", "hftbacktest": "X", "mbo": "ESH4"}


@pytest.mark.parametrize("name", TEXTS)
def test_the_unspoiled_text_converts(name: str, tmp_path: Path) -> None:
    """Otherwise the fuzz would show nothing."""
    format_name, file_name, make = TEXTS[name]
    (tmp_path / file_name).write_text(make())
    words = ("--symbol", SYMBOLS[format_name], "--json")
    done = mmsim_here("tape", "convert", tmp_path / file_name, "--format", format_name, "--out", tmp_path / "out", *words)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", TEXTS)
def test_spoiled_texts(name: str) -> None:
    """Tokens, lines and ends of JSON and CSV."""
    fuzz_text(name, EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_many_spoiled_texts(name: str) -> None:
    fuzz_text(name, 40 * EXAMPLES)


# --- files as bytes --------------------------------------------------------------------------------------


def zipped(name: str, text: str) -> bytes:
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
        file.seek(0)
        return file.read()


def npz(**arrays: Any) -> bytes:
    with tempfile.TemporaryFile() as file:
        np.savez_compressed(file, **arrays)
        file.seek(0)
        return file.read()


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())


FILES: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "binance": ("binance", "raw.gz", lambda: gzip.compress(valid.binance().encode())),
    "bybit": ("bybit", "2024-12-01_XRPUSDT_ob500.data.zip", lambda: zipped("2024-12-01_XRPUSDT_ob500.data", valid.bybit())),
    "bybit trades": ("bybit", "XRPUSDT2024-12-01.csv.gz", lambda: gzip.compress(valid.bybit_trades().encode())),
    "bitstamp": ("bitstamp", "2024-12-01.log.xz", lambda: lzma.compress(valid.bitstamp().encode())),
    "lobster": ("lobster", "AMZN_2021-04-12_34200000_57600000_message_10.csv", lambda: valid.lobster().encode()),
    "npz": ("hftbacktest", "x.npz", lambda: npz(data=valid.hftbacktest())),
    "cryptofeed": ("cryptofeed", "KRAKEN.ws.1.0.gz", lambda: gzip.compress(MAKERS["KRAKEN"]().encode())),
    "nautilus": ("nautilus", "x.parquet", lambda: parquet(catalog.deltas(name=None))),
    "dbn mbo": ("databento", "x.dbn", dbn.mbo),
    "dbn mbp-10": ("databento", "x.dbn", dbn.mbp10),
    "dbn trades": ("databento", "x.dbn", dbn.trades),
    "hyperliquid": ("hyperliquid", "capture.gz", lambda: gzip.compress(valid.hyperliquid().encode())),
    "tardis": ("tardis", "incremental_book_L2.csv.gz", lambda: gzip.compress(valid.tardis_book().encode())),
    "mbo": ("mbo", "x.parquet", lambda: parquet(pa.table(valid.mbo()))),
}


def fuzz_file(name: str, examples: int) -> None:
    format_name, file_name, make = FILES[name]
    good = make()

    @limited(examples)
    @given(damages)
    def run(damage: list[tuple[str, int]]) -> None:
        data = good
        for how, number in damage:
            data = _spoil_bytes(data, how, number)
        assert_sound_or_refused(format_name, file_name, data, "--symbol", SYMBOLS[format_name])

    run()


@pytest.mark.parametrize("name", FILES)
def test_damaged_files(name: str) -> None:
    """Bytes flipped, lost, added, and cut off, in archives too."""
    fuzz_file(name, EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_many_damaged_files(name: str) -> None:
    fuzz_file(name, 40 * EXAMPLES)


# --- events and columns ----------------------------------------------------------------------------------


@st.composite
def arrays(draw: st.DrawFn, make: Callable[[], Any]) -> Any:
    """Spoil events: fields, order, their type."""
    events = make()
    for _ in range(draw(st.integers(1, 3))):
        row, field = draw(spot) % len(events), draw(st.sampled_from(events.dtype.names))
        if events.dtype[field].kind == "f":
            events[field][row] = draw(st.sampled_from(FLOATS))
        else:
            events[field][row] = np.array(draw(st.sampled_from(NUMBERS))).astype(events.dtype[field])
    how = draw(st.sampled_from(("", "", "", "shuffled", "twice", "empty", "square", "fields", "floats", "no fields", "big-endian")))
    if how == "shuffled":
        return events[draw(st.permutations(range(len(events))))]
    kinds = [(name, events.dtype[name]) for name in events.dtype.names]
    made = {
        "twice": lambda: np.concatenate([events, events]),
        "empty": lambda: events[:0],
        "square": lambda: events.reshape(2, -1),
        "fields": lambda: events[[name for name, _ in kinds[:-3]]],
        "floats": lambda: events.astype([(name, "f4") for name, _ in kinds]),
        "no fields": lambda: events["px"],
        "big-endian": lambda: events.astype(events.dtype.newbyteorder(">")),
    }
    return made.get(how, lambda: events)()


def fuzz_events(name: str, examples: int) -> None:
    @limited(examples)
    @given(arrays(EVENTS[name]), st.sampled_from(["data", "data", "data", "events"]), stated)
    def run(events: Any, key: str, words: tuple[str, ...]) -> None:
        with np.errstate(all="ignore"):
            assert_sound_or_refused("hftbacktest", "x.npz", npz(**{key: events}), "--symbol", "X", *words)

    with np.errstate(all="ignore"):
        run()


@pytest.mark.parametrize("name", EVENTS)
def test_spoiled_events(name: str) -> None:
    """Fields of hftbacktest events: values, kinds, times, ids, types."""
    fuzz_events(name, EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", EVENTS)
def test_many_spoiled_events(name: str) -> None:
    fuzz_events(name, 40 * EXAMPLES)


TYPES = (pa.string(), pa.float64(), pa.int32(), pa.uint8(), pa.bool_(), pa.timestamp("ns"), pa.decimal128(38, 2), pa.list_(pa.int64()), pa.binary())


TABLES: dict[str, tuple[str, Callable[[], dict[str, list[Any]]]]] = {
    "mbo": ("mbo", valid.mbo),
    "nautilus deltas": ("nautilus", lambda: catalog.deltas(how="int64").to_pydict()),
    "nautilus orders": ("nautilus", lambda: catalog.deltas(catalog.ORDERS, how="8 bytes").to_pydict()),
    "nautilus trades": ("nautilus", lambda: catalog.trades(how="int64").to_pydict()),
}


@st.composite
def tables(draw: st.DrawFn, make: Callable[[], dict[str, list[Any]]]) -> pa.Table:
    """Spoil columns: cells, nulls, order, types, a column less."""
    columns = make()
    kinds = {name: type(values[0]) for name, values in columns.items()}
    count = len(columns["price"])
    for _ in range(draw(st.integers(1, 3))):
        name, row = draw(st.sampled_from(sorted(columns))), draw(spot) % count
        numbers = [*(number for number in NUMBERS if number < 2**63), None]
        nasty = {str: ["", "Q", "AA", "é", None], bytes: [bytes(8), b"\xff" * 8, b"\xff" * 7 + b"\x7f", None]}.get(kinds[name], numbers)
        columns[name][row] = draw(st.sampled_from(nasty))
    if draw(st.booleans()):
        order = draw(st.permutations(range(count)))
        columns = {name: [values[i] for i in order] for name, values in columns.items()}
    table = pa.table({key: pa.array(values, pa.binary(8)) if kinds[key] is bytes else values for key, values in columns.items()})
    name = draw(st.sampled_from(table.column_names))
    index = table.column_names.index(name)
    how = draw(st.sampled_from(("", "", "", "less", "more", "typed", "twice", "empty")))
    if how == "less":
        return table.remove_column(index)
    if how == "more":
        return table.append_column(name, table[name])
    if how == "typed":
        try:
            return table.set_column(index, name, table[name].cast(draw(st.sampled_from(TYPES)), safe=False))
        except pa.ArrowException:
            return table.set_column(index, name, pa.nulls(count))
    return pa.concat_tables([table, table]) if how == "twice" else table[:0] if how == "empty" else table


def fuzz_tables(name: str, examples: int) -> None:
    format_name, make = TABLES[name]

    @limited(examples)
    @given(tables(make), stated)
    def run(table: pa.Table, words: tuple[str, ...]) -> None:
        assert_sound_or_refused(format_name, "x.parquet", parquet(table), "--symbol", SYMBOLS[format_name], *words)

    run()


@pytest.mark.parametrize("name", TABLES)
def test_spoiled_tables(name: str) -> None:
    """Cells and types of Parquet."""
    fuzz_tables(name, 2 * EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_many_spoiled_tables(name: str) -> None:
    fuzz_tables(name, 40 * EXAMPLES)
