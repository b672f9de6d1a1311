"""The comparison itself: matching, and finding the rule behind a difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.peers.flow import RANDOM_MAKER, random_rows
from tests.peers.matching import Comparison, Difference, explain, match
from tests.peers.ours import MODELS, as_peer, rules
from tests.peers.tapes import rows_of, rows_pair
from tests.peers.twin import OUR_RULES, PEER_RULES, Fill, Rules, Twin

A, B, C = Fill(1, 0, 100, 1), Fill(2, 1, 101, 1), Fill(3, 0, 99, 2)


def test_equal_lists_match_whole():
    """Order in the lists does not matter, and nothing is left."""
    assert match([A, B], [B, A]) == Comparison(2, 2, 2, ())


def test_every_field_of_a_fill_counts():
    """A fill that differs in one field only is a difference on both sides."""
    for other in (A._replace(exch_ts=9), A._replace(side=1), A._replace(price_ticks=9), A._replace(qty_lots=9)):
        compared = match([A], [other])
        assert compared.matched == 0
        assert {(d.fill, d.ours) for d in compared.differences} == {(A, True), (other, False)}


def test_equal_fills_are_paired_once_each():
    """Two equal fills against one leave one difference."""
    assert match([A, A], [A]) == Comparison(2, 1, 1, (Difference(A, True),))


def test_a_difference_gets_the_rule_whose_turn_makes_it():
    """The twin gives C only once negative queues stop at 0, and A only before."""

    def twin(rules: Rules) -> list[Fill]:
        return [A, B] if rules.negative_queue else [B, C]

    compared = explain([B, C], [A, B], twin)
    assert {(d.fill, d.rule) for d in compared.differences} == {
        (A, "PEER-08 negative queue"),
        (C, "PEER-08 negative queue"),
    }
    assert compared.unexplained() == ()


def test_a_twin_that_disagrees_explains_nothing():
    """When the twin does not give our fills under our rules, the differences stay unexplained."""
    compared = explain([B, C], [A, B], lambda rules: [A, B])
    assert len(compared.unexplained()) == 2
    assert "UNEXPLAINED: 2" in compared.table()


@pytest.mark.parametrize("model", MODELS)
def test_the_twin_differs_between_the_rules_only_where_a_rule_says_so(model: str, tmp_path: Path):
    """On random rows the twin's two ends are joined by its rules, one by one."""
    pair = rows_pair(random_rows(7, 12_000), tmp_path)
    rows, config = rows_of(pair), as_peer(rules(model, *RANDOM_MAKER), pair.tape)

    def twin(switches: Rules) -> list[Fill]:
        return Twin(config, switches).run(rows, pair.tape.start_ts)

    ours, theirs = twin(OUR_RULES), twin(PEER_RULES)
    assert len(ours) > 20, "the maker trades"
    assert explain(ours, theirs, twin).unexplained() == ()
