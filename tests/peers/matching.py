"""Match two lists of fills, and find the named rule behind every difference (docs/peers.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tests.peers.twin import OUR_RULES, PEER_RULES, RULE_NAMES, Fill, Rules


@dataclass(frozen=True)
class Difference:
    """A fill that only one list has, and the rule it comes from ("" while unexplained)."""

    fill: Fill
    ours: bool
    rule: str = ""


@dataclass(frozen=True)
class Comparison:
    """Counts of both lists and of the fills they share, and every other fill."""

    ours: int
    theirs: int
    matched: int
    differences: tuple[Difference, ...]

    def unexplained(self) -> tuple[Difference, ...]:
        return tuple(d for d in self.differences if not d.rule)

    def table(self) -> str:
        """Return one line: the counts, then how many differences each rule explains."""
        rules = Counter(d.rule or "UNEXPLAINED" for d in self.differences)
        causes = ", ".join(f"{name}: {count}" for name, count in sorted(rules.items())) or "none"
        return f"ours {self.ours}, peer {self.theirs}, matched {self.matched}, different: {causes}"


def match(ours: Iterable[Fill], theirs: Iterable[Fill]) -> Comparison:
    """Pair equal fills (time, side, price, quantity), each at most once; the rest are differences in time order."""
    ours, theirs = Counter(ours), Counter(theirs)
    only_ours = [Difference(fill, True) for fill in (ours - theirs).elements()]
    only_theirs = [Difference(fill, False) for fill in (theirs - ours).elements()]
    differences = tuple(sorted([*only_ours, *only_theirs], key=lambda d: (d.fill, d.ours)))
    return Comparison(ours.total(), theirs.total(), (ours & theirs).total(), differences)


def explain(ours: Sequence[Fill], theirs: Sequence[Fill], twin: Callable[[Rules], Sequence[Fill]]) -> Comparison:
    """Match the lists and give every difference the rule that causes it.

    twin(rules) replays the same rows under a set of rules. It has to give `theirs` under the peer's rules and `ours`
    under ours: else nothing is explained. Then the rules are turned from the peer's way to ours one after the
    other; a fill that appears or disappears for good at a step belongs to that step's rule.
    """
    compared = match(ours, theirs)
    if not compared.differences:
        return compared
    at = PEER_RULES
    before = Counter(twin(at))
    if before != Counter(theirs) or Counter(twin(OUR_RULES)) != Counter(ours):
        return compared
    causes: dict[tuple[Fill, bool], str] = {}
    for name in Rules._fields:
        at = at._replace(**{name: getattr(OUR_RULES, name)})
        after = Counter(twin(at))
        causes.update({(fill, True): RULE_NAMES[name] for fill in after - before})
        causes.update({(fill, False): RULE_NAMES[name] for fill in before - after})
        before = after
    explained = tuple(Difference(d.fill, d.ours, causes.get((d.fill, d.ours), "")) for d in compared.differences)
    return Comparison(compared.ours, compared.theirs, compared.matched, explained)
