"""One year of the transition: who retires, what is built, where scrap goes, what runs.

The state is small: capacity by province and route, the reline calendar, and last year's electric steel.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.problem import Allocation, Problem, Roads, fill
from mc.inputs.nouns import Inputs
from mc.model import build, dispatch
from mc.model.capacity import is_blast_furnace, spread
from mc.model.drive import Drive, Force
from mc.model.world import World

Policy = Callable[[Problem], Allocation]
"""A scrap policy: one year's problem in, its allocation out."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """What one year hands to the next.

    Attributes:
        capacity: Mt of hot metal or steel a year [province, route]; electric furnaces: highest output so far.
        calendar: blast furnace capacity by the slot in which it is due [province, slot].
        electric: electric furnace steel of the year, Mt [province].
        memory: what the scrap policy remembers [province].
    """

    capacity: Array
    calendar: Array
    electric: Array
    memory: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Result:
    """What a year leaves behind.

    Attributes:
        production: crude steel, Mt [province, route].
        hot_metal: hot metal made, Mt [province, route].
        arrivals: purchased scrap that arrives, Mt [province].
        scrap: scrap charged, home and purchased, by segment, Mt [province, segment].
        freight_work: tonne-kilometres of scrap by destination, Mt km [province].
        freight_co2: CO2 of that freight, Mt [province].
        freight_cost: cost of that freight, million CNY [province].
        traded: scrap that crosses a province's border, Mt [].
        wasted: blast furnace capacity retired early times its unused share of campaign, Mt [province].
        unmet: crude steel that no capacity could make, Mt [province].
        residual: what the scrap policy meant to place and did not, share of supply [].
        violation: breach of a supply or limit by the policy, Mt [].
    """

    production: Array
    hot_metal: Array
    arrivals: Array
    scrap: Array
    freight_work: Array
    freight_co2: Array
    freight_cost: Array
    traded: Array
    wasted: Array
    unmet: Array
    residual: Array
    violation: Array


def book(allocation: Allocation, roads: Roads, run: dispatch.Run, wasted: Array) -> Result:
    """Put a year's answer together; freight is booked where scrap arrives."""
    flows = allocation.flows
    return Result(
        production=run.production,
        hot_metal=run.hot_metal,
        arrivals=allocation.arrivals,
        scrap=run.scrap,
        freight_work=(flows * roads.haul).sum(axis=0),
        freight_co2=(flows * roads.co2).sum(axis=0),
        freight_cost=(flows * roads.cost).sum(axis=0),
        traded=flows.sum() - jnp.diagonal(flows).sum(),
        wasted=wasted,
        unmet=run.unmet,
        residual=allocation.info.residual,
        violation=allocation.info.violation,
    )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ready:
    """A year before scrap is shared.

    Attributes:
        capacity: ready to run, retirements and builds done [province, route].
        calendar: reline calendar without what is decided this year [province, slot].
        wasted: capacity retired early times its unused share of campaign [province].
        limits: what the segments can take, home scrap not yet charged, Mt [province, segment].
        on_site: home scrap charged by segment, Mt [province, segment].
        worth: CO2 that a tonne of scrap avoids, t/t [province, segment].
    """

    capacity: Array
    calendar: Array
    wasted: Array
    limits: Array
    on_site: Array
    worth: Array


def prepare(inputs: Inputs, world: World, drive: Drive, state: State, force: Force) -> Ready:
    """Retire, build and retrofit; let home scrap fill its place."""
    left = build.retire(inputs, world, state.capacity, state.calendar, force)
    limit = build.room_to_grow(inputs, world, left.capacity, force)
    expected = jnp.minimum(state.electric, force.output)
    built = build.build(inputs, world, left.capacity, limit, force, expected, drive.unit)
    ready = build.retrofit(inputs, world, built, limit, force)
    installed = (state.capacity * world.kind["scrap"][None, :]).sum(axis=1)
    reach = dispatch.electric_reach(inputs, installed, force.output)
    own_iron = (ready * world.kind["direct"][None, :]).sum(axis=1)
    converter = jnp.maximum(force.output - reach - own_iron, 0.0)
    limits = dispatch.scrap_limits(inputs, reach, converter, force.charge)
    on_site = fill(force.home, limits)
    worth = dispatch.scrap_worth(inputs, world, drive, ready, force)
    return Ready(ready, left.calendar, left.wasted, limits, on_site, worth)


def finish(
    inputs: Inputs, world: World, drive: Drive, ready: Ready, allocation: Allocation, state: State, force: Force
) -> tuple[State, Result]:
    """Run what there is on the scrap that arrived, and remember what was built for it."""
    charged = fill(ready.on_site.sum(axis=1) + allocation.arrivals, ready.limits)
    run = dispatch.dispatch(inputs, world, ready.capacity, charged, force)
    scrap_route = world.kind["scrap"]
    electric = (run.production * scrap_route[None, :]).sum(axis=1)
    capacity = ready.capacity + run.added[:, None] * world.kind["best"][None, :]
    capacity = jnp.where(scrap_route[None, :] > 0, jnp.maximum(state.capacity, electric[:, None]), capacity)
    slots = jnp.arange(ready.calendar.shape[1], dtype=ready.calendar.dtype)
    due = spread(slots, force.year - world.years[0] + inputs.uptake.campaign)
    calendar = ready.calendar + run.added[:, None] * due[None, :]
    return State(capacity, calendar, electric, allocation.memory), book(allocation, drive.roads, run, ready.wasted)


def step(
    inputs: Inputs, world: World, drive: Drive, policies: tuple[Policy, ...], states: State, force: Force
) -> tuple[State, Result]:
    """One year of all scenarios: they differ in the scrap policy only, so all else is traced once over their axis.

    Args:
        inputs: inputs.
        world: constants.
        drive: what all years share.
        policies: one per scenario.
        states: leading axis scenario.
        force: the year.

    Returns:
        States and results, leading axis scenario.
    """
    ready = jax.vmap(lambda state: prepare(inputs, world, drive, state, force))(states)
    left = ready.limits - ready.on_site
    answers = [
        policy(Problem(force.purchased, left[s], ready.worth[s], drive.roads, states.memory[s]))
        for s, policy in enumerate(policies)
    ]
    allocation = jax.tree.map(lambda *parts: jnp.stack(parts), *answers)
    return jax.vmap(lambda one, answer, state: finish(inputs, world, drive, one, answer, state, force))(
        ready, allocation, states
    )


def calendar_gap(world: World, state: State) -> Array:
    """Blast furnace capacity that is missing from the calendar, Mt [province]; zero but for rounding."""
    return (state.capacity * is_blast_furnace(world)[None, :]).sum(axis=1) - state.calendar.sum(axis=1)
