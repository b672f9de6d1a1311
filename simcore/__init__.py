"""mmsim: deterministic backtest-and-replay engine for market makers."""
