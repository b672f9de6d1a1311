"""Forged metadata of a tape: a code or a result in every command, never a traceback or an endless run."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from simcore import replay
from simcore.errors import MmsimError, TapeError
from simcore.records import ASK_BIT, BOTH_BITS, DEPTH, TRADE
from simcore.tape.read import Tape
from simcore.tape.schema import META_KEY, Instrument, TapeMeta, as_chunk
from simcore.tape.validate import validate
from simcore.tape.write import TapeWriter
from tests.blackbox.command import Done, mmsim_here
from tests.sealing import meta_text

T0 = 1_704_067_200_000_000_000
S = 1_000_000_000
INSTRUMENT = Instrument("test", "AAABBB", "linear", "0.1", "0.001", base="AAA", quote="BBB")
META = TapeMeta(INSTRUMENT, source={"format": "test", "files": [["a.txt", "0" * 64]], "counts": {"odd": 1}, "warnings": ["w"]}, clock={"policy": "keep"})
DEEP: Any = []
for _ in range(400):
    DEEP = [DEEP]
ODD: list[Any] = [
    None, 0, -1, 1, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), 10**30, 10**38, 1.5, -0.0, 1e300, float("nan"), float("inf"), True, False, "", "x", "1",
    "0", "-1", "1e-13", "1e13", "1e999999999", "1e-999999999", "-1e999999999", "NaN", "Infinity", "9" * 5000, "0." + "1" * 30, "[/x]", "[bold]a[/]", r"$\frac{$",
    "$x$", "\ud800", "a\nb", "a\r\x1b[2Jb", "\u202eabc", "x" * 100_000, "<script>alert(1)</script>", "```\n# x", "`|*_[a](b)", "../../x", "a\0b", "é漢字", "1.0",
    [], {}, [[]], [None], [["a"]], [["a", "b", "c"]], [[1, 2]], {"a": -1}, {"a": 1.5}, {"a": "b"}, {"": 0}, {"a": {"b": [1]}}, DEEP, ["x"] * 1000,
    T0 - 400 * 86_400 * S, T0 + 400 * 86_400 * S, T0 + 1, T0 - 1, 1, 7_258_118_399_000_000_000, "linear", "inverse", "spot", "l2", "l3", "own",
]  # fmt: skip


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tape of ten seconds."""
    path = tmp_path_factory.mktemp("forged") / "honest.parquet"
    ts = [T0 + i * S // 10 for i in range(100)]
    kinds = [BOTH_BITS | (DEPTH, DEPTH | ASK_BIT, TRADE)[i % 3] for i in range(100)]
    prices = [(1000, 1001, 1000)[i % 3] for i in range(100)]
    with TapeWriter(path, META) as writer:
        writer.append(as_chunk([ts, [t + 1000 for t in ts], kinds, prices, [5 + i % 7 for i in range(100)]]))
    return path


def told(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pq.read_schema(path).metadata[META_KEY])
    return found


def forge(path: Path, honest: Path, text: bytes) -> Path:
    """Write the rows of a tape with other metadata."""
    table = pq.read_table(honest)
    with pq.ParquetWriter(path, table.schema.remove_metadata()) as writer:
        writer.write_table(table.replace_schema_metadata(None))
        writer.add_key_value_metadata({META_KEY: text})
    return path


def mutations(meta: dict[str, Any], count: int) -> Iterator[tuple[str, bytes]]:
    """Yield (words, JSON) of metadata with one or two odd values, keys that are missing, and keys of no name."""
    rng = random.Random(9)
    places = [(key,) for key in meta] + [(part, key) for part in ("instrument", "source", "clock") for key in [*meta[part], "other"]]
    for number in range(count):
        tree = json.loads(json.dumps(meta))
        words = []
        for _ in range(1 + (number % 4 == 3)):
            place, value = rng.choice(places), rng.choice(ODD)
            at = tree
            for key in place[:-1]:
                at = at[key] if isinstance(at.get(key), dict) else {}
            if rng.random() < 0.1:
                at.pop(place[-1], None)
            else:
                at[place[-1]] = value
            words.append(f"{'.'.join(place)} = {ascii(value)[:40]}")
        yield f"{number}: {', '.join(words)}", meta_text(tree)


def assert_ended(done: Done, words: str) -> None:
    """The command ended with a result, or with a code in two lines; and no control character reached the terminal."""
    assert done.returncode in (0, 1, 2), words
    if done.returncode == 2:
        assert done.stderr.startswith("error "), (words, done.stderr)
        assert len([line for line in done.stderr.splitlines() if not line.startswith("warning: ")]) == 2, (words, done.stderr)
    assert "Traceback" not in done.stderr, words
    assert not set(done.stdout + done.stderr) & {"\x1b", "\r", "\0", "\u202e"}, words
    assert len(done.stderr) < 10_000, words


def test_three_hundred_forgeries_end_in_a_code_or_a_result(honest: Path, tmp_path: Path) -> None:
    """info, validate, head and replay of each: a code or a result."""
    path = tmp_path / "forged.parquet"
    accepted = 0
    for words, text in mutations(told(honest), 300):
        forge(path, honest, text)
        info = mmsim_here("tape", "info", path)
        assert_ended(info, words)
        if info.returncode:
            continue
        for arguments in (("tape", "info", path, "--json"), ("tape", "validate", path), ("tape", "head", path)):
            assert_ended(mmsim_here(*arguments), words)
        run = tmp_path / f"run{accepted}"
        if accepted % 10 == 0:  # with all of the report, which takes a second
            played = mmsim_here("replay", path, "--strategy", "demo_maker", "--out", run)
            assert_ended(played, words)
            accepted += played.returncode == 0
        else:
            try:
                accepted += replay(path, {"strategy.name": "demo_maker"}, run).headline["rows"] == 100
            except MmsimError:
                continue
    assert accepted >= 20  # names are free; or the test shows nothing


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"first_local_ts": 1}, "TAPE-016"), ({"first_exch_ts": 1}, "TAPE-016"), ({"last_local_ts": 7_258_118_399_000_000_000}, "TAPE-016"),
        ({"last_exch_ts": T0 + 3600 * S}, "TAPE-016"), ({"first_local_ts": None, "last_local_ts": None}, "TAPE-004"),
    ],
)  # fmt: skip
def test_times_that_the_rows_contradict_are_refused_before_they_are_played(honest: Path, tmp_path: Path, change: dict[str, Any], code: str) -> None:
    path = forge(tmp_path / "forged.parquet", honest, meta_text({**told(honest), **change}))
    with pytest.raises(TapeError) as caught:
        next(Tape.open(path).chunks())
    assert caught.value.code == code
    report = validate(path)
    assert [(finding.check, finding.rows) for finding in report.findings if finding.severity == "error"] == [("metadata", (0,))]


def test_prices_that_the_rows_contradict_are_found_by_validate(honest: Path, tmp_path: Path) -> None:
    path = forge(tmp_path / "forged.parquet", honest, meta_text({**told(honest), "price_min_ticks": 1, "price_max_ticks": 1 << 51}))
    assert not validate(path).is_usable


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rows": 1 << 41}, "rows"), ({"rows": True}, "rows"), ({"level": "l9"}, "level"), ({"first_exch_ts": 1 << 63}, "first_exch_ts"),
        ({"first_exch_ts": None}, "first_exch_ts is None"), ({"first_exch_ts": T0 + 99 * S}, "first_exch_ts is"), ({"source": []}, "source"),
        ({"source": {"counts": [1]}}, "source.counts"), ({"source": {"counts": {"a": 1.5}}}, "source.counts.a"), ({"content_hash": "x"}, "content_hash"),
        ({"synthetic": 1}, "synthetic"), ({"other": 1}, "other"), ({"inferred": "x"}, "inferred"), ({"instrument": {}}, "instrument"),
        ({"instrument": {"symbol": 3}}, "instrument.symbol"), ({"price_min_ticks": -1}, "price_min_ticks"),
    ],
)  # fmt: skip
def test_a_field_that_is_refused_is_named(honest: Path, tmp_path: Path, change: dict[str, Any], field: str) -> None:
    path = forge(tmp_path / "forged.parquet", honest, meta_text({**told(honest), **change}))
    with pytest.raises(TapeError) as caught:
        Tape.open(path)
    assert caught.value.code == "TAPE-015"
    assert caught.value.cause.startswith(f"{path}: {field}")


def test_the_writer_refuses_what_readers_would(tmp_path: Path) -> None:
    """The same model on both sides: nothing is written that cannot be opened, and nothing half-written stays."""
    rows = as_chunk([[T0], [T0], [BOTH_BITS | TRADE], [1], [1]])
    for meta in (
        replace(META, source={"counts": {"a": "b"}}), replace(META, source={"x": float("nan")}), replace(META, source={"x": object()}),
        replace(META, clock={"x": DEEP}), replace(META, inferred=("x" * 101,)),
    ):  # fmt: skip
        with pytest.raises(TapeError) as caught, TapeWriter(tmp_path / "t.parquet", meta) as writer:
            writer.append(rows)
        assert caught.value.code == "TAPE-015"
    assert list(tmp_path.iterdir()) == []


def test_odd_names_are_shown_as_they_are_and_steer_nothing(honest: Path, tmp_path: Path) -> None:
    """Markup of rich, formulas, HTML and Markdown in the instrument's names, down to the report's files."""
    tree = told(honest)
    odd = r"[/x] $\frac{$ <script>*a*</script> `b` [c](d) 漢"
    tree["instrument"] |= {"symbol": odd, "venue": odd, "quote": odd, "base": odd}
    path = forge(tmp_path / "forged.parquet", honest, meta_text(tree))
    done = mmsim_here("replay", path, "--strategy", "demo_maker", "--out", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "[/x] $\\frac{$ <script>" in done.stdout
    html, markdown = ((tmp_path / "run" / name).read_text(encoding="utf-8") for name in ("report.html", "report.md"))
    assert "<script" not in html
    as_text = re.sub(r"(`+)[^`](.*?[^`])?\1(?!`)", "", markdown, flags=re.DOTALL)  # what is code is shown as it is
    assert "&lt;script" in as_text
    assert "<script" not in as_text
    assert "[c](d)" not in as_text.replace("\\[", "")
    assert json.loads((tmp_path / "run" / "summary.json").read_text(encoding="utf-8"))["symbol"] == odd


def test_row_groups_that_no_memory_holds_are_refused(honest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simcore.tape.read._GROUP_ROWS_MAX", 99)
    with pytest.raises(TapeError, match="TAPE-017"):
        Tape.open(honest)
