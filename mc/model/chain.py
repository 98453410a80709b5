"""The steel chain of one draw: before -> scan of year.step -> after. The paper's method section as code."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.allocation.policies import POLICIES
from mc.inputs.bind import Bound, bind
from mc.inputs.nouns import Inputs
from mc.model import capacity, demand, emissions, stock, year
from mc.model.before import Before, before
from mc.model.report import report, shared_report
from mc.model.scenario import Options, Scenario
from mc.model.world import World, make_world
from mc.outputs import OUTPUTS
from mc.study import Study
from mc.tables import InputError, Priors


def first_state(inputs: Inputs, world: World, ahead: Before) -> year.State:
    """State of the base year: data, the same for every policy."""
    fleet = capacity.first_fleet(inputs.uptake, world, ahead.start)
    return year.State(fleet, jnp.zeros_like(ahead.drive.first_due), ahead.start.electric, world.makes_steel)


def first_result(world: World, ahead: Before) -> year.Result:
    """What the base year left behind; its flows of scrap between provinces are not known, so freight is left out.

    Arrivals are what was charged less home scrap: a residual, negative where a province has more home scrap than use.
    """
    start, output = ahead.start, ahead.output[:, 0]
    converter = output - start.electric
    base, scrap_route = world.kind["base"][None, :], world.kind["scrap"][None, :]
    in_converters = start.converter_scrap_rate * converter
    none, zero = jnp.zeros_like(output), jnp.zeros_like(output[0])
    arrivals = start.scrap - ahead.supply.home[:, 0]
    return year.Result(
        production=converter[:, None] * base + start.electric[:, None] * scrap_route,
        hot_metal=start.hot_metal[:, None] * base,
        scrap=jnp.stack([in_converters, start.scrap - in_converters, jnp.zeros_like(converter)], axis=1),
        shipments=year.Shipments(arrivals, none, zero, zero, zero, world.makes_steel),
        renewed=none,
        unmet=none,
    )


def transition(inputs: Inputs, world: World, ahead: Before, policies: tuple[year.Policy, ...]) -> year.Result:
    """All years under each scrap policy; every field has leading axes scenario and year."""
    step = functools.partial(year.step, inputs, world, ahead.drive, policies)
    first = first_state(inputs, world, ahead)
    states = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(policies), *x.shape)), first)
    _, later = jax.lax.scan(step, states, ahead.drive.years)
    base = first_result(world, ahead)

    def join(one: Array, rest: Array) -> Array:
        start = jnp.broadcast_to(one, (len(policies), 1, *one.shape))
        return jnp.concatenate([start, jnp.moveaxis(rest, 0, 1)], axis=1)

    joined: year.Result = jax.tree.map(join, base, later)
    return joined


def steel(bound: Bound, policies: tuple[str, ...], data: dict[str, Any], draw: dict[str, Array]) -> dict[str, Array]:
    """One draw: what all scenarios share, then the years under each scrap policy, then what follows from them."""
    world, inputs = data["world"], bound.assemble(data["tables"], draw)
    ahead = before(inputs, world, data["basis"])

    per_year = emissions.year_flows(inputs, world, ahead.drive, ahead.setting)

    def after(result: year.Result) -> dict[str, Array]:
        totals = emissions.totals(inputs, world, ahead.drive, ahead.setting, per_year, result)
        return report(inputs, world, ahead, result, totals)

    outputs = jax.vmap(after)(transition(inputs, world, ahead, tuple(POLICIES[name] for name in policies)))
    faults = {name: values.max() for name, values in outputs.items() if name.startswith("fault_")}
    return shared_report(inputs, ahead) | outputs | faults


def known(bound: Bound, name: str) -> np.ndarray:
    """A quantity that the chain needs before any draw, so that it must not be uncertain.

    Raises:
        InputError: a row of it is.
    """
    values = bound.data["known"].get(name)
    if values is None:
        msg = f"{name} is uncertain; the chain builds its constants from it: make its rows family 'fixed'"
        raise InputError(msg)
    return np.asarray(values)


def check_scenarios(scenarios: tuple[Scenario, ...]) -> None:
    """Refuse policies that do not exist.

    Raises:
        InputError: names the scenario, the policy and what there is.
    """
    for scenario in scenarios:
        if scenario.policy not in POLICIES:
            names = ", ".join(POLICIES)
            msg = f"scenario {scenario.name!r}: unknown policy {scenario.policy!r}; expected one of {names}"
            raise InputError(msg)


def steel_study(
    priors: Priors,
    scenarios: tuple[Scenario, ...],
    options: Options | None = None,
    first_year: int = 2020,
    last_year: int = 2060,
) -> Study:
    """The steel chain as a study: inputs from the tables, outputs from the register.

    Raises:
        InputError: a policy or an accounting family that does not exist.
    """
    options = options or Options()
    check_scenarios(scenarios)
    bound = bind(priors, first_year=first_year, last_year=last_year)
    crude, distance = known(bound, "demand.crude_steel_2020"), known(bound, "distances.distance")
    try:
        world = make_world(
            bound.axes, bound.groups["route"], crude, distance, options.accounting, options.hydrogen == "on_site"
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    constants = {name: known(bound, f"demand.{name}") for name in demand.HISTORY_CONSTANTS}
    series = demand.history_series(constants, np.asarray(bound.axes["history"]))
    basis = stock.history_basis(series, len(bound.axes["year"]))
    coords = {**bound.axes, "scenario": tuple(scenario.name for scenario in scenarios)}
    return Study(
        name="steel",
        inputs=bound.inputs,
        outputs=OUTPUTS,
        coords=coords,
        data={"world": world, "basis": basis, "tables": bound.data},
        function=functools.partial(steel, bound, tuple(scenario.policy for scenario in scenarios)),
        correlations=bound.correlations,
    )
