"""How far records of a lognormal law are from the law that is fitted to them: the limit of its test.

It depends on how many messages were held up, and where. So samples of the fitted law are drawn, sent at the same times over a
connection that keeps their order, fitted, and measured. Where none is held up that is Lilliefors' test.
"""

from __future__ import annotations

import math

import numpy as np

from simcore.calibrate.draws import uniforms
from simcore.calibrate.fidelity.latency_law import Law, distance, fit_law, normal_draws
from simcore.records import FloatArray

STREAM = 0x6C617773  # of the draws of samples
LAWS = 199  # samples of a true law: above the tenth largest of their distances are 5 % of 200
DRAWN_MAX = 20_000  # records of a drawn sample: of more the first so many, which have the same limit


def limit_scaled(sent: FloatArray, others: FloatArray, law: Law, seed: int, *, keeps_order: bool) -> float:
    """Return the 5 % limit of `Distance.scaled` for records of a law.

    sent    ms, when each message was sent, in order.  others: ms, the least that it can have taken since a message of another
            leg arrived then; −inf: any.  seed: of the draws; of each record set another one, or all had the same luck.  keeps_order: whether
            a message waits for the one before it.
    """
    start, least = sent[:DRAWN_MAX], (sent + others)[:DRAWN_MAX]
    index = np.arange(len(start), dtype=np.int64)
    found = []
    for repetition in range(LAWS):
        own = start + np.exp(law.mean + law.sigma * normal_draws(uniforms(seed, STREAM + repetition, index)))
        arrival = np.maximum.accumulate(np.maximum(own, least)) if keeps_order else own
        late = (arrival > own).astype(np.int64)
        logs = np.log(arrival - start)
        if len(late) - int(late.sum()) < 2:
            continue
        refitted = fit_law(logs, late)
        if refitted.sigma > 0.0:
            found.append(distance(logs, late, refitted).scaled)
    found.sort()
    return found[-(len(found) // 20 + 1)] if found else math.inf
