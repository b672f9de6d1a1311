"""Routing: the same unit goes to the same arm in every run, process and version, whatever else there is."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.calibrate.ab.route import BY_DAY, BY_SYMBOL, BY_WINDOW, Router, place

KEYS = st.text(min_size=1, max_size=12)
DAYS = st.dates().map(str)
SPLITS = st.floats(0, 100)


def test_places_are_those_of_the_day_they_were_written() -> None:
    """A change of the hash would move units of tests that were made before."""
    found = [place("mmsim", "binance_usdm:BTCUSDT"), place("mmsim", "binance_usdm:BTCUSDT", "2024-08-08"), place("salt", "é:Ω", "2024-08-08", "17")]
    assert found == KNOWN


def test_a_place_is_the_first_bits_of_a_sha_256() -> None:
    """As docs/ab.md says: 53 bits of the hash of the parts as a JSON list."""
    whole = int(hashlib.sha256(b'["mmsim","v:X","2024-01-01"]').hexdigest()[:16], 16)
    assert place("mmsim", "v:X", "2024-01-01") == 100 * (whole >> 11) / 2**53


def test_another_process_finds_the_same_places() -> None:
    """The salt of Python's own hashes has no say."""
    code = "from simcore.calibrate.ab.route import place; print([place('s', f'v:{i}', '2024-01-01') for i in range(5)])"
    found = {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}).stdout
        for seed in ("1", "2")
    }
    assert found == {f"{[place('s', f'v:{i}', '2024-01-01') for i in range(5)]}\n"}


@given(KEYS, DAYS, st.integers(0, 10**7), SPLITS, SPLITS, st.sampled_from((BY_SYMBOL, BY_DAY, BY_WINDOW)))
def test_raising_the_split_never_moves_a_unit_back_to_a(key: str, day: str, window: int, one: float, other: float, by: str) -> None:
    """Who is in B at a split is in B at every larger one."""
    low, high = sorted((one, other))
    assert Router(low, "s", by).is_b(key, key, day, window) <= Router(high, "s", by).is_b(key, key, day, window)


@given(KEYS, DAYS, st.integers(0, 10**7), SPLITS)
def test_a_unit_goes_to_b_if_its_place_is_below_the_split(key: str, day: str, window: int, split: float) -> None:
    """As docs/ab.md says; the place has the parts that the route has."""
    for by, parts in ((BY_SYMBOL, (key,)), (BY_DAY, (key, day)), (BY_WINDOW, (key, day, str(window)))):
        assert Router(split, "s", by).is_b(key, "", day, window) == (place("s", *parts) < split)


@given(KEYS, DAYS, st.integers(0, 10**7))
def test_none_and_all(key: str, day: str, window: int) -> None:
    """A split of 0 sends nothing to B, one of 100 everything."""
    assert not Router(0, "s", BY_WINDOW).is_b(key, key, day, window)
    assert Router(100, "s", BY_WINDOW).is_b(key, key, day, window)


@given(st.lists(KEYS, min_size=1, max_size=4), st.lists(KEYS, min_size=1, max_size=4))
def test_different_units_have_different_places(one: list[str], other: list[str]) -> None:
    """No two lists of parts run together to one text."""
    assert (place("s", *one) == place("s", *other)) == (one == other)
    assert 0 <= place("s", *one) < 100


@pytest.mark.parametrize("split", [10, 50, 75])
def test_the_split_is_kept_on_average(split: int) -> None:
    """Of 20,000 units the share in B is the split, within four standard errors."""
    count = 20_000
    router = Router(split, "balance", BY_DAY)
    in_b = sum(router.is_b(f"v:S{i % 200}", "", f"2024-{i // 200}", 0) for i in range(count))
    error = 100 * (split / 100 * (1 - split / 100) / count) ** 0.5
    assert abs(100 * in_b / count - split) < 4 * error


def test_what_a_unit_is() -> None:
    """By symbol all days go together; by day all windows of a day; by window each by itself."""
    spread = {
        by: {(day, w): Router(50, "s", by).is_b("v:X", "X", day, w) for day in ("d1", "d2", "d3", "d4", "d5") for w in range(20)} for by in (BY_SYMBOL, BY_DAY, BY_WINDOW)
    }
    assert len(set(spread[BY_SYMBOL].values())) == 1
    assert len(set(spread[BY_DAY].values())) == 2
    assert all(len({arm for (d, _), arm in spread[BY_DAY].items() if d == day}) == 1 for day in ("d1", "d2", "d3", "d4", "d5"))
    assert all(len({arm for (d, _), arm in spread[BY_WINDOW].items() if d == day}) == 2 for day in ("d1", "d2", "d3", "d4", "d5"))


def test_another_salt_chooses_other_units() -> None:
    """Two salts agree on about half of the units."""
    one, other = (Router(50, salt, BY_DAY) for salt in ("one", "other"))
    same = sum(one.is_b(f"v:{i}", "", "d", 0) == other.is_b(f"v:{i}", "", "d", 0) for i in range(1000))
    assert 400 < same < 600


def test_lists_keep_symbols_in_a() -> None:
    """By key or by name; a symbol in both lists stays in A."""
    listed = Router(100, "s", BY_DAY, ("X", "v:Y", "Z"), ("Z",))
    assert [listed.is_b(f"v:{name}", name, "d", 0) for name in "XYZW"] == [True, True, False, False]
    assert Router(100, "s", BY_DAY, (), ("X",)).is_b("v:Y", "Y", "d", 0)


KNOWN = [35.45989992987776, 2.1014285597295346, 15.710419991724866]
