"""One year of the transition: who retires, what is built, where scrap goes, what runs.

The state is small: capacity by province and route, the reline calendar, and last year's electric steel.
"""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from mc.allocation.policies import RIVALS, Policy
from mc.allocation.problem import Allocation, Problem, Roads, ScrapPrices, fill, value
from mc.inputs.nouns import Inputs
from mc.model import build, dispatch, relines
from mc.model.drive import Drive, Force
from mc.model.paths import Tree, settled, sum_at, total
from mc.model.world import MELTS_OWN_IRON, Fleet, World, places
from mc.model.worth import ELECTRIC, Toll, charge, made, scrap_worth

Year = tuple[Force, build.Outlook, Toll | None]
"""What drives a year, and what it charges CO2 for if policies are to be judged by it."""


def years_of(inputs: Inputs, world: World, drive: Drive, toll: Toll | None = None) -> Year:
    """All years after the base year, leading axis year; a toll has no entry for the base year."""
    return drive.years, jax.vmap(lambda force: build.outlook(inputs, world, drive, force))(drive.years), toll


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """What one year hands to the next.

    Attributes:
        capacity: by route, Mt of hot metal or steel a year [province]; electric furnaces: highest output so far.
        renewed: blast furnace capacity relined or built, by year since the base year, as if nothing had retired early
            since it, Mt of hot metal [slot, province]: what comes up for reline a campaign later.
        electric: electric furnace steel of the year, Mt [province].
        memory: what the scrap policy remembers [province].
    """

    capacity: Fleet
    renewed: Array
    electric: Array
    memory: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Verdict:
    """How a policy did in the state it found: kept in runs that have a coordinated scenario.

    Attributes:
        flows: who ships to whom, Mt [province, destination].
        prices: what one more tonne would be worth.
        gap: proven distance of a coordinated plan from the best, over its value [].
        iterations: of the solver [].
        value: CO2 that purchased scrap avoids by the worth of its uses, freight taken off, Mt [].
        ahead: the same less what each rival policy would have reached in this state, Mt [rival].
        booked: the same as the chain books it, Mt [].
        booked_ahead: that less what the chain would book of each rival in this state, Mt [rival].
    """

    flows: Array
    prices: ScrapPrices
    gap: Array
    iterations: Array
    value: Array
    ahead: Array
    booked: Array
    booked_ahead: Array


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
    """

    arrivals: Array
    freight_work: Array
    traded: Array
    residual: Array
    violation: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Result:
    """What a year leaves behind.

    Attributes:
        production: crude steel, Mt [route, province].
        hot_metal: hot metal by route that makes it (`world.HOT_METAL`), Mt [route, province].
        scrap: scrap charged, home and purchased, by segment, Mt [province, segment].
        shipments: purchased scrap on its way.
        renewed: blast furnace capacity relined or built, as in `State`, Mt [province].
        unmet: crude steel that no capacity could make, Mt [province].
        electric_room: purchased scrap that electric furnaces could have used, Mt [province].
        verdict: how the policy did, if the run asks.
    """

    production: Array
    hot_metal: Array
    scrap: Array
    shipments: Shipments
    renewed: Array
    unmet: Array
    electric_room: Array
    verdict: Verdict | None


def ship(allocation: Allocation) -> Shipments:
    """What an allocation amounts to; freight is booked where scrap arrives."""
    hauled = allocation.hauled
    return Shipments(
        arrivals=hauled.arrivals,
        freight_work=hauled.work,
        traded=total(hauled.arrivals) - hauled.kept,
        residual=allocation.info.residual,
        violation=allocation.info.violation,
    )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Ready:
    """A year before scrap is shared.

    Attributes:
        capacity: ready to run, retirements and builds done, by route [province].
        relined: retrofitted furnaces relined as they are, Mt [province].
        limits: what the segments can take, home scrap not yet charged, Mt [province, segment].
        on_site: home scrap charged by segment, Mt [province, segment].
    """

    capacity: Fleet
    relined: Array
    limits: Array
    on_site: Array


def prepare(inputs: Inputs, world: World, drive: Drive, state: State, year: Year) -> Ready:
    """Retire, build and retrofit; let home scrap fill its place."""
    force, ahead, _ = year
    due = relines.due(inputs.uptake, state.renewed, drive.first_due, force)
    left = build.retire(world, state.capacity, due, force)
    expected = jnp.minimum(state.electric, force.output)
    built = build.build(inputs, world, left.capacity, (force, ahead), expected, drive)
    ready = build.retrofit(inputs, world, left.capacity, built, ahead)
    installed = sum_at(state.capacity, places(world, "scrap"))
    reach = settled(dispatch.electric_reach(inputs, installed, force.output))
    own_iron = sum_at(ready, places(world, *MELTS_OWN_IRON))
    converter = settled(jnp.maximum(force.output - reach - own_iron, 0.0))
    limits = dispatch.scrap_limits(inputs, reach, converter, force.charge)
    on_site = fill(force.home, limits)
    if force.copper_room is not None:
        limits = on_site + fill(force.copper_room, limits - on_site)
    return Ready(ready, left.relined, limits, on_site)


def finish(
    inputs: Inputs, world: World, ready: Ready, use: Array, state: State, force: Force
) -> tuple[State, dispatch.Run, Array]:
    """Run what there is on the scrap that arrived; the next state but for its calendar, what ran and was renewed."""
    run = dispatch.dispatch(inputs, world, ready.capacity, ready.on_site + use, force)
    melting, best = places(world, "scrap"), places(world, "best")
    electric = sum_at(run.production, melting)
    capacity = tuple(
        jnp.maximum(state.capacity[route], electric)
        if route in melting
        else size + run.added
        if route in best
        else size
        for route, size in enumerate(ready.capacity)
    )
    renewed = (ready.relined + run.added) / force.kept[None]
    return State(capacity, state.renewed, electric, state.memory), run, renewed


def pose(
    inputs: Inputs,
    world: World,
    roads: Roads,
    ready: Ready,
    memory: Array,
    electric_first: Array,
    year: tuple[Force, Toll | None],
) -> Problem:
    """The scrap problem of a year; what scrap is worth is left out where nobody asks."""
    force, toll = year
    left = ready.limits - ready.on_site
    if toll is None:
        return Problem(force.purchased, left, roads, memory)
    works = (ready.capacity, ready.on_site, ready.limits)
    return Problem(
        force.purchased, left, roads, memory, scrap_worth(inputs, world, (force, toll), works, electric_first)
    )


def judge(
    inputs: Inputs, world: World, ready: Ready, problem: Problem, allocation: Allocation, year: Year
) -> tuple[Verdict | None, Array]:
    """Hold an allocation against its rivals in the same state; and what the policy, or the market, remembers."""
    force, _, toll = year
    if toll is None:
        return None, allocation.memory
    rivals = {name: rival(problem) for name, rival in RIVALS.items()}
    reached, own = [value(problem, rival.flows) for rival in rivals.values()], value(problem, allocation.flows)
    plans = [allocation, *rivals.values()]
    scrap = jnp.stack([ready.on_site, *(ready.on_site + plan.use for plan in plans)])
    runs = jax.vmap(lambda one: made(dispatch.dispatch(inputs, world, ready.capacity, one, force)))(scrap)
    avoided = jax.vmap(lambda run: charge(toll, runs[0] - run).sum())(runs[1:])
    work = jnp.stack([(plan.flows * problem.roads.haul).sum() for plan in plans])
    booked = avoided - work * problem.roads.co2
    dtype = problem.supply.dtype
    verdict = Verdict(
        flows=allocation.flows,
        prices=allocation.prices,
        gap=allocation.info.gap,
        iterations=allocation.info.iterations,
        value=own.astype(dtype),
        ahead=jnp.stack([(own - rival).astype(dtype) for rival in reached]),
        booked=booked[0],
        booked_ahead=booked[0] - booked[1:],
    )
    return verdict, rivals["market"].memory


def stacked(trees: Sequence[Tree]) -> Tree:
    """One tree from those of the scenarios; leading axis scenario."""
    found: Tree = jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)
    return found


def step(
    inputs: Inputs, world: World, drive: Drive, policies: tuple[Policy, ...], states: State, year: Year
) -> tuple[State, Result]:
    """One year of all scenarios: they differ in the scrap policy only, so all else is traced once over their axis.

    Args:
        inputs: inputs.
        world: constants.
        drive: what all years share.
        policies: one per scenario.
        states: leading axis scenario.
        year: the year.

    Returns:
        States and results, leading axis scenario.
    """
    force, _, toll = year
    ready = jax.vmap(lambda state: prepare(inputs, world, drive, state, year))(states)
    electric_first = jnp.asarray([getattr(policy, "electric_first", False) for policy in policies], force.year.dtype)
    problems: Problem = jax.vmap(
        lambda one, memory, first: pose(inputs, world, drive.roads, one, memory, first, (force, toll))
    )(ready, states.memory, electric_first)
    allocations = [policy(jax.tree.map(lambda leaf, s=s: leaf[s], problems)) for s, policy in enumerate(policies)]
    allocation = stacked(allocations)
    verdict, memory = jax.vmap(lambda one, problem, answer: judge(inputs, world, one, problem, answer, year))(
        ready, problems, allocation
    )
    states, run, renewed = jax.vmap(lambda one, use, state: finish(inputs, world, one, use, state, force))(
        ready, allocation.use, dataclasses.replace(states, memory=memory)
    )
    states = dataclasses.replace(states, renewed=relines.remember(states.renewed, renewed, force))
    room = (ready.limits - ready.on_site)[:, :, ELECTRIC]
    shipments = jax.vmap(ship)(allocation)
    production, hot_metal = jnp.stack(run.production, axis=1), jnp.stack(run.hot_metal, axis=1)
    result = Result(production, hot_metal, run.scrap, shipments, renewed, run.unmet, room, verdict)
    return states, result
