"""Calibration: what is built on many replays of the same tapes, and on what they left."""
