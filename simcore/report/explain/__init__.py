"""Why a run did what it did: a tick stage by stage, or an order from request to end (docs/explain.md). Loads the engine."""

from simcore.report.explain.lists import list_orders, list_silent
from simcore.report.explain.order import explain_order
from simcore.report.explain.tick import explain_tick

__all__ = ["explain_order", "explain_tick", "list_orders", "list_silent"]
