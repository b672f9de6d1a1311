"""A run as metrics: Prometheus text, and the alert rules for it (docs/metrics.md)."""
