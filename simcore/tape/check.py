"""The check of rows as they are read and written: what the kernels take for granted is made sure of here.

The kernels trust a tape: they have no test for times that go back, for prices that are not positive, or for an order
id that is not there. So every row passes this check, in the thread that decodes it; it costs 1 to 2 ns a row.
"""

from __future__ import annotations

import numpy as np

from simcore.errors import TapeError
from simcore.jit import entry
from simcore.records import (
    ASK_BIT,
    BEST,
    CLEAR,
    EXCH_BIT,
    FUNDING,
    GAP,
    KIND_COUNT,
    KIND_LABELS,
    KIND_MASK,
    L3_ADD,
    L3_EXEC,
    L3_REDUCE,
    LOCAL_BIT,
    NO_SIDE_BIT,
    OWN_CANCEL,
    OWN_FILL,
    OWN_ORDER,
    SIDED_KINDS,
    TIME_END,
    UNITS_MAX,
    Chunk,
    IntArray,
)
from simcore.tape.schema import as_chunk

_BLOCK = 1024
_ODD_MASK = np.uint8(0xFF ^ (BEST | ASK_BIT | EXCH_BIT | LOCAL_BIT))  # kinds 0 to 3 are DEPTH, SNAPSHOT, TRADE and BEST
_UNSEEN = np.uint8(LOCAL_BIT)  # where neither this bit nor the one below, EXCH_BIT, is set
_EXCH, _LOCAL = np.uint8(EXCH_BIT), np.uint8(LOCAL_BIT)

# What is wrong with a row.
_OK, _EV, _TIME, _EXCH_ORDER, _LOCAL_ORDER, _PRICE, _QTY, _ORDER_ID = range(8)

# What to check, by ev: bits of a rule.
_REFUSE = 1  # no known kind, seen by nobody, two sides, or a level without a side
_PRICED = 2  # the price is that of a trade or a level
_COUNTED = 4  # the quantity is not negative
_WITH_ID = 8  # the row needs an order id, positive
_RANGED = 16  # CLEAR: the price counts where the quantity is not 0


def _rule(ev: int) -> int:
    kind = ev & KIND_MASK
    with_id = kind in (L3_ADD, L3_REDUCE, L3_EXEC, OWN_ORDER, OWN_FILL, OWN_CANCEL)
    sided = kind in SIDED_KINDS
    rule = 0
    two_sided = ev & ASK_BIT and ev & NO_SIDE_BIT
    if kind >= KIND_COUNT or not ev & (EXCH_BIT | LOCAL_BIT) or two_sided or (sided and ev & NO_SIDE_BIT):
        rule |= _REFUSE
    if kind not in (GAP, CLEAR, OWN_CANCEL):  # an order may end without a price
        rule |= _PRICED
    if kind != FUNDING:  # a rate may be negative
        rule |= _COUNTED
    if with_id:
        rule |= _WITH_ID
    if kind == CLEAR:
        rule |= _RANGED
    return rule


_RULES = np.array([_rule(ev) for ev in range(256)], np.int64)


class RowCheck:
    """Checks consecutive rows of one file, chunk by chunk. TapeError TAPE-007 (order) or TAPE-009 (value).

    exch_from, local_from: earliest time of the next row on each clock, ns.
    """

    def __init__(self, where: str, exch_from: int = 1, local_from: int = 1) -> None:
        self._where = where
        self._last = np.array([exch_from, local_from, _OK], np.int64)

    @property
    def last(self) -> tuple[int, int]:
        """Latest exchange and local time so far, ns."""
        return int(self._last[0]), int(self._last[1])

    def check(self, chunk: Chunk, first_row: int) -> None:
        """Check the next rows; first_row is the number that the first of them has in the file."""
        chunk = as_chunk(chunk)  # read-only columns: one form, so that one machine code serves all callers
        i = first_bad_row(*chunk, self._last)
        if i < 0:
            return
        code, cause = self._cause(chunk, i)
        raise TapeError(code, f"{self._where}: row {first_row + i}: {cause}")

    def _cause(self, chunk: Chunk, i: int) -> tuple[str, str]:
        found = int(self._last[2])
        ev, price, lots = int(chunk.ev[i]), int(chunk.price_ticks[i]), int(chunk.qty_lots[i])
        kind = KIND_LABELS[ev & KIND_MASK] if ev & KIND_MASK < KIND_COUNT else "?"
        if found == _TIME:
            return "TAPE-009", f"exch_ts {int(chunk.exch_ts[i])}, local_ts {int(chunk.local_ts[i])}, expected 1970 to 2200 in ns"
        if found == _EXCH_ORDER:
            return "TAPE-007", f"exch_ts {int(chunk.exch_ts[i])} comes after {int(self._last[0])}"
        if found == _LOCAL_ORDER:
            return "TAPE-007", f"local_ts {int(chunk.local_ts[i])} comes after {int(self._last[1])}"
        if found == _PRICE:
            return "TAPE-009", f"price of a {kind} row is {price} ticks, expected 1 to 2^52 - 1"
        if found == _QTY:
            return "TAPE-009", f"quantity of a {kind} row is {lots} lots, expected 0 to 2^52 - 1"
        if found == _ORDER_ID:
            shown = f"order id {int(chunk.order_id[i])}" if len(chunk.order_id) else "no order id"
            return "TAPE-009", f"a {kind} row with {shown}, expected an id from 1"
        return "TAPE-009", f"ev {ev} has no known kind, not one side, or nobody sees it"


@entry
def first_bad_row(
    exch_ts: IntArray, local_ts: IntArray, ev: IntArray, price_ticks: IntArray, qty_lots: IntArray, order_id: IntArray,
    last: IntArray,
) -> int:  # fmt: skip
    """Return the first row that no kernel may see, -1 if there is none.

    last : int64 [3] (mutated), latest time of each clock before these rows, and after them; [2] says what is wrong.
    Blocks of plain rows (kinds up to BEST) pass in sweeps without a branch; only the others go row by row.
    """
    exch, local = last[0], last[1]
    has_ids = order_id.shape[0] > 0
    bad = -1
    reason = _OK
    count = ev.shape[0]
    for lo in range(0, count, _BLOCK):
        hi = min(lo + _BLOCK, count)
        # Slices, each with its own loop from 0: so the compiler drops tests of the index and uses vectors.
        odd, units = np.uint8(0), 0
        for code in ev[lo:hi]:
            odd |= (code & _ODD_MASK) | ((~(code | (code << np.uint8(1)))) & _UNSEEN)
        for price in price_ticks[lo:hi]:
            units |= int(price) | (int(price) - 1)
        for lots in qty_lots[lo:hi]:
            units |= int(lots)
        if odd == 0 and 0 <= units <= UNITS_MAX:
            codes, exch_times, local_times = ev[lo:hi], exch_ts[lo:hi], local_ts[lo:hi]
            exch_now, local_now, back = exch, local, 0
            for i in range(codes.shape[0]):
                exch_next = int(exch_times[i]) if codes[i] & _EXCH else exch_now
                local_next = int(local_times[i]) if codes[i] & _LOCAL else local_now
                back |= (exch_next - exch_now) | (local_next - local_now)
                exch_now, local_now = exch_next, local_next
            if back >= 0 and exch > 0 and local > 0 and max(exch_now, local_now) < TIME_END:
                exch, local = exch_now, local_now
                continue
        for i in range(lo, hi):
            code = ev[i]
            rule = _RULES[code]
            price, lots = price_ticks[i], qty_lots[i]
            if rule & _REFUSE:
                reason = _EV
            elif (code & EXCH_BIT and not 0 < exch_ts[i] < TIME_END) or (code & LOCAL_BIT and not 0 < local_ts[i] < TIME_END):
                reason = _TIME
            elif code & EXCH_BIT and exch_ts[i] < exch:
                reason = _EXCH_ORDER
            elif code & LOCAL_BIT and local_ts[i] < local:
                reason = _LOCAL_ORDER
            elif (price <= 0 and (rule & _PRICED or (rule & _RANGED and lots != 0))) or not -UNITS_MAX <= price <= UNITS_MAX:
                reason = _PRICE
            elif (lots < 0 and rule & _COUNTED) or not -UNITS_MAX <= lots <= UNITS_MAX:
                reason = _QTY
            elif rule & _WITH_ID and (not has_ids or order_id[i] <= 0):
                reason = _ORDER_ID
            if reason != _OK:
                bad = i
                break
            if code & EXCH_BIT:
                exch = exch_ts[i]
            if code & LOCAL_BIT:
                local = local_ts[i]
        if bad >= 0:
            break
    last[0], last[1], last[2] = exch, local, reason
    return bad
