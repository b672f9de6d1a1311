"""Derive the results on optimal quotes: Avellaneda and Stoikov, and Guéant, Lehalle and Fernandez-Tapia."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from simcore.published import avellaneda as avst
from simcore.published import glft, printed
from simcore.published.avellaneda_exchange import through_the_exchange
from simcore.published.result import EXCHANGE, FORMULA, MODEL, Result, Table
from simcore.published.size import Size
from simcore.records import FloatArray

GAMMAS = (0.01, 0.1, 0.5, 1.0)
MAKERS = tuple(avst.Maker(gamma, symmetric) for gamma in GAMMAS for symmetric in (False, True))
PRINTED_MAKERS = tuple(maker for maker in MAKERS if (maker.gamma, maker.symmetric) in printed.AVELLANEDA_STOIKOV)
MOMENTS = ("profit", "std(profit)", "final q", "std(final q)")
SEED = 20080
MARKET = avst.Market()


def avellaneda_stoikov(folder: Path, size: Size) -> Result:
    """Derive tables 1 to 3 of the paper by recursion, by Monte-Carlo of its model, and through the exchange."""
    exact = {maker: avst.exact(MARKET, maker) for maker in MAKERS}
    sampled = {maker: avst.sample(MARKET, maker, size.model_paths, SEED + i) for i, maker in enumerate(MAKERS)}
    ran = dict(zip(MAKERS, through_the_exchange(folder, MARKET, MAKERS, size.exchange_paths, SEED), strict=True))
    tables = (
        _spreads(),
        _against_print("tables 1 to 3", FORMULA, exact, sampled),
        _against_print("tables 1 to 3", EXCHANGE, ran, sampled),
        _against_exact("all moments", MODEL, sampled, exact),
        _against_exact("all moments", EXCHANGE, ran, exact),
        _closed_forms(exact),
        _poisson(),
    )
    return Result("avellaneda-stoikov", "Avellaneda and Stoikov 2008: optimal quotes over a finite time", tables)


def _row(maker: avst.Maker) -> str:
    return f"γ {maker.gamma:g}, {maker.name}"


def _matrix(moments: dict[avst.Maker, avst.Moments], makers: tuple[avst.Maker, ...], errors: bool = False) -> FloatArray:
    return np.array([moments[maker].errors if errors else moments[maker].values for maker in makers])


def _spreads() -> Table:
    gammas = (0.01, 0.1, 1.0)
    ours = [[avst.average_spread(MARKET, gamma)] for gamma in gammas]
    theirs = [[printed.AVELLANEDA_STOIKOV[gamma, False][0]] for gamma in gammas]
    return Table(
        "average spread", FORMULA, "printed", tuple(f"γ {gamma:g}" for gamma in gammas), ("spread",), np.array(ours),
        np.array(theirs), limit=0.005, their_digits=2,
    )  # fmt: skip


def _against_print(
    title: str, method: str, ours: dict[avst.Maker, avst.Moments], sampled: dict[avst.Maker, avst.Moments]
) -> Table:
    """Compare with the printed numbers, whose standard errors are those of our sample, scaled to 1000 paths."""
    theirs = np.array([printed.AVELLANEDA_STOIKOV[maker.gamma, maker.symmetric][1:] for maker in PRINTED_MAKERS])
    unit = np.array([[m.profit_std / e for m, e in [(sampled[maker], sampled[maker].errors[0])]] for maker in PRINTED_MAKERS])
    printed_errors = _matrix(sampled, PRINTED_MAKERS, errors=True) * unit / math.sqrt(printed.AVELLANEDA_STOIKOV_PATHS)
    errors = np.sqrt(_matrix(ours, PRINTED_MAKERS, errors=True) ** 2 + printed_errors**2)
    rows = tuple(_row(maker) for maker in PRINTED_MAKERS)
    return Table(title, method, "printed", rows, MOMENTS, _matrix(ours, PRINTED_MAKERS), theirs, errors, digits=2, their_digits=2)


def _against_exact(
    title: str, method: str, ours: dict[avst.Maker, avst.Moments], exact: dict[avst.Maker, avst.Moments]
) -> Table:
    rows = tuple(_row(maker) for maker in MAKERS)
    return Table(title, method, "recursion", rows, MOMENTS, _matrix(ours, MAKERS), _matrix(exact, MAKERS), _matrix(ours, MAKERS, errors=True), digits=3, their_digits=3)


def _closed_forms(exact: dict[avst.Maker, avst.Moments]) -> Table:
    makers = tuple(maker for maker in MAKERS if maker.symmetric)
    theirs = np.array([avst.closed_form(MARKET, maker.gamma).values for maker in makers])
    rows = tuple(_row(maker) for maker in makers)
    return Table("symmetric strategy", FORMULA, "closed form", rows, MOMENTS, _matrix(exact, makers), theirs, limit=1e-6)


def _poisson() -> Table:
    """The profit that nobody printed: with fills at 1 - exp(-rate dt). Kept beside another program's."""
    market = avst.Market(poisson=True)
    gammas = tuple(printed.POISSON_PROFIT)
    found = [avst.exact(market, avst.Maker(gamma)) for gamma in gammas]
    return Table(
        "profit if a step filled with 1 − exp(−λ dt)", FORMULA, f"{printed.POISSON_PATHS:,} paths by another program",
        tuple(_row(avst.Maker(gamma)) for gamma in gammas), ("profit",), np.array([[each.profit] for each in found]),
        np.array([[value] for value in printed.POISSON_PROFIT.values()]),
        np.array([[each.profit_std] for each in found]) / math.sqrt(printed.POISSON_PATHS), digits=3, their_digits=2,
    )  # fmt: skip


def gueant(folder: Path, size: Size) -> Result:
    """Derive quotes by closed form and eigenvector, the signs of section 6, and the inventory that quotes lead to."""
    tables = (
        _distances(),
        _closed_form_error("figures 2 to 6", printed.GLFT_PARAMETERS, 0.001),
        _closed_form_error("figure 7", printed.GLFT_PARAMETERS_2, 0.0025),
        _signs(),
        _inventory(folder, size),
    )
    return Result("glft", "Guéant, Lehalle and Fernandez-Tapia 2013: optimal quotes far from the end", tables)


def _distances() -> Table:
    positions = tuple(printed.GLFT_DISTANCES)
    ours = [
        (*glft.closed_form(q, **printed.GLFT_PARAMETERS), *glft.eigenvector_quotes(q, **printed.GLFT_PARAMETERS)) for q in positions
    ]
    columns = ("bid, closed form", "ask, closed form", "bid, eigenvector", "ask, eigenvector")
    return Table(
        "distances from the mid", FORMULA, "another program, 4 digits", tuple(f"q {q}" for q in positions), columns,
        np.array(ours), np.array([printed.GLFT_DISTANCES[q] for q in positions]), limit=5.1e-5,
    )  # fmt: skip


def _closed_form_error(title: str, parameters: dict[str, float], limit: float) -> Table:
    positions = range(-2, 3)
    return Table(
        f"closed form, {title}", FORMULA, "eigenvector", tuple(f"q {q}" for q in positions), ("bid", "ask"),
        np.array([glft.closed_form(q, **parameters) for q in positions]),
        np.array([glft.eigenvector_quotes(q, **parameters) for q in positions]), limit=limit,
    )  # fmt: skip


def _signs() -> Table:
    """The sign of the change of the spread at q = 0 when a parameter rises by a tenth."""
    expected = {"sigma": 1.0, "arrival_scale": -1.0, "k": -1.0}
    base = printed.GLFT_PARAMETERS
    ours = []
    for name in expected:
        moved = base | {name: 1.1 * base[name]}
        changes = (
            sum(glft.closed_form(0, **moved)) - sum(glft.closed_form(0, **base)),
            sum(glft.eigenvector_quotes(0, **moved)) - sum(glft.eigenvector_quotes(0, **base)),
        )
        ours.append([math.copysign(1.0, change) for change in changes])
    return Table(
        "sign of the change of the spread", FORMULA, "section 6", ("σ rises", "A rises", "k rises"), ("closed form", "eigenvector"),
        np.array(ours), np.array([[sign, sign] for sign in expected.values()]), limit=0.0, digits=0, their_digits=0,
    )  # fmt: skip


def _inventory(folder: Path, size: Size) -> Table:
    held, weight = glft.stationary(printed.GLFT_PARAMETERS)
    positions = glft.positions_through_the_exchange(folder, printed.GLFT_PARAMETERS, size.stationary_paths, SEED)
    sampled = [glft.batch_means(positions.astype(np.float64)), glft.batch_means((positions * positions).astype(np.float64))]
    return Table(
        "inventory in the long run", EXCHANGE, "balance of the chain's flows", ("closed-form quotes",), ("mean of q", "mean of q²"),
        np.array([[mean for mean, _ in sampled]]), np.array([[float(weight @ held), float(weight @ (held * held))]]),
        np.array([[error for _, error in sampled]]), digits=3, their_digits=3,
    )  # fmt: skip
