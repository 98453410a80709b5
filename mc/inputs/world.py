"""Nouns that every metal shares: people and income, power, hydrogen, fuels, freight, structural choices."""

import math

from jax import Array

from mc.inputs.schema import noun, quantity


@noun("structure")
class Structure:
    """Choices of structure, one option per draw; the value is the index of the option."""

    ssp: Array = quantity("1", meaning="shared socioeconomic pathway that gives the shape by province")
    demand_driver: Array = quantity("1", meaning="0 in-use stock per head saturates, 1 use per head follows income")
    lifetime_family: Array = quantity("1", meaning="0 Weibull, 1 lognormal, 2 normal survival curve")
    co2_storage: Array = quantity("1", meaning="index into the axis storage: which study of storage for steel holds")


@noun("macro")
class Macro:
    """Population and gross domestic product."""

    population_ssp: Array = quantity("million", "ssp", "province", "year", meaning="population by pathway")
    gdp_ssp: Array = quantity("GCNY/year", "ssp", "province", "year", meaning="GDP by pathway, prices of 2020")
    population_national: Array = quantity("million", "year", low=100, high=3000, meaning="national population")
    gdp_growth: Array = quantity("1/year", "year", low=-0.1, high=0.15, meaning="real growth of national GDP")
    gdp_noise: Array = quantity("1", "year", low=-math.inf, meaning="normal score of yearly growth")
    gdp_noise_persistence: Array = quantity("1", high=1, meaning="yearly autocorrelation of gdp_noise")
    gdp_noise_sd: Array = quantity("1/year", high=0.05, meaning="standard deviation of the growth noise")
    gdp_province_deviation: Array = quantity(
        "1", "province", low=-2, high=2, meaning="log deviation of provincial income in the last year"
    )


@noun("grid")
class Grid:
    """Carbon intensity of purchased electricity."""

    factor_national: Array = quantity("tCO2/MWh", "year", low=-0.3, high=1.2, meaning="national average factor")
    factor_2021: Array = quantity("tCO2/MWh", "province", high=1.2, meaning="official provincial factor of 2021")
    factor_2022: Array = quantity("tCO2/MWh", "province", high=1.2, meaning="official provincial factor of 2022")
    factor_national_2021: Array = quantity("tCO2/MWh", low=0.1, high=1.2, meaning="official national factor of 2021")
    factor_national_2022: Array = quantity("tCO2/MWh", low=0.1, high=1.2, meaning="official national factor of 2022")
    nonfossil_share: Array = quantity("1", "province", high=1, meaning="non-fossil share of generation in 2020")
    nonfossil_share_national: Array = quantity("1", high=0.95, meaning="the same, national")
    ratio_relaxation: Array = quantity("1/year", high=1, meaning="rate at which provincial ratios reach the resource's")
    path_persistence: Array = quantity("1", high=1, meaning="yearly autocorrelation of the national path's score")
    hydro_province: Array = quantity("1", "province", high=1, absent=0.0, meaning="1 where hydropower dominates")
    hydro_year_sd: Array = quantity("1", high=1, meaning="log sd of the factor of hydro provinces between years")
    hydro_year: Array = quantity("1", "year", low=-math.inf, meaning="normal score of the dryness of a year")


@noun("hydrogen")
class Hydrogen:
    """Supply of electrolytic hydrogen."""

    electrolyser_use: Array = quantity("kWh/kg", "year", low=33, high=80, meaning="electricity per kg of hydrogen")
    dedicated_share_2025: Array = quantity("1", high=1, meaning="share made from dedicated renewables in 2025")
    dedicated_share_2060: Array = quantity("1", high=1, meaning="the same in 2060")
    price_dedicated: Array = quantity("USD/kg", "year", high=20, meaning="price from dedicated renewables, unfirmed")
    price_grid: Array = quantity("USD/kg", "year", high=20, meaning="price from grid power")
    firming_cost: Array = quantity("USD/kg", high=10, meaning="storage and firming, added to dedicated supply")
    supply_max: Array = quantity("Mt/year", high=200, meaning="hydrogen for steel once the ramp is complete")
    ramp_mid: Array = quantity("year", low=2020, high=2100, meaning="year in which half of supply_max is reached")
    ramp_rate: Array = quantity("1/year", low=0.01, high=2, meaning="logistic rate of the ramp")
    heating_value: Array = quantity("GJ/t", low=100, high=150, meaning="lower heating value of hydrogen")


@noun("carriers")
class Carriers:
    """Fuels: carbon and price."""

    emission_factor: Array = quantity("tCO2/GJ", "carrier", high=0.2, absent=0.0, meaning="fossil CO2 when burnt")
    fuel_price: Array = quantity("USD/GJ", "carrier", "year", high=100, absent=0.0, meaning="price of fuels")
    gas_price_ratio_coke_oven_gas: Array = quantity("1", high=3, meaning="price of coke-oven gas over natural gas")
    electricity_price: Array = quantity("USD/MWh", "year", high=500, meaning="industrial tariff")


@noun("freight")
class Freight:
    """Moving scrap between provinces."""

    road_co2: Array = quantity("kgCO2/t/km", high=1, meaning="trucks")
    rail_co2: Array = quantity("kgCO2/t/km", high=1, meaning="rail")
    road_cost: Array = quantity("CNY/t/km", high=10, meaning="trucks, per distance")
    rail_cost: Array = quantity("CNY/t/km", high=10, meaning="rail, per distance")
    road_fixed: Array = quantity("CNY/t", high=500, meaning="trucks, loading")
    rail_fixed: Array = quantity("CNY/t", high=500, meaning="rail, loading")
    circuity_road: Array = quantity("1", low=1, high=3, meaning="road distance over great-circle distance")
    circuity_rail: Array = quantity("1", low=1, high=3, meaning="rail distance over great-circle distance")
    rail_share: Array = quantity("1", high=1, meaning="share of tonne-kilometres by rail")
    own_province_haul: Array = quantity("km", high=2000, meaning="haul inside a province, part of every haul")
    gravity_distance: Array = quantity("km", low=1, high=10000, meaning="e-folding distance of the scrap market")


@noun("distances")
class Distances:
    """Great-circle distances between provincial capitals."""

    distance: Array = quantity("km", "province", "destination", high=6000, meaning="capital to capital")
