"""Mutants of tapes: reading, writing, checking, validating, and what all conversions have in common."""

from tests.mutants.harness import Mutant

READ, ORDER, CHECK, VALID, ASSEMBLE = (
    (f"tape/{name}.py",) for name in ("test_read_write", "test_order", "test_check", "test_validate", "convert/test_assemble")
)

MUTANTS = (
    Mutant("tape/decode.py", "if 0 < now < before:", "if 0 < now < before and bit == EXCH_BIT:", "the order of the local clock is not checked from one row group to the next", (*ORDER, *READ)),
    Mutant("tape/decode.py", "last = (0, 0) if group == 0 else self._last", "last = (0, 0)", "the order is not checked from one row group to the next", (*ORDER, *READ)),
    Mutant("tape/decode.py", "self._last = (block.last[0] or last[0], block.last[1] or last[1])", "self._last = block.last", "a row group that one clock does not see forgets how far it was", (*ORDER, *READ)),
    Mutant("tape/decode.py", "row = sum(file.group_rows[:group]) + skip + _first_row(block.chunk, bit)", "row = sum(file.group_rows[:group]) + skip", "the row that goes back is named wrongly", (*ORDER, *READ)),
    Mutant("tape/decode.py", "if found > (expected or 1):", "if found > (expected or found):", "rows on a clock that the metadata says no row has", (*ORDER, *READ)),
    Mutant("tape/decode.py", "if table.num_rows != file.group_rows[group]:", "if table.num_rows > file.group_rows[group]:", "a row group that lost rows since it was opened", (*ORDER, *READ)),
    Mutant("tape/decode.py", 'for name in [n for n in ("exch_ts", "local_ts") if n in arrays]:', 'for name in [n for n in ("exch_ts",) if n in arrays]:', "the second pass of a tape shifts the exchange clock only", (*ORDER, *READ)),
    Mutant("tape/read.py", "(before.meta.last_local_ts, after.meta.first_local_ts),", "", "files that overlap on the local clock", (*ORDER, *READ)),
    Mutant("tape/read.py", "(before.meta.last_exch_ts, after.meta.first_exch_ts),", "", "files that overlap on the exchange clock", (*ORDER, *READ)),
    Mutant("tape/read.py", "first < last:", "first <= last:", "a file that begins at the time at which the one before ends is refused", (*ORDER, *READ)),
    Mutant("tape/read.py", "after.meta.level != before.meta.level:", "False:", "an L3 day after an L2 day", (*ORDER, *READ)),
    Mutant("tape/read.py", "return (-(-(last - first) // NS_PER_S) + 1) * NS_PER_S", "return (-(-(last - first) // NS_PER_S)) * NS_PER_S", "passes of a repeated tape follow without a second between them", (*ORDER, *READ)),
    Mutant("tape/read.py", "return min(firsts), max(lasts)", "return min(firsts), min(lasts)", "a tape ends at the earlier of its two last times", (*ORDER, *READ)),
    Mutant("tape/read.py", "if not len(seen) or int(times[seen[-1]]) <= until_ts:", "if len(seen) and int(times[seen[-1]]) <= until_ts:", "a chunk that one clock does not see ends a stream", (*ORDER, *READ)),
    Mutant("tape/read.py", "if digest.hexdigest() != file.meta.content_hash:", "if digest.hexdigest()[:1] != file.meta.content_hash[:1]:", "verify compares a sixteenth of the hash", (*ORDER, *READ)),
    Mutant("tape/read.py", "if sum(groups) != meta.rows:", "if sum(groups) > meta.rows:", "a file with fewer rows than its metadata says", (*ORDER, *READ)),
    Mutant("tape/write.py", "if len(set(lengths)) != 1:", "if lengths[0] > min(lengths):", "columns that are longer than the first", (*ORDER, *READ)),
    Mutant("tape/write.py", "self._check.check(chunk, self._figures.rows)", "self._check.check(chunk, 0)", "a bad row is named by its place in the append, not in the tape", (*ORDER, *READ)),
    Mutant("tape/write.py", "& (chunk.qty_lots != 0)", "", "levels that are removed widen the range of prices", (*ORDER, *READ)),
    Mutant("tape/write.py", "_LEVEL_KINDS = np.isin(np.arange(16), (DEPTH, SNAPSHOT, BEST,", "_LEVEL_KINDS = np.isin(np.arange(16), (DEPTH, SNAPSHOT,", "best prices are left out of the range of prices", (*ORDER, *READ)),
    Mutant("tape/write.py", "first, _ = self.times.get(name, (int(times[seen[0]]), 0))", "first, _ = int(times[seen[0]]), 0", "the first time of a tape is that of its last append", (*ORDER, *READ)),
    Mutant("tape/check.py", "odd |= (code & _ODD_MASK) | ((~(code | (code << np.uint8(1)))) & _UNSEEN)", "odd |= code & _ODD_MASK", "plain rows that nobody sees pass", CHECK),
    Mutant("tape/check.py", "back |= (exch_next - exch_now) | (local_next - local_now)", "back |= exch_next - exch_now", "local times that go back in a block of plain rows", CHECK),
    Mutant("tape/check.py", "max(exch_now, local_now) < TIME_END:", "exch_now < TIME_END:", "local times after 2200 in a block of plain rows", CHECK),
    Mutant("tape/check.py", "if kind not in (GAP, CLEAR, OWN_CANCEL):", "if kind not in (GAP, CLEAR, OWN_CANCEL, L3_EXEC):", "an L3 execution at price 0 passes", CHECK),
    Mutant("tape/check.py", "if kind != FUNDING:", "if kind not in (FUNDING, GAP):", "a gap of fewer than no updates passes", CHECK),
    Mutant("tape/check.py", "rule & _WITH_ID and (not has_ids or order_id[i] <= 0)", "rule & _WITH_ID and has_ids and order_id[i] <= 0", "orders on a tape without ids pass", CHECK),
    Mutant("tape/check.py", "(rule & _PRICED or (rule & _RANGED and lots != 0))", "rule & _PRICED", "a clear down to price 0 passes", CHECK),
    Mutant("tape/validate.py", "same[0] &= before is not None and bool(column[0] == before[-1])", "same[0] = False", "a row that repeats the last one of the chunk before", VALID),
    Mutant("tape/validate.py", "before = np.concatenate(([last_times[bit]], ordered[:-1]))", "before = np.concatenate(([-1], ordered[:-1]))", "a time that goes back from one chunk to the next", VALID),
    Mutant("tape/validate.py", "has_price = ~np.isin(kind, (GAP, OWN_CANCEL)) & ~((kind == CLEAR) & (qty == 0))", "has_price = ~np.isin(kind, (GAP, OWN_CANCEL, CLEAR))", "a clear down to price 0 is no finding", VALID),
    Mutant("tape/validate.py", 'found["order_id"] = needs_id & (chunk.order_id <= 0) if level in LEVELS_WITH_IDS else needs_id', 'found["order_id"] = needs_id & (chunk.order_id <= 0) if level in LEVELS_WITH_IDS else needs_id & False', "orders on a tape without ids are no finding", VALID),
    Mutant("tape/validate.py", "lo, hi = (min(lows), max(highs)) if lows and highs else (0, 0)", "lo, hi = (lows[0], highs[0]) if lows and highs else (0, 0)", "the book of several files covers the prices of the first", VALID),
    Mutant("tape/validate.py", 'tally.add(f"crossed_{view}", book.end())', "book.end()", "a book that is crossed at the very end is no finding", VALID),
    Mutant("tape/validate_book.py", "cut_better(side, column, lots, used, meta)", "pass", "a new best price leaves better levels in the book", VALID),
    Mutant("tape/validate_book.py", "amount = max(before - amount, 0)", "amount = before", "an L3 reduction takes nothing from its level", VALID),
    Mutant("tape/validate_book.py", "(side == 1 and (column >= width or column > bound))", "(side == 1 and (column >= width or column >= bound))", "a clear of asks leaves the level at its bound", VALID),
    Mutant("tape/validate_book.py", "column = ((column >> SHIFT) + 1) << SHIFT", "column = ((column >> SHIFT) + 2) << SHIFT", "the search for the next ask skips a block of prices", VALID),
    Mutant("tape/convert/assemble.py", "for n in (1, 2, 5, 25)]", "for n in (1, 2, 5)]", "a step of a quarter is not inferred", ASSEMBLE),
    Mutant("tape/convert/assemble.py", "return (np.where(changed, risen, times), int(changed.sum()))", "return (np.where(changed, risen, times), 1)", "clamped times are counted as one", ASSEMBLE),
    Mutant("tape/convert/assemble.py", "np.where(kind == FUNDING, rows.qty * RATE_SCALE, rows.qty)", "rows.qty", "a funding rate is not turned into units of 1e-8", ASSEMBLE),
    Mutant("tape/convert/assemble.py", '(options.clock == "auto" and lowest < 0)', '(options.clock == "auto" and lowest <= 0)', "a clock that is right is shifted", ASSEMBLE),
)  # fmt: skip
