"""The parameters of a run, by their names in docs/semantics.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from simcore import records as r
from tests.oracle import queue
from tests.oracle.wire import Latency, constant

LINEAR, INVERSE, SPOT = "linear", "inverse", "spot"


@dataclass(frozen=True)
class OracleParams:
    """What the Venue, the Wire and the Node of one lane are told. Zero switches a limit off."""

    kind: str = LINEAR
    value_scale: int = 1
    lane: int = 0
    # queue and fills
    l3: bool = False  # the tape is market by order: TRADE rows are for the Node only
    queue_model: str = "risk_averse"
    queue_n: float = 1.0
    fill_whole: bool = False
    cross_fill_whole: bool = False
    pro_rata_min_lots: int = 0
    # checks
    rate_limits: tuple[tuple[int, int, int], ...] = ()  # (requests, window ns, penalty ns)
    price_band: int = 0  # 1e-8 of the mid
    min_lots: int = 0
    max_order_lots: int = 0
    min_notional_units: int = 0
    max_open_orders: int = 0
    balance_units: int = 0
    leverage: int = 1
    self_trade: int = 0  # 0 refuse the new order, 1 cancel the resting ones, 2 ignore, 3 cancel the resting one and the new
    amends: bool = True
    amend_keeps_place: bool = True
    max_trigger_orders: int = 10
    # what is done on time; rates in 1e-8
    maintenance_rate: int = 0
    liquidation_rate: int = 0
    margin_interval_ns: int = 1_000_000_000
    funding_interval_ns: int = 0
    funding_rate: int = 0
    # fees: (turnover threshold in cash units, maker, taker in 1e-8)
    tiers: tuple[tuple[int, int, int], ...] = ((0, 0, 0),)
    initial_turnover_units: int = 0
    fee_per_lot_units: int = 0
    # wire
    latency: Latency = field(default_factory=lambda: constant(0, 0, 0, 0, 1))
    # node
    tick_interval_ns: int = 0
    sample_interval_ns: int = 1
    start_ts: int | None = None
    end_ts: int | None = None
    use_amend: bool = False
    wait_cancel: bool = False
    quote_tif: int = r.POST_ONLY

    @property
    def live_limit(self) -> int:
        """Orders that the Node keeps alive at most; 0: no limit."""
        return min(max(2 * self.max_open_orders, 8), 256) if self.max_open_orders else 0

    def __post_init__(self) -> None:
        if self.queue_model not in queue.MODELS:
            raise ValueError(f"queue_model {self.queue_model!r} is none of {queue.MODELS}")
        if self.queue_model == "fifo" and not self.l3:
            raise ValueError("fifo needs a tape with order ids")
