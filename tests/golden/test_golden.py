"""The sample tapes give the digests that were committed: whatever changes them must say so in CHANGELOG.md."""

import pytest

from tests.golden.samples import expected, golden_run, names


@pytest.mark.parametrize("name", names())
def test_a_sample_tape_gives_its_golden_digest(name):
    digest, _ = golden_run(name)
    assert digest == expected()[name], "changed on purpose? python -m tests.golden.regenerate, and CHANGELOG.md"


def test_every_golden_run_is_committed():
    assert sorted(expected()) == sorted(names())


@pytest.mark.parametrize("name", [name for name in names() if not name.endswith("default")])
def test_the_golden_runs_trade(name):
    """A digest of nothing would prove nothing."""
    assert golden_run(name)[1] > 20
