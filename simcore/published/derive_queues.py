"""Derive the results on queues: Cont, Stoikov and Talreja, Cont and de Larrard, and the formulas of queue models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simcore.jit import expose
from simcore.kernels import queue
from simcore.published import printed
from simcore.published import race_flow as rf
from simcore.published import races as exact
from simcore.published.race_exchange import SHOWN, Races, run_races
from simcore.published.result import EXCHANGE, FORMULA, Result, Table, binomial_errors, counts
from simcore.published.size import Size
from simcore.records import FloatArray, IntArray

MOST = 30  # orders that a queue holds where it is solved exactly: more are hardly ever there
MOST_BALANCED = 40  # queues of the balanced flow grow longer
UNDECIDED_MAX = 2e-4  # of the races in balanced flow, whose length has no mean
ROUNDED = 0.0006  # printed to three digits, and found by inverting a transform
GUESSES = (("front", 1.0), ("log", 1.0), ("power", 1.0), ("power", 3.0), ("log2", 1.0), ("risk_averse", 1.0))
GUESS_ERROR_MAX = 0.2  # what the two that know they are extremes are off by, and a little more
_BIDS = tuple(f"bid {n}" for n in range(1, SHOWN + 1))
_ASKS = tuple(f"ask {n}" for n in range(1, SHOWN + 1))
SEED = 20100

_behind_probability = expose(queue.behind_probability)
_after_change = expose(queue.after_change)


def stoikov_talreja(folder: Path, size: Size) -> Result:
    """Derive tables 3 and 5, proposition 5, and what the printed table 4 is."""
    flow = exact.STOIKOV_TALREJA
    moves = exact.up_probabilities(flow, SHOWN, MOST)
    fills = exact.fill_probabilities(flow, SHOWN, MOST)[:, 1 : SHOWN + 1]
    spreads = exact.spread_probabilities(flow, SHOWN, MOST)
    plain = run_races(folder, flow, False, False, size.rounds, SEED)
    one = run_races(folder, flow, True, False, size.rounds, SEED + 1)
    both = run_races(folder, flow, True, True, size.rounds, SEED + 2)
    up, made = plain.up, one.bid_filled
    traded = run_races(folder, exact.TRADES_ONLY, True, False, size.rounds, SEED + 4, "risk_averse")
    trades_only = exact.fill_probabilities(exact.TRADES_ONLY, SHOWN, 2 * MOST)[:, 1 : SHOWN + 1]
    spread_made = np.asarray(both.bid_filled * both.ask_filled, np.int64)
    tables = (
        _formula("table 3: P(mid moves up)", "printed", moves, printed.TABLE_3, 2 * ROUNDED),
        _share("table 3: P(mid moves up)", "printed", up, printed.TABLE_3, moves, size.rounds),
        _formula("proposition 5: P(our bid fills before the mid moves)", "another program, 4 digits", fills, printed.PROPOSITION_5, 5.1e-5),
        _share("proposition 5: P(our bid fills before the mid moves)", "linear solve", made, fills, fills, size.rounds),
        _formula("table 4 as 1 − P of proposition 5, bid and ask exchanged", "printed table 4", 1.0 - fills.T, printed.TABLE_4, ROUNDED),
        _formula("table 5: P(both our orders fill before the mid moves)", "printed", spreads, printed.TABLE_5, ROUNDED),
        _share("table 5: P(both our orders fill before the mid moves)", "printed", spread_made, printed.TABLE_5, spreads, size.rounds),
        counts("episodes", "the simulated market's own record", _disagreements(plain, one, both, traded)),
        _undecided(plain, one, both, traded, share=0.0),
        _share("P(our bid fills before the mid moves), level tape without cancellations", "linear solve", traded.bid_filled, trades_only, trades_only, size.rounds),
        _guesses(folder, size.rounds // 10, float(fills.mean())),
    )
    return Result("stoikov-talreja", "Cont, Stoikov and Talreja 2010: which queue empties first, and do we fill before", tables)


def _formula(title: str, source: str, ours: FloatArray, theirs: FloatArray, limit: float) -> Table:
    return Table(title, FORMULA, source, _BIDS, _ASKS, ours, theirs, limit=limit, their_digits=_digits(theirs))


def _share(title: str, source: str, hits: IntArray, theirs: FloatArray, probability: FloatArray, rounds: int) -> Table:
    """Return the share of episodes that hit; its standard error is that of the exact probability."""
    return Table(title, EXCHANGE, source, _BIDS, _ASKS, hits.mean(axis=0), theirs, binomial_errors(probability, rounds), their_digits=_digits(theirs))


def _digits(values: FloatArray) -> int:
    """Return 3 for numbers of three digits, else 4."""
    return 3 if np.array_equal(values, values.round(3)) else 4


def _guesses(folder: Path, rounds: int, truth: float) -> Table:
    """Return what queue models make of the flow on a tape of levels, where cancellations have no place in the queue."""
    ours = [
        run_races(folder, exact.STOIKOV_TALREJA, True, False, rounds, SEED + 5, model, n).bid_filled.mean() for model, n in GUESSES
    ]
    return Table(
        "P(our bid fills before the mid moves), level tape, mean of all pairs", EXCHANGE, "linear solve",
        tuple(f"{model}, n {n:g}" if model == "power" else model for model, n in GUESSES), ("P",),
        np.array([[float(each)] for each in ours]), np.full((len(ours), 1), truth), limit=GUESS_ERROR_MAX, digits=3, their_digits=3,
    )  # fmt: skip


def _disagreements(plain: Races, *ours: Races) -> dict[str, int]:
    """Count what the Node's book and the exchange saw otherwise than the simulated market."""
    moves = (plain.up != (plain.ends & rf.ASK_GONE > 0)) | (plain.down != (plain.ends & rf.BID_GONE > 0))
    found = {"moves of the mid that the book shows otherwise": int(moves.sum())}
    if ours:
        other = [
            (races.bid_filled != (races.ends & rf.BID_FILLED > 0)) | (races.ask_filled != (races.ends & rf.ASK_FILLED > 0))
            for races in ours
        ]
        found["fills that the exchange made otherwise"] = sum(int(each.sum()) for each in other)
    return found


def _undecided(*races: Races, share: float) -> Table:
    """Return how many episodes had no end; `share` of them may have none."""
    count = sum(int((each.ends == 0).sum()) for each in races)
    limit = int(share * sum(each.ends.size for each in races))
    return counts("episodes without an end", f"the {limit} that may be", {f"after {rf.EVENTS_MAX:,} events": count}, limit)


def de_larrard(folder: Path, size: Size) -> Result:
    """Derive the probability that the mid moves up in balanced flow: integral, linear solve, exchange."""
    integral = exact.de_larrard_integral(SHOWN)
    solved = exact.up_probabilities(exact.DE_LARRARD, SHOWN, MOST_BALANCED)
    ran = run_races(folder, exact.DE_LARRARD, False, False, size.rounds, SEED + 3)
    title = "P(mid moves up), balanced flow"
    tables = (
        _formula(title, "another program, 3 digits", integral, printed.DE_LARRARD_UP, 5.1e-4),
        _formula(f"{title}, by a linear solve", "the integral", solved, integral, 1e-4),
        _share(title, "the integral", ran.up, integral, integral, size.rounds),
        counts("episodes", "the simulated market's own record", _disagreements(ran)),
        _undecided(ran, share=UNDECIDED_MAX),
    )
    return Result("de-larrard", "Cont and de Larrard 2013: which queue empties first when flow is balanced", tables)


def queue_models(folder: Path, size: Size) -> Result:  # noqa: ARG001  as the other results
    """Derive the golden vectors of the queue models by our kernels."""
    ours, theirs = [], []
    for (name, n), (behind, ahead) in printed.QUEUE_VECTORS.items():
        model = queue.NAMES.index(name)
        found = np.nan if behind is None else float(_behind_probability(model, n, 60.0, 40.0))
        ours.append([found, float(_after_change(model, n, 60.0, 100, 70, 0.0))])
        theirs.append([np.nan if behind is None else behind, ahead])
    table = Table(
        "60 lots ahead, the level shrinks from 100 to 70", FORMULA, "hftbacktest, 6 digits",
        tuple(f"{name}, n {n:g}" for name, n in printed.QUEUE_VECTORS), ("P(behind)", "ahead after"), np.array(ours), np.array(theirs),
        limit=5.1e-7, digits=6, their_digits=6,
    )  # fmt: skip
    return Result("queue-models", "Queue models of hftbacktest: where a cancelled lot stood", (table,))
