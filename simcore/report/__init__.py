"""Reports of runs: statistics, plots, pages, comparison. Modules are imported where they are needed."""
