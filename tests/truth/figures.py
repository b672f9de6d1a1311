"""Print the figures of docs/truth.md: `python -m tests.truth.figures [es|amzn|bitstamp …]`."""

from __future__ import annotations

import sys

from tests.truth.captures import CAPTURES, ROOT, converted, has_captures
from tests.truth.shadow import lives_of, shadow_all


def print_capture(name: str) -> None:
    """Print lives and agreeing shadows by reason."""
    made = converted(name)
    found = shadow_all(made.rows, made.instrument, lives_of(made.rows, CAPTURES[name].auction_ts))
    table = found.table()
    print(f"\n{name}: {len(made.rows.ev)} rows, {len(found.lives)} lives, {sum(len(life.fills) for life in found.lives)} executions")
    witnessed = sum(len(life.fills) for life in found.lives if not life.reason)
    print(f"{100 * witnessed / sum(len(life.fills) for life in found.lives):.1f} % of executions are explained by price-time priority")
    for (reason, kind), (lives, alike) in table.items():
        print(f"{alike:>7,} of {lives:>7,} alike ({100 * alike / lives:6.2f} %)  {kind:<9} {reason or 'price-time priority holds'}")


if __name__ == "__main__":
    if not has_captures():
        sys.exit(f"no order captures in {ROOT} (MMSIM_REAL_DATA)")
    for chosen in sys.argv[1:] or list(CAPTURES):
        print_capture(chosen)
