"""The total order of events, semantics section 1: one priority queue over (time, class, sequence)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from simcore import records as r
from tests.oracle.messages import Fill, Markout, Report, Request, Sample
from tests.oracle.node import Node, Step, Strategy
from tests.oracle.params import OracleParams
from tests.oracle.rows import Row
from tests.oracle.venue import Venue
from tests.oracle.wire import Wire

ROW_AT_VENUE, REQUEST_AT_VENUE, MARKOUT_DUE, ACCOUNT_DUE, ROW_AT_NODE, REPORT_AT_NODE, TIMER = range(7)
FUNDING, MARGIN = range(2)  # what falls due at the same time comes in this order


@dataclass
class Run:
    """What happened: the events in total order, and the state at the end."""

    events: list[tuple[Any, ...]]
    venue: Venue
    node: Node

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if type(event) is kind]


class Engine:
    """One run over rows, with a strategy or with a script."""

    def __init__(self, rows: Sequence[Row], p: OracleParams, strategy: Strategy | None, script: Sequence[Step]) -> None:
        self.p = p
        self.heap: list[tuple[int, int, int, Any]] = []
        self.sequence = count(len(script))  # the steps of the script were there first
        self.events: list[tuple[Any, ...]] = []
        self.wire = Wire(p.latency)
        self.venue = Venue(p, self.wire, self._report_made, self._filled)
        self.node = Node(p, self._request_sent, strategy)
        at_venue = [row for row in rows if row.at_venue]
        at_node = [row for row in rows if row.at_node]
        last = max([row.exch_ts for row in at_venue[-1:]] + [row.local_ts for row in at_node[-1:]], default=0)
        self.end_ts = last if p.end_ts is None else min(last, p.end_ts)
        self.feeds = {ROW_AT_VENUE: iter(enumerate(at_venue)), ROW_AT_NODE: iter(enumerate(at_node))}
        for side_class in self.feeds:
            self._next_row(side_class)
        for number, step in enumerate(script):
            # As early as its request can arrive: a script is on the wire before the run.
            heapq.heappush(self.heap, (step.ts, REQUEST_AT_VENUE, number, step))
        self.start_ts = at_node[0].local_ts if at_node else self.end_ts
        if p.start_ts is not None:
            self.start_ts = max(self.start_ts, p.start_ts)
        self.node.start_ts = self.wire.traffic.start_ts = self.start_ts
        self._next_due(FUNDING, self.start_ts)
        self._next_due(MARGIN, self.start_ts)
        if p.tick_interval_ns > 0:
            self._push(self.start_ts + p.tick_interval_ns, TIMER, None)

    def __iter__(self) -> Iterator[int]:
        """Process the events one by one; yields how many output events there are so far."""
        while self.heap and self.heap[0][0] <= self.end_ts:
            now, event_class, _, what = heapq.heappop(self.heap)
            if event_class == ROW_AT_VENUE:
                self._next_row(ROW_AT_VENUE)
                self.wire.traffic.feed_at_venue = what.local_ts - what.exch_ts
                self.venue.on_row(now, what)
            elif isinstance(what, Step):
                self.node.send_scripted(what)
            elif event_class == REQUEST_AT_VENUE:
                self.venue.on_request(now, what)
            elif event_class == MARKOUT_DUE:
                seq, horizon = what
                self.events.append(Markout(now, self.p.lane, seq, horizon, *self.venue.book.top()))
            elif event_class == ACCOUNT_DUE:
                self._next_due(what, now)
                if what == FUNDING:
                    self.venue.on_funding_time(now)
                else:
                    self.venue.on_margin_check(now)
            elif event_class == ROW_AT_NODE:
                self._next_row(ROW_AT_NODE)
                self.wire.traffic.feed_at_node = what.local_ts - what.exch_ts
                self.node.on_row(what)
            elif event_class == REPORT_AT_NODE:
                self.events.append(what)
                self.node.on_report(what)
            else:
                self._push(now + self.p.tick_interval_ns, TIMER, None)
                self._sampled(self.node.on_tick(now))
            yield len(self.events)
        self._sampled(self.node.on_end(self.end_ts))
        yield len(self.events)

    def _push(self, time: int, event_class: int, what: object) -> None:
        heapq.heappush(self.heap, (time, event_class, next(self.sequence), what))

    def _push_markout(self, time: int, seq: int, horizon: int) -> None:
        """Markouts of one time come by horizon, then by fill."""
        heapq.heappush(self.heap, (time, MARKOUT_DUE, horizon << 32 | seq, (seq, horizon)))

    def _next_due(self, what: int, after: int) -> None:
        """Let funding or the margin check happen at the first multiple of its interval after a time, if it is on."""
        interval = self.p.funding_interval_ns if what == FUNDING else self.p.margin_interval_ns
        if interval > 0 and (what == FUNDING or (self.p.balance_units > 0 and self.p.maintenance_rate > 0)):
            heapq.heappush(self.heap, (after // interval * interval + interval, ACCOUNT_DUE, what, what))

    def _next_row(self, event_class: int) -> None:
        number, row = next(self.feeds[event_class], (-1, None))
        if row is not None:
            time = row.exch_ts if event_class == ROW_AT_VENUE else row.local_ts
            heapq.heappush(self.heap, (time, event_class, number, row))

    def _sampled(self, sample: Sample | None) -> None:
        if sample is not None:
            self.events.append(sample)

    def _request_sent(self, request: Request) -> None:
        self.events.append(request)
        self._push(self.wire.request_arrives(request.kind, request.ts, self.node.batched), REQUEST_AT_VENUE, request)

    def _report_made(self, report: Report) -> None:
        self._push(report.ts, REPORT_AT_NODE, report)

    def _filled(self, fill: Fill) -> None:
        self.events.append(fill)
        for horizon, after in enumerate(r.MARKOUT_NS):
            self._push_markout(fill.exch_ts + after, fill.seq, horizon)


def run(rows: Sequence[Row], p: OracleParams, strategy: Strategy | None = None, script: Sequence[Step] = ()) -> Run:
    """Run a tape to its end. Steps of the script must be sorted by time."""
    engine = Engine(rows, p, strategy, script)
    for _ in engine:
        pass
    return Run(engine.events, engine.venue, engine.node)
