"""With the JIT off the kernels are plain Python, and give the same bytes."""

import hashlib

from simcore.jit import JIT
from tests.property.runs import make_case, make_sets, outputs, simulated
from tests.property.strategies import L2_MODELS, SeedPick
from tests.property.test_law_replay import hash_in_process

# Small cases: each queue model three times, the last on tapes of orders; latency models as the seeds have them.
SMALL = [(3 * i + k, 100, k == 2, (1, 1_000_000)[k % 2], model) for i, model in enumerate((*L2_MODELS, "fifo")) for k in range(3)]
SMALL = [each for each in SMALL if each[2] or each[4] != "fifo"]
PROGRAM = """
from tests.property.test_jit import hashes
print(hashes())
"""


def small_runs():
    for *numbers, model in SMALL:
        yield simulated(make_case(*numbers), f"venue.queue_model={model}")


def hashes() -> str:
    """Return a hash of all journal rows of each small case, as one text."""
    return "\n".join(hashlib.sha256(b"".join(outputs(run).values())).hexdigest() for run in small_runs())


def test_the_small_cases_trade_under_all_latencies():
    texts = {text for numbers in SMALL for text in make_case(*numbers[:4]).sets}
    for leg in ("place", "cancel", "response"):
        assert {f"latency.{leg}.model={model}" for model in ("constant", "lognormal", "feed")} <= texts
    assert sum(len(run.journal.rows("fills")) > 0 for run in small_runs()) > len(SMALL) // 2


def test_runs_without_the_jit_give_the_same_journal():
    assert JIT, "run this test with the JIT on: it turns it off in a process of its own"
    assert hash_in_process(PROGRAM, NUMBA_DISABLE_JIT="1") == hashes()


def test_settings_are_the_same_in_every_process():
    """The cases themselves come from a counter, not from a global generator."""
    assert make_sets(SeedPick(5), False, 1) == make_sets(SeedPick(5), False, 1)
