"""docs/venues.md, made from the profiles. `python -m simcore.config.venue_page > docs/venues.md` writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from simcore.config.venue import UNCONFIRMED, Profile, Stated, profile, profile_names

_HEAD = """# Venues

This page is generated from `simcore/config/venues/*.yaml` (`python -m simcore.config.venue_page > docs/venues.md`).

A venue profile is a data file with the rules and fees of an exchange:

```sh
mmsim venue list
mmsim venue show binance_usdm
mmsim config show --venue binance_usdm --origin
mmsim replay datasets/synbtc-perp-20240101-l2.parquet --venue binance_usdm --set venue.balance=10000
```

Its values take the place of the defaults; a configuration file, the environment, `--set` and options go over them, key by
key ([config.md](config.md)). `venue.name` in a file does the same, also for one symbol (`instruments.BTCUSDT.venue.name`).
A run stores the values, not only the name: it can be verified after a profile has changed.

Tick size, lot, contract size and the funding payments come from the tape. Margin and liquidation begin when
`venue.balance` says how much money there is.

A profile is for one kind of contracts: on a tape of another kind it is refused.

Exchanges change their rules, and rules differ by account and symbol: each value below has the document that states it, and a
day: that of the document where it has one, else the day on which a copy of the page was read. `unconfirmed` means that
no document could be read, and the remark says why the value is there all the same. Check what matters to you, and put your
own over it.

## What is modelled, and what is not

| rule | how |
|---|---|
| order size, value, price band, open and waiting orders | refused beyond the limit, with a reason; one limit for the whole run |
| fees | by maker and taker, tiers by the turnover of the run and `fees.initial_turnover`; levels by assets or tokens held, discounts and rebate programmes are not |
| rate limits | fixed windows, all kinds of requests together, and the penalty after the first excess; weights by request, rolling windows, counts by kind and bans that grow are not |
| amends | whether there are any, and whether a smaller quantity keeps its place |
| self trades | one rule for all orders; choosing it by order is not |
| margin | one rate on the whole position; tiers by size, isolated margin and several assets are not |
| liquidation | all of the position at market, and a fee; insurance funds, taking over and deleveraging are not |
| price limits of a session, halts, auctions | not |
"""


def venues_page() -> str:
    """Return docs/venues.md: how to use profiles, and every value with its source."""
    lines = [_HEAD, "## Profiles\n", "| name | what | contracts | values | unconfirmed |", "|---|---|---|---|---|"]
    profiles = [profile(name) for name in profile_names()]
    for each in profiles:
        unsure = sum(stated.source == UNCONFIRMED for stated in each.values.values())
        lines.append(f"| `{each.name}` | {each.title} | {each.kind} | {len(each.values)} | {unsure} |")
    for each in profiles:
        lines += ["", *_section(each)]
    return "\n".join(lines) + "\n"


def _section(each: Profile) -> Iterator[str]:
    yield f"## {each.name}\n"
    yield f"{each.title}.\n"
    yield "| key | value | source, day | remark |\n|---|---|---|---|"
    for key, stated in each.values.items():
        yield _row(f"`{key}`", f"`{_plain(stated)}`", stated)
    yield "\nBeyond the configuration:\n\n| what | value | source, day | remark |\n|---|---|---|---|"
    for what, stated in each.facts.items():
        yield _row(what, _plain(stated), stated)


def _plain(stated: Stated) -> str:
    return stated.value if isinstance(stated.value, str) else json.dumps(stated.value, ensure_ascii=False)


def _row(what: str, value: str, stated: Stated) -> str:
    source = UNCONFIRMED if stated.source == UNCONFIRMED else f"<{stated.source}>"
    return f"| {what} | {value} | {source}, {stated.date} | {stated.note} |"


if __name__ == "__main__":
    print(venues_page(), end="")  # noqa: T201
