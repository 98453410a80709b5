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
from mc.model import build, dispatch, relines
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
        renewed: blast furnace capacity relined or built, by year since the base year, as if nothing had retired early
            since it, Mt of hot metal [slot, province]: what comes up for reline a campaign later.
        electric: electric furnace steel of the year, Mt [province].
        memory: what the scrap policy remembers [province].
    """

    capacity: Array
    renewed: Array
    electric: Array
    memory: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Shipments:
    """What an allocation amounts to.

    Attributes:
        arrivals: purchased scrap that arrives, Mt [province].
        freight_work: tonne-kilometres by destination, Mt km [province].
        traded: scrap that crosses a province's border, Mt [].
        residual: what the scrap policy meant to place and did not, share of supply [].
        violation: breach of a supply or limit by the policy, Mt [].
        memory: what the policy remembers [province].
    """

    arrivals: Array
    freight_work: Array
    traded: Array
    residual: Array
    violation: Array
    memory: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Result:
    """What a year leaves behind.

    Attributes:
        production: crude steel, Mt [province, route].
        hot_metal: hot metal made, Mt [province, route].
        scrap: scrap charged, home and purchased, by segment, Mt [province, segment].
        shipments: purchased scrap on its way.
        renewed: blast furnace capacity relined or built, as in `State`, Mt [province].
        unmet: crude steel that no capacity could make, Mt [province].
    """

    production: Array
    hot_metal: Array
    scrap: Array
    shipments: Shipments
    renewed: Array
    unmet: Array


def ship(allocation: Allocation, roads: Roads) -> Shipments:
    """Add up flows; freight is booked where scrap arrives."""
    flows = allocation.flows
    return Shipments(
        arrivals=allocation.arrivals,
        freight_work=(flows * roads.haul).sum(axis=0),
        traded=flows.sum() - jnp.diagonal(flows).sum(),
        residual=allocation.info.residual,
        violation=allocation.info.violation,
        memory=allocation.memory,
    )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ready:
    """A year before scrap is shared.

    Attributes:
        capacity: ready to run, retirements and builds done [province, route].
        relined: retrofitted furnaces relined as they are, Mt [province].
        limits: what the segments can take, home scrap not yet charged, Mt [province, segment].
        on_site: home scrap charged by segment, Mt [province, segment].
        worth: CO2 that a tonne of scrap avoids, t/t [province, segment].
    """

    capacity: Array
    relined: Array
    limits: Array
    on_site: Array
    worth: Array


def prepare(inputs: Inputs, world: World, drive: Drive, state: State, force: Force) -> Ready:
    """Retire, build and retrofit; let home scrap fill its place."""
    due = relines.due(inputs.uptake, state.renewed, drive.first_due, force)
    left = build.retire(world, state.capacity, due, force)
    limit = build.room_to_grow(inputs, world, left.capacity, force)
    expected = jnp.minimum(state.electric, force.output)
    built = build.build(world, left.capacity, limit, force, expected, drive)
    ready = build.retrofit(inputs, world, built, limit, force, drive)
    installed = (state.capacity * world.kind["scrap"][None, :]).sum(axis=1)
    reach = dispatch.electric_reach(inputs, installed, force.output)
    own_iron = (ready * world.kind["direct"][None, :]).sum(axis=1)
    converter = jnp.maximum(force.output - reach - own_iron, 0.0)
    limits = dispatch.scrap_limits(inputs, reach, converter, force.charge)
    on_site = fill(force.home, limits)
    worth = dispatch.scrap_worth(inputs, world, drive, ready, force)
    return Ready(ready, left.relined, limits, on_site, worth)


def finish(
    inputs: Inputs, world: World, ready: Ready, shipments: Shipments, state: State, force: Force
) -> tuple[State, Result]:
    """Run what there is on the scrap that arrived, and remember what was built for it."""
    charged = fill(ready.on_site.sum(axis=1) + shipments.arrivals, ready.limits)
    run = dispatch.dispatch(inputs, world, ready.capacity, charged, force)
    scrap_route = world.kind["scrap"]
    electric = (run.production * scrap_route[None, :]).sum(axis=1)
    capacity = ready.capacity + run.added[:, None] * world.kind["best"][None, :]
    capacity = jnp.where(scrap_route[None, :] > 0, jnp.maximum(state.capacity, electric[:, None]), capacity)
    renewed = (ready.relined + run.added) / force.kept
    history = relines.remember(state.renewed, renewed, force)
    result = Result(run.production, run.hot_metal, run.scrap, shipments, renewed, run.unmet)
    return State(capacity, history, electric, shipments.memory), result


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
    shipped = [
        ship(policy(Problem(force.purchased, left[s], ready.worth[s], drive.roads, states.memory[s])), drive.roads)
        for s, policy in enumerate(policies)
    ]
    shipments = jax.tree.map(lambda *parts: jnp.stack(parts), *shipped)
    return jax.vmap(lambda one, sent, state: finish(inputs, world, one, sent, state, force))(ready, shipments, states)
