"""What the papers print, and what was computed from their formulas elsewhere: numbers only, each with its place."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.records import FloatArray

# M. Avellaneda, S. Stoikov, "High-frequency trading in a limit order book", Quantitative Finance 8(3), 2008, pp. 222-223,
# tables 1 to 3: 1000 paths. (gamma, symmetric): average spread, profit, its standard deviation, final q, its standard deviation.
AVELLANEDA_STOIKOV = {
    (0.01, False): (1.35, 68.6, 8.7, 0.12, 5.1),
    (0.01, True): (1.35, 68.8, 12.8, 0.09, 8.7),
    (0.1, False): (1.49, 65.0, 6.6, 0.08, 2.9),
    (0.1, True): (1.49, 68.4, 12.7, 0.26, 8.4),
    (1.0, False): (3.02, 31.4, 5.0, 0.02, 1.7),
    (1.0, True): (3.02, 44.0, 11.0, 0.00, 5.1),
}
AVELLANEDA_STOIKOV_PATHS = 1000
# Profit of the inventory strategy when a step fills with probability 1 - exp(-rate dt): 400,000 paths by another program.
POISSON_PROFIT = {0.01: 60.35, 0.1: 57.17, 1.0: 28.23}
POISSON_PATHS = 400_000

# O. Guéant, C.-A. Lehalle, J. Fernandez-Tapia, "Dealing with the inventory risk" (2013): parameters of the figures.
# Distances computed from the paper's formulas by another program: (position): bid and ask by the closed form, by the eigenvector.
GLFT_PARAMETERS = {"gamma": 0.01, "sigma": 0.3, "arrival_scale": 0.9, "k": 0.3}
GLFT_PARAMETERS_2 = {"gamma": 0.01, "sigma": 0.6, "arrival_scale": 0.9, "k": 0.9}  # figure 7
GLFT_DISTANCES = {
    -2: (3.1772, 3.4486, 3.1768, 3.4493),
    -1: (3.2450, 3.3808, 3.2449, 3.3812),
    0: (3.3129, 3.3129, 3.3130, 3.3130),
    1: (3.3808, 3.2450, 3.3812, 3.2449),
    2: (3.4486, 3.1772, 3.4493, 3.1768),
}
GLFT_COST, GLFT_SPREAD = 0.0679, 6.6258


def _table(text: str) -> FloatArray:
    """Return rows of numbers, written a line a row."""
    return np.array([[float(word) for word in line.split()] for line in text.strip().splitlines()])


# R. Cont, S. Stoikov, R. Talreja, "A stochastic model for order book dynamics", Operations Research 58(3), 2010,
# spread of one tick; rows: 1 to 5 orders at the bid, columns: at the ask.
# Table 3: P(mid moves up), Laplace transform.
TABLE_3 = _table("""
.500 .336 .259 .216 .188
.664 .500 .407 .348 .307
.741 .593 .500 .437 .391
.784 .652 .563 .500 .452
.812 .693 .609 .548 .500
""")
# Table 4: "P(bid order executed before the mid moves)", as printed.
TABLE_4 = _table("""
.497 .641 .709 .749 .776
.302 .449 .535 .591 .631
.206 .336 .422 .483 .528
.152 .263 .344 .404 .452
.118 .213 .287 .346 .393
""")
# Table 5: P(both our orders executed before the mid moves), "making the spread".
TABLE_5 = _table("""
.266 .308 .309 .300 .288
.308 .386 .406 .406 .400
.309 .406 .441 .452 .452
.300 .406 .452 .471 .479
.288 .400 .452 .479 .491
""")
# Proposition 5 of the same paper, solved exactly by another program.
PROPOSITION_5 = _table("""
.5025 .6980 .7939 .8483 .8824
.3589 .5508 .6643 .7372 .7869
.2915 .4654 .5784 .6564 .7128
.2514 .4093 .5174 .5956 .6543
.2243 .3691 .4716 .5480 .6071
""")

# R. Cont, A. de Larrard, "Price dynamics in a Markovian limit order market", SIAM J. Financial Mathematics 4(1), 2013,
# proposition 3, by another program (quadrature and a linear solve of 260 x 260 states); rows: bid, columns: ask.
DE_LARRARD_UP = _table("""
.500 .302 .209 .158 .127
.698 .500 .377 .297 .244
.791 .623 .500 .411 .345
.842 .703 .589 .500 .430
.873 .756 .655 .570 .500
""")

# Queue models of hftbacktest (queue.rs): 60 lots ahead of us, the level goes from 100 to 70 lots, nothing traded.
# (model, exponent): probability that a cancelled lot was behind us, lots ahead afterwards.
QUEUE_VECTORS: dict[tuple[str, float], tuple[Any, float]] = {
    ("power", 1.0): (0.4, 42.0),
    ("power", 2.0): (0.307692, 39.230769),
    ("power", 3.0): (0.228571, 36.857143),
    ("log", 1.0): (0.474612, 44.238345),
    ("log2", 1.0): (0.804653, 54.139600),
    ("power2", 2.0): (0.16, 34.8),
    ("power2", 3.0): (0.064, 31.92),
    ("power3", 2.0): (0.64, 49.2),
    ("power3", 3.0): (0.784, 53.52),
    ("risk_averse", 1.0): (None, 60.0),
}
