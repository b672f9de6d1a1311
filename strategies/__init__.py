"""Strategies: one file each; copy one to start your own (docs/strategies.md)."""
