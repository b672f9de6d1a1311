"""Data sets of intervals from the calibration feeds of runs."""
