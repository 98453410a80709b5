"""A world of two provinces and two routes, computed by hand: every number below can be followed on paper.

The tables are in tests/priors: round numbers, no uncertainty. Iron contents are equal and yields one, so that a tonne
of steel takes a tonne of charge. Goods live ten years on an exponential curve: exp(-a / 10) is left after a years.
"""

import functools
from math import exp
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mc.model.chain import steel_study
from mc.model.scenario import Scenario
from mc.tables import read_priors

AUTARKY, POOL = 0, 1
NORTH, SOUTH = 0, 1
SCRAP_EAF, BF_BEST, BF_BOF = 0, 1, 2
COAL, GAS, ELECTRICITY = 0, 1, 4
BASE, NEXT = 0, 1


@functools.cache
def found() -> dict[str, np.ndarray]:
    scenarios = (Scenario("autarky", "autarky"), Scenario("pool", "pro_rata"))
    study = steel_study(read_priors(Path(__file__).parent / "priors"), scenarios, last_year=2022)
    assert study.inputs == ()
    with jax.enable_x64(True):
        data = jax.tree.map(lambda x: jnp.asarray(x, np.float64), study.data)
        run = jax.jit(
            study.function,
            compiler_options={"xla_backend_optimization_level": "0", "xla_llvm_disable_expensive_passes": True},
        )
        return {name: np.asarray(values) for name, values in run(data, {}).items()}


def left(age: float) -> float:
    return exp(-age / 10.0)


# Use of 100 Mt of crude steel in 2020 is 90 Mt finished (yield 0.9); 9 Mt of it leave in goods, so that 81 Mt stay and
# 0.8 of them, 64.8 Mt, enter use. Use of 2018 was half of that. Material saving of 10 % a year does the rest.
INFLOW = {2018: 32.4, 2019: 64.8, 2020: 64.8, 2021: 58.32, 2022: 52.488}
# Finished steel behind it, 58.32 / 0.8 = 72.9 and 52.488 / 0.8 = 65.61, and 9 Mt in goods for others.
MADE = [90.0, 81.9, 74.61]
CRUDE = [100.0, 91.0, 82.9]


def stock(year: int) -> float:
    return sum(mass * left(year - cohort + 0.5) for cohort, mass in INFLOW.items() if cohort <= year)


def retired(year: int) -> float:
    old = sum(mass * (left(year - c - 0.5) - left(year - c + 0.5)) for c, mass in INFLOW.items() if c < year)
    return INFLOW[year] * (1.0 - left(0.5)) + old


# Base year: 10 of 100 Mt are electric, and charge 0.8 t of scrap and 0.2 t of hot metal a tonne: 8 + 2 Mt. Of 86 Mt
# of pig iron 2 go to foundries, so converters get 84 - 2 = 82 Mt and need 90 - 82 = 8 Mt of scrap. Charged: 16 Mt.
CHARGED = 16.0
HOME = [5.0, 4.55, 4.145]  # half of the tenth of crude steel that casting and rolling lose
PROMPT = [9.0, 8.19, 7.461]  # half of the fifth of finished steel that fabrication loses
# 16 Mt charged and 3 Mt to foundries, less 5 home and 9 prompt, leave 5 Mt of obsolete scrap to be found in 2020.
OBSOLETE = [5.0, 0.5 * retired(2021), 0.5 * retired(2022)]
# Bought: what arises but home scrap, 3 Mt less to foundries, and 1 Mt of imports after 2020.
BOUGHT = [11.0, PROMPT[1] + OBSOLETE[1] - 2.0, PROMPT[2] + OBSOLETE[2] - 2.0]

# 2021. Output stays 60 : 40, so 54.6 and 36.4 Mt. Electric furnaces may grow by half, to 9 and 6 Mt, which leaves 45.6
# and 30.4 Mt of converter steel. Scrap fits: 0.05 x 45.6 = 2.28, then 0.8 x 9 = 7.2, then another 2.28 in the north;
# 1.52, 4.8 and 1.52 in the south: 11.76 and 7.84 Mt, of which home scrap takes 2.73 and 1.82.
ROOM = [11.76 - 2.73, 7.84 - 1.82]
SUPPLY = BOUGHT[1] / 2.0  # each province uses half of the steel and so yields half of the scrap


def assert_close(name: str, values: object, expected: object) -> None:
    np.testing.assert_allclose(np.asarray(values), np.asarray(expected), rtol=1e-12, atol=1e-12, err_msg=name)


def test_people_income_and_demand() -> None:
    assert_close("people", found()["population"], [100.0] * 3)
    assert_close("income", found()["income_by_province"], np.full((2, 3), 5000.0 / 50.0))
    assert_close("inflow", found()["steel_inflow"], [64.8, 58.32, 52.488])
    assert_close("made", found()["steel_use"], MADE)
    assert_close("crude", found()["crude_steel"], CRUDE)
    assert_close("output", found()["crude_steel_by_province"], [[60.0, 54.6, 49.74], [40.0, 36.4, 33.16]])
    assert_close("tie", found()["level_tie"], 1.0)


def test_steel_in_use() -> None:
    assert_close("stock", found()["steel_stock"], [stock(year) for year in (2020, 2021, 2022)])
    assert_close("retired", found()["steel_retired"], [retired(year) for year in (2020, 2021, 2022)])
    # On paper: 64.8 x 0.951229 + 64.8 x 0.860708 + 32.4 x 0.778801.
    assert found()["steel_stock"][BASE] == pytest.approx(61.6397 + 55.7739 + 25.2331, abs=2e-4)
    # 64.8 x 0.048771 + 64.8 x 0.090521 + 32.4 x 0.081907.
    assert found()["steel_retired"][BASE] == pytest.approx(3.1603 + 5.8658 + 2.6538, abs=2e-4)


def test_scrap_that_arises() -> None:
    assert_close("home", found()["scrap_home"], HOME)
    assert_close("prompt", found()["scrap_prompt"], PROMPT)
    assert_close("closure", found()["scrap_closure_factor"], 5.0 / (0.5 * retired(2020)))
    assert_close("obsolete", found()["scrap_obsolete"], OBSOLETE)
    assert_close("bought", found()["scrap_purchasable"], BOUGHT)
    assert_close("supply", found()["scrap_supply"], np.add(np.add(HOME, PROMPT), OBSOLETE))


def test_base_year_of_iron_and_scrap() -> None:
    assert_close("charged", found()["scrap_used"][:, BASE], [CHARGED] * 2)
    # North: 54 Mt of converter steel take 4.8 of the 8 Mt, 6 Mt of electric steel take 4.8 Mt.
    assert_close("by province", found()["scrap_used_by_province"][AUTARKY, :, BASE], [9.6, 6.4])
    assert_close("arrivals", found()["scrap_arrivals_by_province"][AUTARKY, :, BASE], [9.6 - 3.0, 6.4 - 2.0])
    assert_close("pig iron", found()["pig_iron"][:, BASE], [86.0] * 2)
    assert_close("electric", found()["eaf_share"][:, BASE], [0.1] * 2)


def test_autarky_keeps_scrap_at_home() -> None:
    # North takes all of its own; south has more than the 6.02 Mt that it can use.
    assert pytest.approx(7.19976, abs=1e-4) == SUPPLY
    assert_close("arrivals", found()["scrap_arrivals_by_province"][AUTARKY, :, NEXT], [SUPPLY, ROOM[SOUTH]])
    assert_close("used", found()["scrap_used_by_province"][AUTARKY, :, NEXT], [2.73 + SUPPLY, 7.84])
    assert_close("traded", found()["scrap_traded"][AUTARKY, NEXT], 0.0)
    assert_close("unused", found()["scrap_unused"][AUTARKY, NEXT], SUPPLY - ROOM[SOUTH])
    assert_close("work", found()["scrap_freight_work"][AUTARKY, NEXT], (SUPPLY + ROOM[SOUTH]) * 100.0 / 1000.0)


def test_pool_gives_all_the_same_share_of_their_room() -> None:
    share = BOUGHT[1] / sum(ROOM)
    assert share == pytest.approx(0.95678, abs=1e-4)
    assert_close("arrivals", found()["scrap_arrivals_by_province"][POOL, :, NEXT], [share * room for room in ROOM])
    # Half of what the north gets comes from the south, and the other way round: 400 km more than 100.
    assert_close("traded", found()["scrap_traded"][POOL, NEXT], 0.5 * BOUGHT[1])
    assert_close("work", found()["scrap_freight_work"][POOL, NEXT], BOUGHT[1] * 0.5 * (100.0 + 500.0) / 1000.0)


# North under autarky in 2021: 9.92976 Mt of scrap are charged, 2.28 + 7.2 + 0.44976. The furnaces make 9 Mt, converters
# 45.6 Mt from 45.6 - 2.28 - 0.44976 = 42.87024 Mt of hot metal; electric furnaces take another 0.2 x 9 = 1.8 Mt.
EXTRA = 2.73 + SUPPLY - 2.28 - 7.2
HOT_METAL = 45.6 - 2.28 - EXTRA + 1.8
SCOPE1 = 2.0 * HOT_METAL + 0.1 * 45.6 + 9.0 * (0.02 + 1.0 * 0.05)
# Power: 0.2 MWh a tonne of converter steel; electric steel 0.5, rolling 0.1, less 0.5 x 0.2 for its hot metal.
POWER = 45.6 * 0.2 + 9.0 * (0.5 + 0.1 - 0.1)
FREIGHT = SUPPLY * 100.0 * 1.2 * 0.1 / 1000.0


def test_steel_by_route() -> None:
    assert_close("north", found()["production_by_route_by_province"][AUTARKY, :, NORTH, NEXT], [9.0, 0.0, 45.6])
    assert_close("south", found()["production_by_route_by_province"][AUTARKY, :, SOUTH, NEXT], [6.0, 0.0, 30.4])
    # South: 7.84 Mt of scrap are 4.8 electric and 3.04 in converters, 27.36 + 1.2 Mt of hot metal.
    assert_close("pig iron", found()["pig_iron"][AUTARKY, NEXT], HOT_METAL + 27.36 + 1.2 + 2.0)


def test_co2_by_scope() -> None:
    assert pytest.approx(44.67024, abs=1e-4) == HOT_METAL
    assert_close("scope 1", found()["co2_scope1_by_province"][AUTARKY, NORTH, NEXT], SCOPE1)
    assert_close("power", found()["electricity_by_province"][AUTARKY, NORTH, NEXT], POWER)
    # The north's grid is 1.2 times the nation's 0.5 t/MWh by its factors and by its resources.
    assert_close("scope 2", found()["co2_scope2_by_province"][AUTARKY, NORTH, NEXT], POWER * 0.6)
    # Ore 1.5 t a tonne of hot metal x 0.05, lime 0.04 t a tonne of converter steel, 20 GJ of coal x 0.01, trucks.
    upstream = HOT_METAL * 1.5 * 0.05 + 45.6 * 0.04 * 1.0 + HOT_METAL * 20.0 * 0.01 + FREIGHT
    assert_close("scope 3", found()["co2_scope3_by_province"][AUTARKY, NORTH, NEXT], upstream)


def test_base_year_co2_of_the_nation() -> None:
    # 84 Mt of hot metal at 2 t, 90 Mt of converter steel at 0.1 t, 10 Mt of electric steel at 0.07 t.
    assert_close("scope 1", found()["co2_scope1"][AUTARKY, BASE], 168.0 + 9.0 + 0.7)
    # North 54 x 0.2 + 6 x 0.5 TWh at 0.6, south 36 x 0.2 + 4 x 0.5 TWh at 0.4.
    assert_close("scope 2", found()["co2_scope2"][AUTARKY, BASE], 13.8 * 0.6 + 9.2 * 0.4)


def test_energy() -> None:
    energy = found()["energy_by_carrier_by_province"][AUTARKY, :, NORTH, NEXT]
    assert_close("coal", energy[COAL], HOT_METAL * 20.0)
    assert_close("gas", energy[GAS], 9.0)
    assert_close("electricity", energy[ELECTRICITY], POWER * 3.6)
    assert_close("ore", found()["iron_ore_by_province"][AUTARKY, NORTH, NEXT], HOT_METAL * 1.5)


def test_pollutants() -> None:
    # Half of the fleet at 1 kg instead of 2 kg a tonne of hot metal.
    assert_close("SO2", found()["pollutants_by_province"][AUTARKY, 0, NORTH, NEXT], HOT_METAL * 1.5)


def test_cost() -> None:
    # Five years at 10 %: 1 / (1.1^-1 + ... + 1.1^-5) a year.
    recovery = 1.0 / sum(1.1**-n for n in range(1, 6))
    capital = 45.6 * (1000.0 * recovery + 100.0) + 9.0 * (400.0 * recovery + 50.0)
    carriers = HOT_METAL * 20.0 * 5.0 + 9.0 * 1.0 * 8.0 + POWER * 100.0
    ore, carbon = HOT_METAL * 1.5 * 100.0, SCOPE1 * 50.0
    scrap = SUPPLY * (300.0 + 100.0 * 1.2 * 0.2 + 10.0)
    north = found()["cost_by_province"][AUTARKY, NORTH, NEXT]
    assert_close("cost", north, (capital + carriers + ore + carbon + scrap) / 1000.0)


def test_neutrality_counts_the_sinks_by_emissions_of_the_base_year() -> None:
    emitted = found()["co2_direct_power_by_province"][AUTARKY]
    share = emitted[NORTH, BASE] / emitted[:, BASE].sum()
    net = (emitted[NORTH, NEXT] - 5.0 * share) / emitted[NORTH, BASE]
    assert_close("net", found()["net_ratio_by_province"][AUTARKY, NORTH, NEXT], net)
    assert_close("neutral", found()["neutral_count"][AUTARKY, 0], [0.0, 0.0, 0.0])


def test_electric_furnaces_grow_by_half_again() -> None:
    # North in 2022: at most 13.5 Mt; scrap for them is what the cooling of 49.74 - 13.5 Mt leaves.
    cooling = 0.05 * (49.74 - 13.5)
    supplied = 0.6 * HOME[2] + BOUGHT[2] / 2.0
    electric = min(13.5, (supplied - cooling) / 0.8)
    assert_close("electric", found()["production_by_route_by_province"][AUTARKY, SCRAP_EAF, NORTH, 2], electric)
    assert_close("best", found()["production_by_route"][AUTARKY, BF_BEST], [0.0] * 3)
    assert_close("rest", found()["production_by_route_by_province"][AUTARKY, BF_BOF, NORTH, 2], 49.74 - electric)
