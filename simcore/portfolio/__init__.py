"""Several symbols in one run: who may trade how much, and how their runs go side by side (docs/portfolio.md).

`scoreboard`, `allocator` and `limits` are pure functions; `group` and `workers` run the symbols; `run` ties them together.
"""
