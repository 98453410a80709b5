import contextlib
import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import mc.inputs.nouns  # noqa: F401 - registers every noun
from mc.inputs.schema import NOUNS, quantities
from mc.units import UnitError, factor

DECLARED = sorted({quantity.unit for noun in NOUNS.values() for quantity in quantities(noun).values()})

# Worked by hand: what one of the first is in the second.
CONVERSIONS = [
    ("t", "Mt", 1e-6), ("kt", "Mt", 1e-3), ("million tonnes", "Mt", 1.0), ("1e4 t", "Mt", 0.01), ("kg", "t", 1e-3),
    ("kgCO2", "t", 1e-3), ("tCO2", "t", 1.0), ("MtCO2/year", "Mt/year", 1.0), ("kgCO2/kWh", "tCO2/MWh", 1.0),
    ("gCO2/kWh", "tCO2/MWh", 1e-3), ("tCO2/t", "1", 1.0), ("t/t", "1", 1.0), ("kg/kg", "1", 1.0), ("kg/t", "1", 1e-3),
    ("%", "1", 0.01), ("%/year", "1/year", 0.01), ("tce", "GJ", 29.3076), ("kgce/t", "GJ/t", 0.0293076),
    ("tce/t", "GJ/t", 29.3076), ("Mtce", "PJ", 29.3076), ("kWh/t", "MWh/t", 1e-3), ("MWh", "GJ", 3.6),
    ("TWh", "PJ", 3.6), ("MJ/kg", "GJ/t", 1.0), ("1e8 CNY", "GCNY", 0.1), ("CNY", "kCNY", 1e-3),
    ("trillion CNY", "GCNY", 1e3),
    ("1e4 persons", "million", 0.01), ("persons", "million", 1e-6), ("USD*year/t", "USD/(t/year)", 1.0),
    ("USD/kWh", "USD/MWh", 1e3), ("gCO2/t/km", "kgCO2/t/km", 1e-3), ("m", "km", 1e-3), ("yr", "year", 1.0),
    ("hours", "year", 1 / 8760),
]  # fmt: skip


@pytest.mark.parametrize(("unit", "declared", "expected"), CONVERSIONS)
def test_conversions_worked_by_hand(unit: str, declared: str, expected: float) -> None:
    assert factor(unit, declared) == pytest.approx(expected, rel=1e-14)
    assert factor(unit, declared) * factor(declared, unit) == pytest.approx(1.0, rel=1e-14)


def test_powers_of_ten_are_exact() -> None:
    assert [factor(unit, "Mt") for unit in ("t", "kt", "Gt")] == [1e-6, 1e-3, 1e3]


@pytest.mark.parametrize("declared", DECLARED)
def test_every_declared_unit_is_known(declared: str) -> None:
    assert factor(f"({declared}) * 1", declared) == 1.0


@pytest.mark.parametrize(
    ("unit", "declared"),
    [("t", "GJ"), ("GJ", "MW"), ("CNY", "USD"), ("USD/t/year", "USD/(t/year)"), ("Mt", "Mt/year"), ("kg/t/km", "1")],
)
def test_a_wrong_dimension_is_refused(unit: str, declared: str) -> None:
    with pytest.raises(UnitError, match=r"wrong dimension.*expected"):
        factor(unit, declared)


@pytest.mark.parametrize(
    "unit", ["tonnne", "knot", "t/", "()", "t CO2", "t/0", "CNY/t-km", "0 t", "1e999999 t", "", " "]
)
def test_what_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(UnitError, match="expected Mt"):
        factor(unit, "Mt")


@pytest.mark.parametrize("unit", ["9**9**9", "(9^3)^3", "((t**3))**3", "t^99", "t^-9", "__import__('os')", "x" * 61])
def test_what_could_keep_the_parser_busy_never_reaches_it(unit: str) -> None:
    with pytest.raises(UnitError, match="cannot be read"):
        factor(unit, "Mt")


@given(st.text(alphabet="kMGt CNY/()*^1-e%.", max_size=14))
def test_any_text_is_a_factor_or_a_unit_error(text: str) -> None:
    with contextlib.suppress(UnitError):
        assert 0 < factor(text, "Mt") < math.inf


def test_pint_is_imported_on_first_use_only() -> None:
    program = """
import sys, mc.units
assert "pint" not in sys.modules
mc.units.factor("t", "Mt")
assert "pint" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
