"""Grid files: keys, lists, ranges, and what is refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as hs

from simcore.calibrate.grid import make_grid, read_grid
from simcore.errors import CalibrateError

PARAMS = ("spread.base_bps", "spread.vol_weight", "emit.levels")


def grid_of(text, tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(text)
    return read_grid(path, PARAMS)


def test_lists_and_ranges(tmp_path):
    """Short and full names, nested or dotted; ranges hold both ends, and whole numbers stay whole."""
    grid = grid_of(
        """
spread:
  base_bps: {from: 0.5, to: 2.0, steps: 16}
strategy.params.spread.vol_weight: [0.3, 0.6, 0.9]
venue.queue_n: {from: 1, to: 4, step: 1}
latency.place.ms: {from: 1, to: 100, steps: 5, log: true}
venue.queue_model: [power, front]
node.use_amend: [true, false]
fees.maker_bps: [null, 0.1]
""",
        tmp_path,
    )
    values = {axis.name: axis.values for axis in grid.axes}
    assert values["spread.base_bps"] == tuple(round(0.5 + 0.1 * k, 1) for k in range(16))
    assert values["strategy.params.spread.vol_weight"] == (0.3, 0.6, 0.9)
    assert [repr(value) for value in values["venue.queue_n"]] == ["1", "2", "3", "4"]
    assert values["latency.place.ms"] == pytest.approx([10 ** (k / 2) for k in range(5)], rel=1e-11)
    assert values["venue.queue_model"] == ("power", "front")
    assert values["node.use_amend"] == (True, False)
    assert values["fees.maker_bps"] == (None, 0.1)
    assert grid.axes[0].key == "strategy.params.spread.base_bps"
    assert grid.axes[1].key == "strategy.params.spread.vol_weight"
    assert grid.size == 16 * 3 * 4 * 5 * 2 * 2 * 2


def test_points_are_the_product_with_the_last_axis_fastest():
    grid = make_grid({"spread.base_bps": [1, 2], "spread.vol_weight": [0.1, 0.2, 0.3]}, PARAMS)
    assert list(grid.points()) == [(1, 0.1), (1, 0.2), (1, 0.3), (2, 0.1), (2, 0.2), (2, 0.3)]


def test_a_range_without_steps_has_no_size():
    grid = make_grid({"spread.base_bps": {"from": 1, "to": 10, "log": True}}, PARAMS)
    assert grid.size is None
    assert grid.axes[0].at(0.5) == pytest.approx(math.sqrt(10), rel=1e-11)


def test_paths_are_relative_to_the_file(tmp_path):
    """As those of a configuration file are."""
    grid = grid_of("venue.queue_model: [power, mine.py]", tmp_path)
    assert grid.axes[0].values == ("power", str(tmp_path / "mine.py"))


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "CAL-010", "empty"),
        ("[1, 2]", "CAL-010", "mapping"),
        ("a: [1", "CAL-010", "line"),
        ("spread.base_bps: []", "CAL-010", "list is empty"),
        ("spread.base_bps: {}", "CAL-010", "found nothing"),
        ("spread.base_bps: [1, 1.0]", "CAL-010", "stands twice"),
        ("spread.base_bps: [1, .nan]", "CAL-010", "not finite"),
        ("spread.base_bps: [.inf]", "CAL-010", "not finite"),
        ("spread.base_bps: [[1, 2]]", "CAL-010", "expected a number"),
        ("spread.base_bps: 1\nstrategy.params.spread.base_bps: 2", "CAL-010", "same key"),
        ("spread.base_bps: {from: 1}", "CAL-010", "expected a list"),
        ("spread.base_bps: {from: 1, to: 2, stepz: 3}", "CAL-010", "expected a list"),
        ("spread.base_bps: {from: 2, to: 1, steps: 3}", "CAL-010", "from below to"),
        ("spread.base_bps: {from: 1, to: 1, steps: 3}", "CAL-010", "from below to"),
        ("spread.base_bps: {from: 0, to: 1, steps: 1}", "CAL-010", "integer from 2"),
        ("spread.base_bps: {from: 0, to: 1, steps: 2.5}", "CAL-010", "integer from 2"),
        ("spread.base_bps: {from: 0, to: 1, step: 0}", "CAL-010", "above 0"),
        ("spread.base_bps: {from: 0, to: 1, step: 1e-9}", "CAL-010", "at most"),
        ("spread.base_bps: {from: 0, to: 1, steps: 3, step: 1}", "CAL-010", "one of them"),
        ("spread.base_bps: {from: 0, to: 1, steps: 3, log: true}", "CAL-010", "above 0"),
        ("spread.base_bps: {from: 0, to: 1, log: 1}", "CAL-010", "true or false"),
        ("spread.base_bps: {from: .nan, to: 1, steps: 3}", "CAL-010", "finite"),
        ("spread.base_bps: {from: a, to: 1, steps: 3}", "CAL-010", "finite"),
        ("spread.bas_bps: [1]", "CAL-011", "did you mean spread.base_bps?"),
        ("base_bps: [1]", "CAL-011", "spread.base_bps"),
        ("strategy.params.emit.level: [1]", "CAL-011", "emit.levels"),
        ("venue.quene_n: [1]", "CAL-011", "venue.queue_n"),
        ("run.repeat: [1, 2]", "CAL-012", "what is measured"),
        ("run.to: [1, 2]", "CAL-012", "what is measured"),
        ("portfolio.max_gross: [1]", "CAL-012", "one symbol"),
        ("venue.name: [okx_swap]", "CAL-012", "profile"),
        ("fees.tiers: [1]", "CAL-012", "list"),
        ("targets.net_bps: [1]", "CAL-012", "nothing"),
    ],
)  # fmt: skip
def test_what_is_refused(text, code, words, tmp_path):
    """Code, and a cause that names file and key."""
    with pytest.raises(CalibrateError) as caught:
        grid_of(text, tmp_path)
    assert caught.value.code == code
    assert words in caught.value.cause
    assert "grid.yaml" in caught.value.cause


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(CalibrateError, match="CAL-010"):
        read_grid(tmp_path / "no.yaml", PARAMS)


@given(low=hs.floats(0.001, 100), span=hs.floats(0.01, 1000), steps=hs.integers(2, 60), log=hs.booleans())
def test_ranges_rise_from_end_to_end(low, span, steps, log):
    """Every range of steps begins at `from`, ends at `to`, and rises."""
    (axis,) = make_grid({"spread.base_bps": {"from": low, "to": low + span, "steps": steps, "log": log}}, PARAMS).axes
    assert (axis.values[0], axis.values[-1], len(axis.values)) == (low, low + span, steps)
    assert all(one < two for one, two in zip(axis.values, axis.values[1:], strict=False))


@given(share=hs.floats(0.0, 1.0, exclude_min=True, exclude_max=True), log=hs.booleans())
def test_draws_stay_inside(share, log):
    """A share of an axis is between its ends, or one of its values."""
    loose = make_grid({"spread.base_bps": {"from": 0.5, "to": 2.0, "log": log}}, PARAMS).axes[0]
    assert 0.5 <= loose.at(share) <= 2.0
    listed = make_grid({"spread.base_bps": [3, 1, 2]}, PARAMS).axes[0]
    assert listed.at(share) == [3, 1, 2][min(int(share * 3), 2)]
