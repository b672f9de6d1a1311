"""What is not a finished, consistent run is refused with its code."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from simcore.errors import MmsimError
from simcore.report.folder import Money, open_run
from simcore.report.statistics import summary
from simcore.units import INVERSE, LINEAR, cash_scale
from tests.report.conftest import Maker
from tests.report.fake import INSTRUMENTS
from tests.sealing import reseal

Damage = Callable[[Path], None]


def edit(name: str, **changes: object) -> Damage:
    def damage(run: Path) -> None:
        value = json.loads((run / name).read_text())
        value.update(changes)
        (run / name).write_text(json.dumps({key: item for key, item in value.items() if item != "REMOVE"}))
        reseal(run)

    return damage


def remove(name: str) -> Damage:
    return lambda run: (run / name).unlink()


def write(name: str, text: str) -> Damage:
    def damage(run: Path) -> None:
        (run / name).write_text(text)
        if name != "run.json":
            reseal(run)

    return damage


def drop_column(run: Path) -> None:
    path = run / "journal" / "fills.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["reason"]), path)
    reseal(run)


def drop_fill(run: Path) -> None:
    path = run / "journal" / "fills.parquet"
    pq.write_table(pq.read_table(path).slice(1), path)
    reseal(run)


def renumber_markouts(run: Path, count: int, first: int) -> None:
    """Give the first so many markouts other fills, from `first` on."""
    path = run / "journal" / "markouts.parquet"
    table = pq.read_table(path)
    at, numbers = table.column_names.index("fill_seq"), table["fill_seq"].to_pylist()
    count = min(count, len(numbers))
    pq.write_table(table.set_column(at, "fill_seq", [[*range(first, first + count), *numbers[count:]]]), path)
    reseal(run)


def stray_markout(run: Path) -> None:
    renumber_markouts(run, 1 << 20, 10_000)


def early_markout(run: Path) -> None:
    """One is of a fill before all others, and would be found where the first one stands."""
    renumber_markouts(run, 1, -1)


@pytest.mark.parametrize(
    ("damage", "code", "says"),
    [
        (remove("run.json"), "JRNL-001", "run.json"),
        (write("run.json", "{"), "JRNL-001", "run.json"),
        (write("run.json", "[]"), "JRNL-001", "expected an object"),
        (edit("run.json", status="running"), "REP-001", "not complete"),
        (edit("run.json", digest="REMOVE"), "REP-001", "digest missing"),
        (edit("run.json", instrument={"venue": "x"}), "REP-001", "symbol"),
        (edit("run.json", cash_unit="many"), "REP-001", "cash unit"),
        (remove("counts.json"), "JRNL-001", "counts.json"),
        (edit("counts.json", volume_lots="REMOVE"), "REP-001", "volume_lots missing"),
        (edit("counts.json", fee_units=1), "REP-001", "fee_units"),
        (edit("counts.json", cash_units=1), "REP-001", "cash_units"),
        (edit("counts.json", position_lots=123), "REP-001", "position_lots"),
        (remove("config.yaml"), "JRNL-001", "config.yaml"),
        (remove("journal/fills.parquet"), "JRNL-001", "fills.parquet"),
        (remove("journal/samples.parquet"), "JRNL-001", "samples.parquet"),
        (remove("journal/reports.parquet"), "JRNL-001", "reports.parquet"),
        (remove("journal/requests.parquet"), "JRNL-001", "requests.parquet"),
        (remove("journal/markouts.parquet"), "JRNL-001", "markouts.parquet"),
        (write("journal/fills.parquet", "PAR1 and then nothing"), "JRNL-001", "fills.parquet"),
        (drop_column, "JRNL-001", "reason"),
        (drop_fill, "REP-001", "counts.json has fills"),
        (stray_markout, "REP-001", "no such fill"),
        (early_markout, "REP-001", "no such fill"),
    ],
)
def test_a_damaged_folder_is_refused(make: Maker, damage: Damage, code: str, says: str) -> None:
    """Each kind of damage gives its code and names the place."""
    run = make()
    damage(run)
    with pytest.raises(MmsimError) as caught:
        summary(run)
    assert caught.value.code == code
    assert says in caught.value.cause


def test_a_missing_folder_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(MmsimError) as caught:
        summary(tmp_path / "nowhere")
    assert caught.value.code == "JRNL-001"


@pytest.mark.parametrize("kind", ["linear", "inverse", "spot", "huge"])
def test_fakes_have_the_scale_of_the_engine(kind: str) -> None:
    """The instruments of the fakes are scaled as `units.cash_scale` scales them."""
    meta = INSTRUMENTS[kind]
    sizes = [Decimal(meta["instrument"][name]) for name in ("tick_size", "lot_size", "contract_size")]
    scale = cash_scale({"linear": LINEAR, "inverse": INVERSE, "spot": LINEAR}[meta["instrument"]["kind"]], *sizes)
    assert (scale.value_scale, scale.unit) == (meta["value_scale"], Decimal(meta["cash_unit"]))


def test_money_follows_the_ledgers_rounding() -> None:
    """Notional and position value are those of docs/semantics.md 4.6, also where they round."""
    inverse = Money(INVERSE, 10_000, Decimal("1e-10"), Decimal("0.1"), Decimal(1), Decimal(100), "BTC", "USD")
    prices, lots = np.array([3, 7, 9]), np.array([1, 2, 4])
    assert inverse.notional(prices, lots).tolist() == [(q * 10_000 + p // 2) // p for p, q in zip([3, 7, 9], [1, 2, 4], strict=True)]
    assert inverse.position_units(5, 14) == (-5 * 2 * 10_000) // 14
    assert inverse.position_units(-5, 14) == (5 * 2 * 10_000) // 14
    linear = Money(LINEAR, 3, Decimal("1e-8"), Decimal("0.1"), Decimal("0.001"), Decimal(1), "BTC", "USDT")
    assert linear.notional(prices, lots).tolist() == [9, 42, 108]
    assert linear.position_units(-1, 5) == -8  # -7.5 rounded down
    assert linear.amount(123_456_789) == 1.23456789
    assert linear.amount(3, halves=True) == 1.5e-8
    assert linear.quantity(1500) == 1.5
    assert (linear.cash, linear.size, inverse.cash, inverse.size) == ("USDT", "BTC", "BTC", "contracts")


def test_unnamed_currencies_have_names(make: Maker) -> None:
    """A tape that does not name its currencies still gives units."""
    run = make(note={"instrument": {**INSTRUMENTS["linear"]["instrument"], "base": "", "quote": ""}})
    assert (open_run(run).money.cash, open_run(run).money.size) == ("quote", "base")
