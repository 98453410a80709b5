"""The register of outputs of the steel chain: name, unit, axes, meaning, each once.

National outputs have plain names; provincial ones end in `_by_province`. Units are those of the model, per year where
the quantity is a flow.
"""

from mc.study import Output

SHARED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("population", "million", (), "People"),
    ("income_by_province", "kCNY year-1", ("province",), "GDP per head, prices of 2020"),
    ("crude_steel", "Mt year-1", (), "Crude steel output"),
    ("crude_steel_by_province", "Mt year-1", ("province",), "Crude steel output"),
    ("steel_use", "Mt year-1", (), "Finished steel fabricated in the country"),
    ("steel_use_by_province", "Mt year-1", ("province",), "Finished steel fabricated"),
    ("steel_inflow", "Mt year-1", (), "Steel entering use in goods"),
    ("steel_stock", "Mt", (), "Steel in use"),
    ("steel_stock_by_end_use", "Mt", ("end_use",), "Steel in use by end use"),
    ("steel_stock_by_province", "Mt", ("province",), "Steel in use"),
    ("steel_stock_per_head", "t", (), "Steel in use per head"),
    ("steel_retired", "Mt year-1", (), "Steel that leaves use"),
    ("scrap_home", "Mt year-1", (), "Home scrap from casting and rolling"),
    ("scrap_prompt", "Mt year-1", (), "Prompt scrap from fabrication"),
    ("scrap_obsolete", "Mt year-1", (), "Obsolete scrap recovered"),
    ("scrap_obsolete_by_province", "Mt year-1", ("province",), "Obsolete scrap recovered"),
    ("scrap_supply", "Mt year-1", (), "Scrap that arises: home, prompt and obsolete"),
    ("scrap_supply_by_province", "Mt year-1", ("province",), "Scrap that arises: home, prompt and obsolete"),
    ("scrap_purchasable", "Mt year-1", (), "Scrap that steelworks can buy, after trade and foundries"),
    ("grid_factor", "t MWh-1", (), "CO2 of purchased power, national average"),
    ("grid_factor_by_province", "t MWh-1", ("province",), "CO2 of purchased power"),
    ("carbon_price", "CNY t-1", (), "Carbon price, national market, prices of 2020"),
)

POLICY: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("production_by_route", "Mt year-1", ("route",), "Crude steel by route"),
    ("production_by_route_by_province", "Mt year-1", ("route", "province"), "Crude steel by route"),
    ("eaf_share", "1", (), "Share of scrap-based electric furnace steel"),
    ("eaf_share_by_province", "1", ("province",), "Share of scrap-based electric furnace steel"),
    ("pig_iron", "Mt year-1", (), "Hot metal of all furnaces, foundry pig iron included"),
    ("blast_furnace_iron", "Mt year-1", (), "Hot metal of blast furnaces, foundry pig iron included"),
    ("scrap_used", "Mt year-1", (), "Scrap charged to steel"),
    ("scrap_used_by_province", "Mt year-1", ("province",), "Scrap charged to steel"),
    ("scrap_arrivals", "Mt year-1", (), "Purchased scrap that arrives at steelworks"),
    ("scrap_arrivals_by_province", "Mt year-1", ("province",), "Purchased scrap that arrives at steelworks"),
    (
        "scrap_unused",
        "Mt year-1",
        (),
        "Scrap on offer that is not taken; below zero in the base year by what its closure leaves open",
    ),
    ("scrap_ratio", "1", (), "Scrap charged per crude steel"),
    ("scrap_traded", "Mt year-1", (), "Scrap that crosses a province's border"),
    ("scrap_freight_work", "Gt km year-1", (), "Freight of scrap, great-circle kilometres"),
    ("scrap_freight_co2", "Mt year-1", (), "CO2 of the freight of scrap"),
    ("scrap_freight_cost", "GCNY year-1", (), "Cost of the freight of scrap, prices of 2020"),
    ("energy", "PJ year-1", (), "Energy of all carriers, net purchased power"),
    ("energy_by_carrier", "PJ year-1", ("carrier",), "Energy by carrier, net purchased power"),
    ("energy_by_carrier_by_province", "PJ year-1", ("carrier", "province"), "Energy by carrier, net purchased power"),
    ("energy_per_tonne", "tce t-1", (), "Energy per tonne of crude steel, key-enterprise boundary"),
    ("iron_ore", "Mt year-1", (), "Iron ore of 62 % Fe, foundry pig iron included"),
    ("iron_ore_by_province", "Mt year-1", ("province",), "Iron ore of 62 % Fe for steel"),
    ("hydrogen", "Mt year-1", (), "Hydrogen"),
    ("hydrogen_by_province", "Mt year-1", ("province",), "Hydrogen"),
    ("electricity", "TWh year-1", (), "Net purchased power, on-site electrolysis included"),
    ("electricity_by_province", "TWh year-1", ("province",), "Net purchased power, on-site electrolysis included"),
    ("co2_scope1", "Mt year-1", (), "Direct CO2 (scope 1), after capture"),
    ("co2_scope1_by_province", "Mt year-1", ("province",), "Direct CO2 (scope 1), after capture"),
    ("co2_scope2", "Mt year-1", (), "CO2 of purchased power (scope 2), location based"),
    ("co2_scope2_by_province", "Mt year-1", ("province",), "CO2 of purchased power (scope 2), location based"),
    ("co2_scope3", "Mt year-1", (), "Upstream CO2 (scope 3): ore, lime, fuels, bought hydrogen, scrap freight"),
    ("co2_scope3_by_province", "Mt year-1", ("province",), "Upstream CO2 (scope 3)"),
    ("co2_grid_removal", "Mt year-1", (), "Removals credited through a grid with a negative factor, never positive"),
    ("co2_grid_removal_by_province", "Mt year-1", ("province",), "Removals credited through the grid"),
    ("co2_direct_power", "Mt year-1", (), "CO2 of scopes 1 and 2 with grid removals"),
    ("co2_direct_power_by_province", "Mt year-1", ("province",), "CO2 of scopes 1 and 2 with grid removals"),
    ("co2_total", "Mt year-1", (), "CO2 of scopes 1, 2 and 3 with grid removals"),
    ("co2_total_by_province", "Mt year-1", ("province",), "CO2 of scopes 1, 2 and 3 with grid removals"),
    ("co2_captured", "Mt year-1", (), "CO2 captured"),
    ("co2_captured_by_province", "Mt year-1", ("province",), "CO2 captured"),
    ("co2_cumulative", "Mt", (), "CO2 of scopes 1 and 2 summed over the years after the base year"),
    (
        "co2_with_freight",
        "Mt year-1",
        (),
        "CO2 of scopes 1 and 2 and of scrap freight: what coordination lowers",
    ),
    (
        "co2_with_freight_by_province",
        "Mt year-1",
        ("province",),
        "CO2 of scopes 1 and 2 and of the freight of scrap that arrives",
    ),
    (
        "co2_with_freight_cumulative",
        "Mt",
        (),
        "CO2 of scopes 1 and 2 and of scrap freight summed over the years after the base year",
    ),
    ("co2_per_tonne", "t t-1", (), "CO2 of scopes 1 and 2 per tonne of crude steel"),
    ("neutral_by_province", "1", ("threshold", "province"), "1 where net CO2 is within the threshold of the base year"),
    ("neutral_count", "1", ("threshold",), "Number of neutral provinces"),
    ("net_ratio_by_province", "1", ("province",), "Net CO2 over that of the base year"),
    ("pollutants", "kt year-1", ("pollutant",), "SO2, NOx and particulate matter"),
    ("pollutants_by_province", "kt year-1", ("pollutant", "province"), "SO2, NOx and particulate matter"),
    (
        "pollutant_cut_by_province",
        "1",
        ("pollutant", "province"),
        "1 where a pollutant is more than 90 % below the base year",
    ),
    (
        "scrap_short_by_province",
        "1",
        ("province",),
        "1 where less scrap arrives than electric furnaces could use",
    ),
    ("cost", "GCNY year-1", (), "Cost of steelmaking, carbon price included, prices of 2020"),
    ("cost_by_province", "GCNY year-1", ("province",), "Cost of steelmaking, carbon price included, prices of 2020"),
    ("cost_per_tonne", "CNY t-1", (), "Cost per tonne of crude steel, prices of 2020"),
    ("stranded_capital", "GCNY year-1", (), "Relines lost to early retirement, prices of 2020"),
)

DIAGNOSTICS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("level_tie", "1", (), "Factor that ties crude steel of the base year to the statistics"),
    ("scrap_closure_factor", "1", (), "Factor on recovery that closes the base year's scrap balance"),
    ("scrap_closure_residual", "Mt year-1", (), "Scrap that the capped closure factor leaves open in the base year"),
    ("stock_shortfall", "Mt", ("year",), "Stock above its target where inflow is floored at zero"),
    ("capacity_stretch", "1", ("year",), "Factor by which capacity limits were stretched to hold output"),
)

POLICY_DIAGNOSTICS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("unmet_production", "Mt year-1", ("scenario", "year"), "Crude steel that no capacity could make"),
    ("scrap_policy_residual", "1", ("scenario", "year"), "Scrap that the policy meant to place and did not"),
    ("scrap_policy_violation", "Mt year-1", ("scenario", "year"), "Breach of a supply or a limit by the policy"),
)

OUTPUTS: tuple[Output, ...] = (
    *(Output(name, unit, (*dims, "year"), text) for name, unit, dims, text in SHARED),
    *(Output(name, unit, ("scenario", *dims, "year"), text) for name, unit, dims, text in POLICY),
    Output("co2_peak_year", "year", ("scenario",), "Year with the highest CO2 of scopes 1 and 2"),
    *(Output(name, unit, dims, text, "diagnostic") for name, unit, dims, text in (*DIAGNOSTICS, *POLICY_DIAGNOSTICS)),
    Output("fault_mass_balance", "1", (), "1 where steel by route misses output", "fault"),
)
"""Every output of the steel chain, in the order of the cube."""

FLOW_STEP = 10
"""Years between two maps of who ships to whom: 961 links for each year would fill the cube."""

COORDINATED: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    (
        "scrap_gain",
        "Mt year-1",
        ("rival",),
        "Value of the policy's flows beyond a rival's in the same state, by the worth of scrap: what geography gains",
    ),
    (
        "scrap_gain_booked",
        "Mt year-1",
        ("rival",),
        "CO2 that the policy avoids beyond a rival in the same state as booked: geography, and which furnaces are fed",
    ),
    ("scrap_gain_cumulative", "Mt", ("rival",), "The same summed over the years after the base year"),
    ("scrap_value", "Mt year-1", (), "CO2 avoided by purchased scrap at its worth, freight taken off"),
    ("scrap_price_by_province", "t t-1", ("province",), "CO2 that one more tonne of scrap from a province would avoid"),
    ("scrap_delivered_by_province", "t t-1", ("province",), "CO2 price of scrap where it is used"),
    ("scrap_dear_by_province", "1", ("province",), "1 where delivered scrap is dearer than in half of the provinces"),
)

COORDINATED_DIAGNOSTICS: tuple[tuple[str, str, str], ...] = (
    ("scrap_booking_gap", "Mt year-1", "CO2 avoided by purchased scrap as booked, less its value in the allocation"),
    ("allocation_gap", "1", "Proven distance of the plan from the best, over its value"),
    ("allocation_iterations", "1", "Iterations of the solver"),
)

LINKS = ("scenario", "province", "destination", "flow_year")

COORDINATION: tuple[Output, ...] = (
    *(Output(name, unit, ("scenario", *dims, "year"), text) for name, unit, dims, text in COORDINATED),
    Output("scrap_flow", "Mt year-1", LINKS, "Purchased scrap from a province to a destination"),
    Output("scrap_link", "1", LINKS, "1 where at least 0.01 Mt a year go to another province"),
    *(Output(name, unit, ("scenario", "year"), text, "diagnostic") for name, unit, text in COORDINATED_DIAGNOSTICS),
    Output("fault_allocation", "1", (), "1 where a coordinated plan is not proven best or not feasible", "fault"),
)
"""Outputs of a run that has a coordinated scenario."""
