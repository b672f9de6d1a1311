"""Events of a run as tuples; fields are exactly those of simcore/records.py."""

from __future__ import annotations

from collections import namedtuple

from simcore import records as r

Request = namedtuple("Request", r.REQUEST.names)
Report = namedtuple("Report", r.REPORT.names)
Fill = namedtuple("Fill", r.FILL.names)
Markout = namedtuple("Markout", r.MARKOUT.names)
Sample = namedtuple("Sample", r.SAMPLE.names)
