"""Law 1: the same tape, configuration and seed give the same journal, byte for byte."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.runs import cases, make_case, outputs, simulated

PROCESS_CASES = [(seed, 200, seed % 2 == 1, (1, 1_000_000)[seed // 2 % 2]) for seed in range(8)]
PROCESS = """
import sys
from tests.property.test_law_replay import PROCESS_CASES, all_bytes_hash
print(all_bytes_hash(PROCESS_CASES))
"""


def all_bytes_hash(each):
    """Return one hash over all journal rows of some cases."""
    digest = hashlib.sha256()
    for numbers in each:
        for stream, rows in outputs(simulated(make_case(*numbers))).items():
            digest.update(stream.encode() + rows)
    return digest.hexdigest()


def hash_in_process(program: str = PROCESS, **environment: str) -> str:
    """Run a program in a new Python process; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environment},
        check=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    return done.stdout.strip()


@given(cases())
@settings(max_examples=40)
def test_two_runs_are_equal(case):
    first, second = simulated(case), simulated(case)
    assert outputs(first) == outputs(second)
    assert first.digest == second.digest
    assert first.state.lanes.tobytes() == second.state.lanes.tobytes()


@given(cases(), st.sampled_from((1, 2, 7, 64)))
@settings(max_examples=40)
def test_chunks_of_any_size_give_the_same_journal(case, chunk_rows):
    assert outputs(simulated(case, chunk_rows=chunk_rows)) == outputs(simulated(case))


@given(cases())
@settings(max_examples=40)
def test_the_window_of_the_books_does_not_matter(case):
    assert outputs(simulated(case)) == outputs(simulated(case, "book.window_ticks=2097152"))


@given(cases(), st.integers(10, 1000))
@settings(max_examples=30)
def test_the_seed_matters_only_where_something_is_drawn(case, seed):
    usual, other = simulated(case), simulated(case, f"run.seed={seed}")
    if not usual.state.lanes["draws"][0]:
        assert outputs(other) == outputs(usual)
    again = simulated(case, f"run.seed={seed}")
    assert outputs(again) == outputs(other)


def test_the_seed_changes_what_is_drawn():
    case = make_case(2, 400)
    lognormal = [f"latency.{leg}.model=lognormal" for leg in ("place", "cancel", "response")]
    digests = {simulated(case, *lognormal, f"run.seed={seed}").digest for seed in range(5)}
    assert len(digests) == 5


def test_processes_with_other_hash_seeds_agree():
    expected = all_bytes_hash(PROCESS_CASES)
    assert hash_in_process(PYTHONHASHSEED="1") == expected
    assert hash_in_process(PYTHONHASHSEED="4242") == expected


def test_runs_in_threads_do_not_touch_each_other():
    each = [make_case(seed, 400, seed % 2 == 0) for seed in range(6)]
    alone = [outputs(simulated(case)) for case in each]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda case: outputs(simulated(case, chunk_rows=7)), each))
    assert together == alone
