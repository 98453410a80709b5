"""Nouns of iron and steel."""

import math

from jax import Array

from mc.inputs.schema import noun, quantity


@noun("demand")
class Demand:
    """Use of steel, trade in steel and in goods, output by province."""

    crude_steel_history: Array = quantity("Mt/year", "history", high=3000, meaning="national crude steel output")
    apparent_use_history: Array = quantity("Mt/year", "history", high=3000, meaning="apparent use, crude equivalent")
    net_import_share: Array = quantity(
        "1", high=0.5, meaning="net imports over apparent use, where only output is known"
    )
    net_import_first_year: Array = quantity("year", low=1900, high=2100, meaning="first year with net imports to add")
    net_import_last_year: Array = quantity("year", low=1900, high=2100, meaning="last such year")
    history_bias: Array = quantity("1", low=0.5, high=2, meaning="true over reported use while mills went unreported")
    history_bias_last_year: Array = quantity("year", low=1900, high=2100, meaning="last year of history_bias")
    casting_rolling_yield: Array = quantity("1", low=0.8, high=1, meaning="finished steel per crude steel")
    fabrication_yield: Array = quantity("1", "end_use", low=0.5, high=1, meaning="steel in goods per finished steel")
    share_of_use: Array = quantity("1", "end_use", high=1, meaning="share of finished steel use; adds to one")
    indirect_net_export_2020: Array = quantity("Mt/year", high=300, meaning="net exports in goods, finished equivalent")
    indirect_split: Array = quantity("1", "end_use", high=1, meaning="the same by end use; adds to one")
    indirect_left_2060: Array = quantity("1", high=2, meaning="share of indirect net exports left in 2060")
    direct_net_export_2020: Array = quantity("Mt/year", low=-100, high=200, meaning="net exports, crude equivalent")
    direct_net_export_2030: Array = quantity("Mt/year", low=-100, high=200, meaning="the same from 2030 on")
    saturation_ratio: Array = quantity(
        "1", "end_use", low=1.15, high=10, meaning="saturated stock per head over 2020's"
    )
    near_saturation: Array = quantity(
        "1", low=0.5, high=0.99, meaning="highest share of saturation a province starts at"
    )
    logistic_steepness: Array = quantity("1", low=0.1, high=10, meaning="steepness in log income")
    offset_rate: Array = quantity("1/year", low=0.01, high=1, meaning="rate at which the 2020 level and slope fade")
    intensity_income: Array = quantity("kCNY", high=200, meaning="B of exp(-B/income) in the income driver")
    material_saving: Array = quantity("1/year", low=-0.02, high=0.1, meaning="yearly saving of steel in use")
    level_tie_fade: Array = quantity("year", low=1, high=100, meaning="years over which the tie to 2020 output fades")
    use_share_2020: Array = quantity("1", "province", high=1, meaning="share of steel use in 2020; adds to one")
    stock_share_2000: Array = quantity("1", "province", high=1, meaning="share of use of cohorts to 2000; adds to one")
    use_share_noise: Array = quantity("1", "province", low=-math.inf, meaning="normal score of provincial use")
    use_share_sd: Array = quantity("1", high=1, meaning="log sd of provincial shares of use")
    use_share_change_year: Array = quantity("year", low=1900, high=2100, meaning="year from which shares move")
    crude_steel_2020: Array = quantity("Mt/year", "province", high=1000, absent=0.0, meaning="crude steel output")
    relocation_rate: Array = quantity("1/year", high=1, meaning="rate at which output shares move")
    relocation_fraction: Array = quantity("1", high=1, meaning="fraction of the way they go")
    relocation_demand_weight: Array = quantity("1", high=1, meaning="pull of demand against clean power")
    capacity_2020: Array = quantity(
        "Mt/year", "province", high=1000, absent=0.0, meaning="tracked crude steel capacity"
    )
    utilisation_max: Array = quantity("1", low=0.5, high=2, meaning="highest output over capacity")
    output_margin: Array = quantity("1", low=1, high=2, meaning="least headroom over 2020 output")
    capacity_fill: Array = quantity("1", low=0.5, high=1, meaning="share of all capacity that national output may fill")


@noun("stock")
class Stock:
    """Lifetimes of steel in use."""

    lifetime_mean: Array = quantity("year", "end_use", low=2, high=200, meaning="mean lifetime")
    lifetime_cv: Array = quantity("1", "end_use", low=0.05, high=1, meaning="coefficient of variation of the lifetime")
    lifetime_common_factor: Array = quantity("1", low=0.3, high=3, meaning="multiplies every mean lifetime")


@noun("scrap")
class Scrap:
    """Recovery of scrap and its uses outside steelmaking."""

    home_recovery: Array = quantity("1", high=1, meaning="recovered share of casting and rolling loss")
    prompt_recovery: Array = quantity("1", high=1, meaning="recovered share of fabrication loss")
    obsolete_recovery: Array = quantity("1", "end_use", high=1, meaning="recovered share of retired steel in 2020")
    recovery_rise: Array = quantity("1", high=1, meaning="share of the way to recovery_target that is gone")
    recovery_target: Array = quantity("1", high=1, meaning="best recovery of retired steel")
    recovery_target_year: Array = quantity("year", low=2021, high=2100, meaning="year in which the rise is complete")
    recovery_ceiling: Array = quantity("1", high=1, meaning="recovery never exceeds this")
    net_import: Array = quantity("Mt/year", low=-200, high=200, meaning="net imports of scrap after 2020")
    to_foundries: Array = quantity("Mt/year", high=100, meaning="scrap used by foundries")
    closure_fade: Array = quantity("year", low=1, high=100, meaning="years over which the 2020 closure factor fades")
    copper_home: Array = quantity("%", high=0.5, meaning="copper in home scrap, by mass")
    copper_prompt: Array = quantity("%", low=1e-3, high=0.5, meaning="copper in prompt scrap, by mass")
    copper_obsolete: Array = quantity("%", low=1e-3, high=2, meaning="copper in obsolete scrap, by mass")
    copper_tolerance_flat: Array = quantity("%", high=1, meaning="copper that flat products bear, by mass")
    copper_tolerance_long: Array = quantity("%", high=1, meaning="copper that long products bear, by mass")
    flat_share: Array = quantity("1", "end_use", high=1, meaning="flat products in finished steel")


@noun("iron")
class Iron:
    """Iron balance of converters and electric furnaces."""

    content_hot_metal: Array = quantity("1", low=0.9, high=0.97, meaning="iron in hot metal")
    content_scrap: Array = quantity("1", low=0.9, high=1, meaning="iron in scrap")
    content_steel: Array = quantity("1", low=0.95, high=1, meaning="iron in crude steel")
    yield_converter: Array = quantity("1", low=0.9, high=1, meaning="iron tapped over iron charged, converter")
    yield_electric: Array = quantity("1", low=0.8, high=1, meaning="iron tapped over iron charged, electric furnace")
    pig_iron_2020: Array = quantity("Mt/year", low=1, high=2000, meaning="pig iron output of 2020")
    pig_iron_to_foundries: Array = quantity("Mt/year", high=100, meaning="pig iron that is not made into steel")
    hot_metal_charge_2020: Array = quantity("1", high=0.9, meaning="hot metal in the electric furnace charge, by mass")
    hot_metal_charge_2035: Array = quantity("1", high=0.9, meaning="the same in 2035")
    hot_metal_charge_end: Array = quantity("year", low=2036, high=2100, meaning="year of the last hot-metal charge")
    eaf_share_national: Array = quantity("1", high=1, meaning="electric share of 2020 output")
    eaf_share_2020: Array = quantity(
        "1", "province", high=1, absent=0.0, meaning="the same by province, scaled to national"
    )
    converter_scrap_base: Array = quantity("1", high=0.35, meaning="scrap per t of converter steel that cools the bath")
    converter_scrap_max: Array = quantity("1", high=0.5, meaning="most scrap per t of converter steel")
    ore_per_hot_metal: Array = quantity("1", low=1, high=2.5, meaning="62 % Fe ore per t of hot metal")


@noun("routes")
class Routes:
    """What a tonne of crude steel takes by each route."""

    hot_metal_co2: Array = quantity("tCO2/t", low=1, high=3, meaning="CO2 per t of hot metal, coke to furnace gas")
    converter_co2: Array = quantity("tCO2/t", high=0.5, meaning="CO2 per t of converter steel besides the hot metal")
    hot_metal_flux_share: Array = quantity("1", high=0.3, meaning="share of hot_metal_co2 that is calcined flux")
    carbon_share: Array = quantity(
        "1", "route", "carrier", high=1, absent=0.0, meaning="fuel carbon of hot metal by carrier"
    )
    carbon_ratio: Array = quantity(
        "1", "route", high=3, absent=0.0, meaning="hot-metal carbon over the average furnace's"
    )
    fuel: Array = quantity("GJ/t", "route", "carrier", high=60, absent=0.0, meaning="fuel besides hot metal's")
    process_co2: Array = quantity("tCO2/t", "route", high=1, absent=0.0, meaning="electrodes, flux, foaming carbon")
    electricity: Array = quantity("MWh/t", "route", low=-1, high=8, meaning="net purchased electricity")
    electricity_ratio_2060: Array = quantity("1", "route", low=0.3, high=1.5, absent=1.0, meaning="2060 over 2020")
    electricity_per_hot_metal: Array = quantity(
        "MWh/t", low=-2, high=0, meaning="furnace power per unit hot-metal charge"
    )
    rolling_electricity: Array = quantity("MWh/t", high=0.5, meaning="hot rolling")
    rolling_added: Array = quantity("1", "route", high=1, absent=0.0, meaning="1 where electricity excludes rolling")
    hydrogen: Array = quantity("kg/t", "route", high=100, absent=0.0, meaning="hydrogen")
    hydrogen_ratio_2060: Array = quantity("1", "route", low=0.3, high=1.5, absent=1.0, meaning="2060 over 2020")
    ore: Array = quantity("1", "route", high=2.5, absent=0.0, meaning="62 % Fe ore per t of steel besides hot metal's")
    lime: Array = quantity("1", "route", high=0.3, absent=0.0, meaning="burnt lime")
    capture_share: Array = quantity("1", "route", high=0.99, absent=0.0, meaning="captured share of direct CO2")
    capture_heat: Array = quantity("GJ/t", high=8, meaning="heat per t of CO2 captured from blast furnace plants")
    capture_heated: Array = quantity("1", "route", high=1, absent=0.0, meaning="1 where capture needs capture_heat")
    capture_fuel: Array = quantity("1", "carrier", high=1, absent=0.0, meaning="fuel of capture heat; adds to one")
    capture_electricity: Array = quantity("MWh/t", "route", high=2, absent=0.0, meaning="power per t of CO2 captured")
    efficiency_rate: Array = quantity("1/year", high=0.05, meaning="yearly fall of hot-metal carbon")
    efficiency_cap: Array = quantity("1", high=0.5, meaning="largest fall reached")
    energy_boundary: Array = quantity("1", low=0.5, high=1.5, meaning="key-enterprise over carbon-balance energy per t")
    available_year: Array = quantity(
        "year", "route", low=1900, high=2200, absent=1900.0, meaning="first commercial year"
    )
    ore_upstream_co2: Array = quantity("tCO2/t", high=0.5, meaning="mining and shipping of ore")
    lime_upstream_co2: Array = quantity("tCO2/t", high=2, meaning="bought lime")
    fuel_upstream_co2: Array = quantity("tCO2/GJ", "carrier", high=0.1, absent=0.0, meaning="extraction of fuels")


@noun("uptake")
class Uptake:
    """Capacity of 2020 and how fast it can change."""

    blast_furnace_capacity_2020: Array = quantity(
        "Mt/year", "province", high=1000, absent=0.0, meaning="tracked, hot metal"
    )
    campaign: Array = quantity("year", low=5, high=40, meaning="years between relines of a blast furnace")
    campaign_history: Array = quantity(
        "year", low=5, high=40, meaning="years of national additions behind the 2020 ages"
    )
    campaign_phase: Array = quantity("1", "province", high=1, meaning="phase of a province's relines")
    early_retirement: Array = quantity("1/year", high=0.2, meaning="share of furnaces retired before reline")
    early_retirement_from: Array = quantity("year", low=2020, high=2100, meaning="first year of early retirement")
    reline_ban_from: Array = quantity("year", low=2021, high=9999, meaning="first year without relines or new furnaces")
    choice_scale: Array = quantity("CNY/t", low=1, high=10000, meaning="scale of the choice between primary routes")
    choice_bias_sd: Array = quantity("CNY/t", high=5000, meaning="sd of what cost leaves out, by province and route")
    choice_noise: Array = quantity("1", "province", "route", low=-math.inf, meaning="normal score of that bias")
    eaf_growth: Array = quantity("1/year", high=1, meaning="growth of electric furnace capacity")
    eaf_seed: Array = quantity("1", high=0.1, meaning="capacity that can start from nothing, share of output")
    new_route_growth: Array = quantity("1/year", high=2, meaning="growth of new routes")
    new_route_seed: Array = quantity(
        "Mt/year", high=50, meaning="national capacity of a route that can start from nothing"
    )
    retrofit_rate: Array = quantity("1/year", high=0.5, meaning="share of blast furnaces retrofitted")
    national_cap: Array = quantity(
        "Mt/year", "route", high=1e5, absent=1e5, meaning="what fuel or feed allows nationally"
    )
    cap_per_coke: Array = quantity("1", high=2, meaning="steel from coke-oven gas per t of coke made in the province")
    coke_limited: Array = quantity("1", "route", high=1, absent=0.0, meaning="1 where cap_per_coke applies")
    coke_per_hot_metal: Array = quantity("1", high=1, meaning="coke per t of hot metal")
    h2_dri_floor_2060: Array = quantity("Mt/year", high=1000, meaning="policy floor of hydrogen-based steel")
    capture_floor_2060: Array = quantity("Mt/year", high=2000, meaning="policy floor of captured CO2")
    co2_storage: Array = quantity("Mt/year", "storage", "year", high=5000, meaning="storage for steel's CO2 by study")


@noun("pollutants")
class Pollutants:
    """SO2, NOx and particulate matter."""

    factor_before: Array = quantity("kg/t", "process", "pollutant", high=10, meaning="per t of product before retrofit")
    factor_after: Array = quantity("kg/t", "process", "pollutant", high=10, meaning="after ultra-low-emission retrofit")
    activity: Array = quantity("1", "route", "process", high=3, absent=0.0, meaning="t of product per t of steel")
    activity_hot_metal: Array = quantity("1", "process", high=3, absent=0.0, meaning="t of product per t of hot metal")
    retrofit_share: Array = quantity("1", "year", high=1, meaning="share of the fleet at ultra-low emission")
    reheating: Array = quantity("1", "process", high=1, absent=0.0, meaning="1 for reheating furnaces")
    reheating_electrification_2060: Array = quantity("1", high=1, meaning="share of reheating that is electric in 2060")
    intensity_2020: Array = quantity(
        "kg/t", "accounting", "pollutant", high=10, absent=0.0, meaning="reported intensity; 0: bottom-up"
    )
    tax_equivalent: Array = quantity("kg", "pollutant", low=0.1, high=100, meaning="mass that is taxed as one unit")


@noun("costs")
class Costs:
    """Investment, prices, carbon price."""

    capex: Array = quantity("USD/(t/year)", "route", high=10000, meaning="greenfield, world level 2020")
    capex_ratio_2050: Array = quantity("1", "route", low=0.1, high=2, absent=1.0, meaning="2050 over 2020")
    reline_capex: Array = quantity("USD/(t/year)", "route", high=10000, meaning="reline or renewal")
    fixed_opex: Array = quantity("USD/t", "route", high=1000, meaning="fixed and other operating cost")
    china_factor: Array = quantity("1", low=0.1, high=2, meaning="Chinese over world investment cost")
    plant_life: Array = quantity("year", low=5, high=80, meaning="capital recovery period")
    discount_rate: Array = quantity("1", low=0.001, high=0.3, meaning="real")
    exchange_rate: Array = quantity("CNY/USD", low=1, high=20, meaning="of 2020")
    ore_price: Array = quantity("USD/t", high=1000, meaning="62 % Fe")
    pellet_premium: Array = quantity("USD/t", high=500, meaning="over ore, for direct reduction")
    pellet_fed: Array = quantity("1", "route", high=1, absent=0.0, meaning="1 where the route needs pellets")
    scrap_price: Array = quantity("CNY/t", high=10000, meaning="heavy scrap, 2020")
    storage_cost: Array = quantity("USD/t", high=500, meaning="transport and storage of CO2")
    carbon_price: Array = quantity("CNY/t", "year", high=10000, meaning="national market")
    auctioned_share_2024: Array = quantity("1", high=1, meaning="share of emissions that pays in 2024")
    auctioned_share_2060: Array = quantity("1", high=1, meaning="the same in 2060")


@noun("neutrality")
class Neutrality:
    """When a province counts as neutral."""

    threshold: Array = quantity("1", "threshold", high=1, meaning="net emissions over those of 2020")
    least_net: Array = quantity("Mt/year", high=10, meaning="net CO2 below which a province counts as neutral")
    sink_quota: Array = quantity("Mt/year", high=500, meaning="national sinks credited to steel")
