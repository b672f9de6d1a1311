"""docs/config.md, made from the models. `python -m simcore.config.reference > docs/config.md` writes it."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal

import pydantic

from simcore.config.model import (
    OVERRIDES,
    Config,
    LatencyConfig,
    LatencyModel,
    Section,
    config_keys,
    item_of,
    section_of,
)

_TABLE_HEAD = "| key | type | default | what |\n|---|---|---|---|"
_REFERENCE_HEAD = """# Configuration

This page is generated from `simcore/config/model.py` (`python -m simcore.config.reference > docs/config.md`).

A run takes its configuration from, each over the one before:

1. the defaults below;
2. the venue profile that `venue.name` or `--venue NAME` chooses ([venues.md](venues.md));
3. a YAML file, `--config FILE`;
4. environment variables: `MMSIM__VENUE__QUEUE_N=2` is `venue.queue_n: 2`. Two underscores stand for a dot, the value is
   YAML, letters may be capitals (symbols below `INSTRUMENTS` keep theirs). Only the command reads them, never a call
   from Python;
5. `--set key=value`, any number of them; the value is YAML;
6. the options of the command (`--seed`, `--latency`, …), or the keyword arguments in Python.

`mmsim config show --origin` prints every value and where it came from. Unknown keys and bad values are refused, with the
nearest key and, in the environment, the variable's name. The run folder holds the whole result as `config.yaml`, every
key of it, and its hash in `run.json`.

```yaml
version: 2
strategy:
  name: adaptive
venue:
  queue_model: power
latency:
  place: {model: lognormal, ms: 8, sigma: 0.4}
```

Paths in a YAML file are relative to the file, those in `--set` to the current folder. Numbers of money and fees are
read as exact decimals. `--latency` is short for the latency keys: `10ms` (all four), `place=10ms,cancel=12ms`,
`lognormal:10ms:0.4`, `feed:1.0`, `recorded:FILE`; the units are ns, us, ms and s.

Every YAML text that mmsim reads (configurations, `--set`, variables, grids, settings) has at most 1,048,576 characters, 32
levels and 100,000 values, aliases written out; a key or text has at most 10,000 characters, a number 40 digits, and no tag
says another type than the text (CONF-016, CONF-004). Files are ordinary files: no pipes, no devices. A path that names a user
who is not there (`~nobody/x.py`) is CONF-015.

## Versions

`version` is the version of this layout; a file without it is of version 1. Older files are brought to this version when
they are read, with a warning that says what changed; `mmsim config migrate FILE --in-place` writes that down (comments are
lost). A file of a newer version is refused. `mmsim config check FILE…` looks for all other mistakes, and
`mmsim config schema` prints the JSON schema that editors understand.

| from | to | what |
|---|---|---|
| 1 | 2 | `venue.rate_limit_count` and `venue.rate_limit_window_ms` became the list `venue.rate_limits` |

## One symbol's own values

Below `instruments`, a symbol has its own parameters of the strategy, and its own `node`, `venue`, `fees` and `latency`, over
the common ones. `mmsim config show --symbol BTCUSDT` prints what holds for it.

```yaml
version: 2
node: {tick_interval_ms: 100}
instruments:
  BTCUSDT:
    venue: {name: binance_usdm}
    strategy: {params: {spread: {base_bps: 2}}}
  BTC-USDT-SWAP:
    venue: {name: okx_swap}
    node: {tick_interval_ms: 50}
```"""


def config_reference() -> str:
    """Return docs/config.md: how to configure a run, and every key."""
    lines = [_REFERENCE_HEAD]
    for name, field in Config.model_fields.items():
        section = section_of(field)
        if section is None:
            lines += [f"\n## {name}\n", _TABLE_HEAD, _row(name, field), *_items(name, field)]
            continue
        lines += [f"\n## {name}\n", f"{section.__doc__}\n", _TABLE_HEAD]
        if section is LatencyConfig:
            lines[-1:] = [
                *(f"* `latency.{key}`: {inner.description}" for key, inner in section.model_fields.items()),
                "\nEach of the four has these keys:\n",
                _TABLE_HEAD,
            ]
            section = LatencyModel
        lines += [_row(key, inner) for key, inner in config_keys(section)]
        for key, inner in config_keys(section):
            lines += _items(key, inner)
    return "\n".join(lines) + "\n"


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of configuration files."""
    schema = Config.model_json_schema(by_alias=True)
    own = {name: schema["properties"][name] for name in OVERRIDES if name != "strategy"}
    params = {"type": "object", "additionalProperties": False, "properties": {"params": {"type": "object"}}}
    schema["properties"]["instruments"]["additionalProperties"] = {
        "type": "object", "additionalProperties": False, "properties": {"strategy": params, **own}
    }  # fmt: skip
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "mmsim configuration"}


def _items(key: str, field: pydantic.fields.FieldInfo) -> Iterator[str]:
    """Yield the table of a list's items, if they have keys."""
    item: type[Section] | None = item_of(field)
    if item is not None:
        yield f"\nEach of `{key}` has these keys:\n"
        yield _TABLE_HEAD
        yield from (_row(inner_key, inner) for inner_key, inner in config_keys(item))


def _row(key: str, field: pydantic.fields.FieldInfo) -> str:
    default = "required" if field.is_required() else f"`{_shown(field.get_default(call_default_factory=True))}`"
    return f"| `{key}` | {_kind(field.annotation)} | {default} | {field.description} |"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[]"
    return str(value)


_KINDS = {int: "integer", float: "number", Decimal: "decimal", bool: "true/false", str: "text", dict: "mapping", tuple: "list"}


def _kind(annotation: Any) -> str:
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        parts = [a for a in typing.get_args(annotation) if a is not type(None)]
        return f"{_kind(parts[0])} or null"
    if origin is Annotated:
        return _kind(typing.get_args(annotation)[0])
    return _KINDS[origin or annotation]


if __name__ == "__main__":
    print(config_reference(), end="")  # noqa: T201
