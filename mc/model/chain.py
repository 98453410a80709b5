"""The steel chain of one draw: before -> scan of year.step -> after. The paper's method section as code."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.allocation.coordinated import Coordinated, policy_of
from mc.allocation.policies import RIVALS, Policy
from mc.inputs.bind import Bound, bind
from mc.inputs.nouns import Inputs
from mc.model import capacity, demand, emissions, stock, year
from mc.model.before import Before, before
from mc.model.draws_last import draws_last
from mc.model.drive import Drive
from mc.model.paths import settled
from mc.model.report import report, shared_report
from mc.model.scenario import Options, Scenario
from mc.model.world import HOT_METAL, World, make_world
from mc.model.worth import Toll, co2_toll
from mc.outputs import COORDINATION, FLOW_STEP, OUTPUTS
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
    in_converters = start.converter_scrap_rate * converter
    none, zero = jnp.zeros_like(output), jnp.zeros_like(output[0])
    arrivals = start.scrap - ahead.supply.home[:, 0]
    steel, iron = {"base": converter, "scrap": start.electric}, {"base": start.hot_metal}
    return year.Result(
        production=jnp.stack([steel.get(kind, none) for kind in world.routes]),
        hot_metal=jnp.stack([iron.get(kind, none) for kind in world.routes if kind in HOT_METAL]),
        scrap=jnp.stack([in_converters, start.scrap - in_converters, jnp.zeros_like(converter)], axis=1),
        shipments=year.Shipments(arrivals, none, zero, zero, zero),
        renewed=none,
        unmet=none,
        electric_room=none,
        verdict=None,
    )


def transition(
    inputs: Inputs, world: World, ahead: Before, policies: tuple[Policy, ...], toll: Toll | None = None
) -> year.Result:
    """All years under each scrap policy; every field has scenario as its first axis and year as its last.

    With a toll, leading axis year, policies are held against one another in the states that they find.
    """
    first = first_state(inputs, world, ahead)
    states = jax.tree.map(lambda x: jnp.broadcast_to(x, (len(policies), *x.shape)), first)
    shared = (inputs, world, ahead.drive, jax.tree.map(lambda path: path[1:], toll))
    base = dataclasses.replace(first_result(world, ahead), verdict=no_verdict(policies, shared, states))
    along = functools.partial(walk, policies)
    # Plans are solved draw by draw, and what they are judged by is made for one draw.
    found = (along if optimises(policies) else draws_last(along))(shared, (states, base))
    # Settled, or every output that reads a path would walk through it in this other order.
    years_last: year.Result = jax.tree.map(lambda leaf: settled(jnp.moveaxis(leaf, 0, -1)), found)
    return years_last


Shared = tuple[Inputs, World, Drive, Toll | None]
"""What all years share; the toll has one entry for each year after the base year."""


def no_verdict(policies: tuple[Policy, ...], shared: Shared, states: year.State) -> year.Verdict | None:
    """Zeros in the place of what is known of a year that no policy decided; None where policies are not judged."""
    inputs, world, drive, toll = shared
    if toll is None:
        return None
    first = jax.tree.map(lambda path: path[0], year.years_of(inputs, world, drive, toll))
    step = functools.partial(year.step, inputs, world, drive, policies)
    verdict = jax.eval_shape(step, states, first)[1].verdict
    none: year.Verdict | None = jax.tree.map(lambda one: jnp.zeros(one.shape[1:], one.dtype), verdict)
    return none


def walk(policies: tuple[Policy, ...], shared: Shared, carried: tuple[year.State, year.Result]) -> year.Result:
    """Year after year from the states of the base year and what it left; leading axes year and scenario."""
    inputs, world, drive, toll = shared
    states, base = carried
    length = drive.years.slot.shape[0]

    # Years are written where they stay, behind the base year: joining them later would move all of them once more.
    def start(one: Array) -> Array:
        return jnp.zeros((length + 1, len(policies), *one.shape), one.dtype).at[0].set(one)

    def live(carry: tuple[year.State, year.Result], now: year.Year) -> tuple[tuple[year.State, year.Result], None]:
        states, result = year.step(inputs, world, drive, policies, carry[0], now)
        written = jax.tree.map(
            lambda path, one: jax.lax.dynamic_update_index_in_dim(path, one, now[0].slot, 0), carry[1], result
        )
        return (states, written), None

    every = year.years_of(inputs, world, drive, toll)
    ((_, written), _) = jax.lax.scan(live, (states, jax.tree.map(start, base)), every)
    paths: year.Result = written
    return paths


def steel(bound: Bound, policies: tuple[Policy, ...], data: dict[str, Any], draw: dict[str, Array]) -> dict[str, Array]:
    """One draw: what all scenarios share, then the years under each scrap policy, then what follows from them."""
    world, inputs = data["world"], bound.assemble(data["tables"], draw)
    ahead = before(inputs, world, data["basis"])

    toll = None
    if optimises(policies):
        toll = co2_toll(inputs, world, ahead.setting, emissions.year_flows(inputs, world, ahead.drive, ahead.setting))

    def after(result: year.Result) -> dict[str, Array]:
        totals = emissions.totals(inputs, world, ahead.drive, ahead.setting, result)
        return report(inputs, world, ahead, result, totals)

    outputs = jax.vmap(after)(transition(inputs, world, ahead, policies, toll))
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


def optimises(policies: tuple[Policy, ...]) -> bool:
    """Whether one of the policies seeks the best plan: then all are held against one another."""
    return any(isinstance(policy, Coordinated) for policy in policies)


def policies_of(scenarios: tuple[Scenario, ...]) -> tuple[Policy, ...]:
    """The policy of each scenario.

    Raises:
        InputError: names the scenario, what is wrong and what there is.
    """
    found = []
    for scenario in scenarios:
        try:
            found.append(policy_of(scenario.policy, scenario.bounds))
        except ValueError as error:
            raise InputError(f"scenario {scenario.name!r}: {error}") from None
    return tuple(found)


def make_constants(bound: Bound, options: Options | None = None) -> tuple[World, np.ndarray]:
    """The constants of the world, and the yearly series behind the history of use [component, history].

    Raises:
        InputError: an accounting family that does not exist, tables that the constants cannot be made from.
    """
    options = options or Options()
    crude, distance = known(bound, "demand.crude_steel_2020"), known(bound, "distances.distance")
    try:
        world = make_world(
            bound.axes,
            bound.groups["route"],
            bound.groups["province"],
            crude,
            distance,
            options.accounting,
            options.hydrogen == "on_site",
            options.copper == "limited",
        )
    except ValueError as error:
        raise InputError(str(error)) from error
    constants = {name: known(bound, f"demand.{name}") for name in demand.HISTORY_CONSTANTS}
    return world, demand.history_series(constants, np.asarray(bound.axes["history"]))


def ground(priors: Priors, options: Options, first_year: int, last_year: int) -> tuple[Bound, World, np.ndarray]:
    """What a study of the chain stands on: inputs, constants, the basis of history; errors as `make_constants`."""
    bound = bind(priors, first_year=first_year, last_year=last_year)
    world, series = make_constants(bound, options)
    return bound, world, np.asarray(stock.history_basis(series, len(bound.axes["year"])))


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
    policies = policies_of(scenarios)
    bound, world, basis = ground(priors, options or Options(), first_year, last_year)
    coords = {
        **bound.axes,
        "scenario": tuple(scenario.name for scenario in scenarios),
        "destination": bound.axes["province"],
        "flow_year": bound.axes["year"][FLOW_STEP::FLOW_STEP],
        "rival": tuple(RIVALS),
    }
    return Study(
        name="steel",
        inputs=bound.inputs,
        outputs=(*OUTPUTS, *COORDINATION) if optimises(policies) else OUTPUTS,
        coords=coords,
        data={"world": world, "basis": basis, "tables": bound.data},
        function=functools.partial(steel, bound, policies),
        correlations=bound.correlations,
    )
