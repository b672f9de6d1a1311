"""Law 5: after every event, position, cash, fees and open orders are what the fills say, exactly."""

from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore import records as r
from simcore.kernels import state as ks
from simcore.kernels.book import NO_ASK, NO_BID
from simcore.runner import empty_buffers, run
from tests.property.runs import cases, make_sets, simulated
from tests.property.strategies import SeedPick
from tests.support import session_of

INVERSE = 1


class Ledger:
    """A lane's money in Python's unbounded integers."""

    def __init__(self, ints):
        self.ints = [int(x) for x in ints]
        self.position = self.cash = self.fees = self.turnover = self.funding = 0

    def value(self, price, lots):
        scale = self.ints[ks.P_SCALE]
        if self.ints[ks.P_KIND] == INVERSE:
            return (2 * lots * scale + price) // (2 * price)  # rounded half up
        return price * lots * scale

    def fee(self, value, lots, liquidity):
        reached = self.ints[ks.P_TURNOVER_0] + self.turnover
        first = ks.P_TIER
        tiers = [self.ints[first + 3 * i : first + 3 * i + 3] for i in range(self.ints[ks.P_TIERS])]
        rate = [tier for tier in tiers if tier[0] <= reached][-1][1 if liquidity == r.MAKER else 2]
        return (value * rate + 5 * 10**7) // 10**8 + self.ints[ks.P_FEE_PER_LOT] * lots

    def book(self, fill):
        """Book a fill; its fee must be the tier's."""
        price, lots = int(fill["price_ticks"]), int(fill["qty_lots"])
        value = self.value(price, lots)
        assert int(fill["fee_units"]) == self.fee(value, lots, int(fill["liquidity"]))
        self.trade(int(fill["side"]), value, lots, int(fill["fee_units"]))

    def trade(self, side, value, lots, fee):
        sign = 1 if side == r.BID else -1
        self.position += sign * lots
        self.cash += (sign if self.ints[ks.P_KIND] == INVERSE else -sign) * value
        self.fees += fee
        self.turnover += value

    def hear(self, report):
        """Book what a report says, as the Node must."""
        if report["kind"] == r.FUNDED:
            self.cash -= int(report["fee_units"])
            self.funding += int(report["fee_units"])
        if report["kind"] == r.TRADED:
            price, lots = int(report["price_ticks"]), int(report["qty_lots"])
            self.trade(int(report["side"]), self.value(price, lots), lots, int(report["fee_units"]))


class Auditor:
    """Checks a session's books against its journal whenever it is called."""

    def __init__(self, session):
        lanes = range(len(session.state.lanes))
        self.venue = [Ledger(session.state.ints[lane]) for lane in lanes]
        self.node = [Ledger(session.state.ints[lane]) for lane in lanes]
        self.fills = self.reports = self.checks = 0

    def __call__(self, session):
        self.checks += 1
        empty_buffers(session)
        fills, reports = session.journal.rows("fills"), session.journal.rows("reports")
        for fill in fills[self.fills :]:
            ledger = self.venue[int(fill["lane"])]
            ledger.book(fill)
            assert int(fill["position_lots"]) == ledger.position
        for report in reports[self.reports :]:
            self.node[int(report["lane"])].hear(report)
        self.fills, self.reports = len(fills), len(reports)
        for lane in range(len(self.venue)):
            self.check_accounts(session.state, lane)
            self.check_node_orders(session.state, lane)
        check_venue_orders(session.state)

    def check_accounts(self, state, lane):
        record, venue, node = state.lanes[lane], self.venue[lane], self.node[lane]
        funding = int(record["funding_units"])
        found = [int(record[name]) for name in ("position_lots", "cash_units", "fee_units", "turnover_units")]
        assert found == [venue.position, venue.cash - funding, venue.fees, venue.turnover]
        names = ("node_position_lots", "node_cash_units", "node_fee_units", "node_funding_units")
        assert [int(record[name]) for name in names] == [node.position, node.cash, node.fees, node.funding]
        self.check_wire(state, lane)

    def check_wire(self, state, lane):
        """Node account + reports in flight == Venue account; messages arrive in order of sending."""
        record, size = state.lanes[lane], state.reports.shape[1]
        places = (int(record["report_head"]) + np.arange(int(record["report_count"]))) % size
        flying = state.reports[lane][places]
        ahead = Ledger(state.ints[lane])
        for report in flying:
            ahead.hear(report)
        node = self.node[lane]
        assert node.position + ahead.position == int(record["position_lots"])
        assert node.cash + ahead.cash == int(record["cash_units"])
        assert node.fees + ahead.fees == int(record["fee_units"])
        assert np.all(np.diff(flying["ts"]) >= 0)
        assert np.all(np.diff(flying["seq"]) == 1)
        size = state.requests.shape[1]
        places = (int(record["request_head"]) + np.arange(int(record["request_count"]))) % size
        assert np.all(np.diff(state.requests["arrive_ns"][lane][places]) >= 0)

    @staticmethod
    def check_node_orders(state, lane):
        """Live slots and free slots are all slots, each once."""
        count = int(state.lanes["live_count"][lane])
        slots = state.node_orders.shape[1]
        live = state.live[lane, :count].tolist()
        assert sorted(live + state.free[lane, : slots - count].tolist()) == list(range(slots))
        assert sorted(np.nonzero(state.node_orders["state"][lane])[0].tolist()) == sorted(live)
        serials = (state.node_orders["order_id"][lane][live] >> ks.SLOT_BITS).tolist()
        assert serials == sorted(serials)


def check_venue_orders(state):
    """Counts and sums of open orders are those of the orders; each level lists its own, in order of arrival."""
    orders = state.venue_orders
    is_open = (orders["state"] == r.NEW) | (orders["state"] == r.PARTIALLY_FILLED)
    waits = is_open & (orders["tif"] >= r.STOP_MARKET)
    assert np.all(orders["state"][waits] == r.NEW)
    is_open &= ~waits
    assert np.all(orders["leaves_lots"][is_open] > 0)
    assert np.all(orders["leaves_lots"][is_open] <= orders["qty_lots"][is_open])
    assert np.all(orders["leaves_lots"][orders["state"] == r.FILLED] == 0)
    assert int(state.clock[ks.OPEN_ORDERS]) == is_open.sum()
    for lane in range(len(state.lanes)):
        own = orders[is_open & (orders["lane"] == lane)]
        record = state.lanes[lane]
        assert int(record["open_orders"]) == len(own)
        assert int(record["waiting_orders"]) == (waits & (orders["lane"] == lane)).sum()
        counted = own["reduce_only"] == 0
        assert int(record["open_buy_lots"]) == own["leaves_lots"][counted & (own["side"] == r.BID)].sum()
        assert int(record["open_sell_lots"]) == own["leaves_lots"][counted & (own["side"] == r.ASK)].sum()
    for side, best, nothing in ((r.BID, max, NO_BID), (r.ASK, min, NO_ASK)):
        prices = orders["price_ticks"][is_open & (orders["side"] == side)].tolist()
        assert int(state.clock[ks.OWN_COUNT + side]) == len(prices)
        assert int(state.clock[ks.OWN_BEST_BID if side == r.BID else ks.OWN_BEST_ASK]) == best(prices, default=nothing)
    assert listed(state) == expected_lists(state, np.nonzero(is_open)[0].tolist())


def listed(state):
    """Return the linked orders by (side, price), walking the lists."""
    found = defaultdict(list)
    for side in (r.BID, r.ASK):
        heads = [int(head) for head in state.heads[side][state.heads[side] != 0]] + [int(state.far_heads[side])]
        for head in heads:
            link = head
            while link:
                order = state.venue_orders[link - 1]
                found[side, int(order["price_ticks"])].append(link - 1)
                link = int(order["next_link"])
    return dict(found)


def expected_lists(state, open_indices):
    found = defaultdict(list)
    for index in sorted(open_indices, key=lambda i: int(state.venue_orders["link_serial"][i])):
        order = state.venue_orders[index]
        found[int(order["side"]), int(order["price_ticks"])].append(index)
    return dict(found)


def audited(case, configs):
    session = session_of(case.tape(1), configs)
    auditor = Auditor(session)
    run(session, auditor)
    auditor(session)
    return session, auditor


@given(cases(max_rows=250))
@settings(max_examples=40)
def test_the_books_of_a_lane_always_balance(case):
    session, auditor = audited(case, [case.config()])
    assert auditor.checks > 5
    assert len(session.journal.rows("fills")) == int(session.state.lanes["fills"][0])


@given(cases(max_rows=200), st.integers(0, 10_000))
@settings(max_examples=10)
def test_the_books_of_several_lanes_always_balance(case, seed):
    more = [case.config(*make_sets(SeedPick(seed + k), case.l3, case.unit_ns)[2:]) for k in range(2)]
    audited(case, [case.config(), *more])


@given(cases())
@settings(max_examples=40)
def test_samples_are_the_reports_so_far(case):
    """Each ledger sample equals the sum over the reports that arrived up to its time, valued at its mid."""
    outcome = simulated(case)
    ledger = Ledger(outcome.state.ints[0])
    reports = list(outcome.journal.rows("reports"))
    for sample in outcome.journal.rows("samples"):
        while reports and reports[0]["ts"] <= sample["ts"]:
            ledger.hear(reports.pop(0))
        total = int(sample["bid_ticks"]) + int(sample["ask_ticks"])
        scale = ledger.ints[ks.P_SCALE]
        inverse = ledger.ints[ks.P_KIND] == INVERSE
        held = -ledger.position * 2 * scale // total if inverse else ledger.position * total * scale // 2
        found = [int(sample[name]) for name in ("position_lots", "cash_units", "fee_units", "equity_units")]
        assert found == [ledger.position, ledger.cash, ledger.fees, ledger.cash - ledger.fees + held]


@given(cases())
@settings(max_examples=40)
def test_orders_are_filled_no_further_than_their_lots(case):
    """Σ fills of an order == quantity − leaves, never above the quantity; each fill is reported once, as it was."""
    outcome = simulated(case)
    filled = defaultdict(int)
    lots = {}
    for report in outcome.journal.rows("reports"):
        if report["kind"] in (r.ACKED, r.AMENDED):
            lots[int(report["order_id"])] = int(report["qty_lots"])
        if report["kind"] == r.TRADED:
            filled[int(report["order_id"])] += int(report["qty_lots"])
            assert 0 < filled[int(report["order_id"])] <= lots[int(report["order_id"])]
            left = lots[int(report["order_id"])] - filled[int(report["order_id"])]
            assert int(report["leaves_lots"]) == left
    traded = outcome.journal.rows("reports")
    traded = traded[traded["kind"] == r.TRADED]
    fills = outcome.journal.rows("fills")
    for name in ("order_id", "side", "price_ticks", "qty_lots", "fee_units", "liquidity", "reason"):
        assert np.array_equal(fills[name][: len(traded)], traded[name])
    assert np.array_equal(fills["ts"][: len(traded)], traded["ts"])
