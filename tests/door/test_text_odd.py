"""Odd YAML and JSON wherever a user may give some: a code, never a traceback, and at once."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simcore.config.model import config_keys
from simcore.config.yaml_text import parse_yaml
from simcore.door.json_text import parse_json
from simcore.errors import ConfigError, GateError
from tests.blackbox.command import SAMPLE, Done, mmsim_here

SECONDS_MAX = 20.0  # of one command, on a machine that is busy

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"b{i}: &b{i} [{', '.join(['*' + (f'b{i - 1}' if i else 'a')] * 9)}]\n" for i in range(9))
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 60))
DOCUMENTS = {
    "int of a word": "run: {seed: !!int x}", "float of a word": "run: {seed: !!float x}", "null of a word": "a: !!null x", "bool of a word": "a: !!bool x",
    "5,000 digits": "run: {seed: " + "9" * 5000 + "}", "beyond floats": "run: {checkpoint_s: 1e999999999}", "nested in flow": "a: " + "[" * 1000 + "]" * 1000,
    "nested in block": "\n".join(" " * i + "a:" for i in range(1000)), "nested and open": "{a: " * 1000, "a bomb of aliases": BOMB, "a chain of aliases": CHAIN,
    "an alias in itself": "run: &a [*a]", "a mapping in itself": "&a {run: *a}", "no alias of this name": "run: *a", "a key twice": "run: {seed: 1, seed: 2}",
    "a key of a list": "? [a]\n: b", "a key of a number": "1: 2", "a Python object": "!!python/object/apply:os.system [ls]", "a set": "!!set {a, b}",
    "binary": "a: !!binary aGk=", "a time": "run: !!timestamp 2024-01-01", "an unknown tag": "run: !x 1", "a mapping by its tag": "run: !!map x",
    "half a character": 'strategy: {name: "\\ud800"}', "NUL in a text": 'strategy: {name: "a\\0b.py"}', "NUL in the file": "a: \0", "a tab": "run:\n\tseed: 1",
    "no such user": "strategy: {name: ~nobody-of-this-name/x.py}", "no such home in a queue model": "venue: {queue_model: ~nobody-of-this-name/x.py}",
    "a text of 100 kB": "strategy: {name: " + "x" * 100_000 + "}", "a key of 100 kB": "x" * 100_000 + ": 1", "a long path": f"strategy: {{name: {'x' * 5000}.py}}",
    "two documents": "a: 1\n---\nb: 2", "a list": "- 1", "a word": "x", "another version of YAML": "%YAML 3.0\n---\na: 1", "no UTF-8": "a: \udcff",
    "a version beyond": "version: 99999999999999999999", "markup": "'[/x]': 1", "control characters": '"a\\eb": 1', "amounts beyond": "venue: {balance: '1e999999999'}",
    "amounts below": "venue: {balance: '1e-999999999'}", "rates beyond": "fees: {maker_bps: '1e999999999'}", "rates of many digits": "fees: {maker_bps: '" + "1" * 5000 + "'}",
    "a time out of range": "run: {from: '0001-01-01T00:00+23:59'}", "a zone out of range": "run: {from: '2024-01-01T00:00+99:99'}", "a month out of range": "run: {from: '2024-99-01'}",
    "a symbol of no text": "instruments: {1: {}}", "instruments in a list": "instruments: [a]", "markup in a symbol": "instruments: {'[/x]': {venue: {name: x}}}",
    "parameters of 40 digits": "strategy: {params: {spread.base_bps: " + "9" * 40 + "}}", "the file of a device": "latency: {place: {model: recorded, file: /dev/zero}}",
    "the file of a folder": "latency: {place: {model: recorded, file: /}}", "tabs and dots": "'...': {'': 1}", "an empty key": "'': 1", "a merge key": "<<: {a: 1}",
}  # fmt: skip
VALUES = [
    "", "~", "!!int x", "!!str 5", "9" * 5000, "1e999999999", "-1e999999999", "1e-999999999", ".inf", ".nan", "-0", "[" * 1000, "[1, [2, [3]]]", "{a: 1}", "&a [*a]",
    "*a", "'", '"\\ud800"', '"\\0"', "~nobody-of-this-name/x.py", "/", "/dev/zero", "x" * 100_000, "[/x]", "<script>", "$\\frac{$", "a.py", "true", "no", "-1", "1.5",
    "2024-13-01", "0001-01-01", "9223372036854775807", "9223372036854775808", "é漢", "!!python/none x", "[null]", "- a", "? a", "'1e999999999'", "'" + "9" * 5000 + "'",
]  # fmt: skip


def assert_ended(done: Done, words: str, begun: float) -> None:
    assert done.returncode in (0, 1, 2), words
    if done.returncode == 2:
        assert done.stderr.startswith(("error ", "Usage:", "Error")), (words, done.stderr)
        assert len(done.stderr) < 10_000, words
    assert "\x1b" not in done.stderr, words
    assert time.monotonic() - begun < SECONDS_MAX, words


@pytest.mark.parametrize("words", DOCUMENTS)
def test_odd_documents_end_in_a_code(tmp_path: Path, words: str) -> None:
    """As configuration, grid, settings of a test, and (where it is JSON, too) baseline of a gate."""
    path = tmp_path / "odd.yaml"
    path.write_bytes(DOCUMENTS[words].encode("utf-8", "surrogateescape"))
    for arguments in (
        ("config", "check", path), ("config", "show", "--config", path), ("config", "migrate", path), ("replay", SAMPLE, "--config", path, "--to", "2024-01-01T00:00:01Z", "--out", tmp_path / "run"),
        ("calibrate", path, SAMPLE, "--out", tmp_path / "out"), ("ab", SAMPLE, "--a", path, "--b", path, "--out", tmp_path / "ab"),
        ("ab", SAMPLE, "--a", tmp_path / "none.yaml", "--b", path, "--settings", path), ("gate", "stages", "--current", path, "--baseline", path),
        ("sweep", "latency", SAMPLE, "--config", path, "--to", "2024-01-01T00:00:01Z", "--ms", "1", "--out", tmp_path / "sw"),
    ):  # fmt: skip
        begun = time.monotonic()
        done = mmsim_here(*arguments)
        assert_ended(done, f"{arguments[:2]} {words}", begun)
        assert done.returncode == 2 or arguments[1] != "check" or words == "parameters of 40 digits", (words, done.stdout[:200])


def mutations(count: int) -> Iterator[tuple[str, str]]:
    """Yield (key, odd value): every key comes up."""
    rng = random.Random(10)
    keys = [key for key, _ in config_keys()]
    for number in range(count):
        yield keys[number % len(keys)], rng.choice(VALUES)


def test_odd_values_of_every_key_end_in_a_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By --set, by a variable and in a file."""
    for key, value in mutations(220):
        words = f"{key}={value[:40]}"
        begun = time.monotonic()
        assert_ended(mmsim_here("config", "show", "--set", f"{key}={value}"), words, begun)
        path = tmp_path / "odd.yaml"
        path.write_text("".join(f"{'  ' * i}{name}:\n" for i, name in enumerate(key.split(".")))[:-1] + f" {value}\n", encoding="utf-8")
        begun = time.monotonic()
        assert_ended(mmsim_here("config", "check", path), words, begun)
        if "\0" not in value:
            monkeypatch.setenv("MMSIM__" + key.upper().replace(".", "__"), value)
            begun = time.monotonic()
            assert_ended(mmsim_here("config", "show"), words, begun)
            monkeypatch.delenv("MMSIM__" + key.upper().replace(".", "__"))


def test_the_limits_of_a_document_are_those_of_the_docs() -> None:
    """At the limit it is read, beyond it CONF-016 says which."""
    assert parse_yaml("a: " + "[" * 31 + "]" * 31, "x")
    for text in ("a: " + "[" * 33 + "]" * 33, "a: " + "9" * 41, "a: " + "x" * 10_001, "#" * ((1 << 20) + 1), "- 1\n" * 100_001, BOMB, CHAIN):
        with pytest.raises(ConfigError, match="CONF-016"):
            parse_yaml(text, "x")
    assert parse_yaml("a: &a [1]\nb: [*a, *a]\n", "x") == {"a": [1], "b": [[1], [1]]}


JSON = ["", "{", "[" * 100_000, "[" * 500 + "]" * 500, "NaN", "[Infinity]", "1e999", "9" * 5000, '"\\ud800"', '{"\\udfff": 1}', "\ufeff{}", "\0", '{"a": 1e999999999}']


@pytest.mark.parametrize("text", JSON, ids=lambda text: ascii(text)[:20])
def test_odd_json_is_refused(text: str) -> None:
    with pytest.raises(GateError, match="GATE-001"):
        parse_json(text, "x", GateError, "GATE-001")


def test_json_within_the_limits_is_read() -> None:
    tree: Any = {"a": [1, 2.5, "é", None, True, {"b": []}]}
    assert parse_json(json.dumps(tree), "x", GateError, "GATE-001") == tree
    assert parse_json(os.fsencode('{"a": 1}'), "x", GateError, "GATE-001") == {"a": 1}
