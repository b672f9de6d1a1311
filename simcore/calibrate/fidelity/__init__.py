"""Queue and latency models held against, and fitted to, recordings."""
