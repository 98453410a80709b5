"""Chosen years of a coordinated path: fronts between objectives, and which instruments lead a market to the plan.

One draw in, plain arrays out, as a study of its own: the ensemble gives fronts and prices their spread and errors.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.allocation.coordinated import Coordinated, transport
from mc.allocation.exact import epsilon_constraint
from mc.allocation.front import Front, front
from mc.allocation.indicators import hypervolume, knee, normalised
from mc.allocation.neutrality import hinge_error, hinge_of, with_hinge
from mc.allocation.objectives import Objectives, in_double
from mc.allocation.policies import RIVALS
from mc.allocation.problem import Problem
from mc.allocation.solve import solve
from mc.inputs.bind import Bound
from mc.inputs.nouns import Inputs
from mc.model import dispatch, emissions, year
from mc.model.before import Before, before
from mc.model.chain import first_result, first_state, ground
from mc.model.instruments import BILLION, INSTRUMENTS, LEVERS, forgone, slopes, support
from mc.model.report import WORST_GAP
from mc.model.scenario import Options
from mc.model.world import World
from mc.model.worth import Toll, charge, co2_toll, cost_toll, made, pollutant_toll, scrap_worth
from mc.study import Output, Study
from mc.tables import InputError, Priors

OBJECTIVES = {"co2": "Mt year-1", "cost": "GCNY year-1", "pollutants": "1e6 year-1", "neutrality": "Mt year-1"}
"""Objectives with the units of what a plan avoids: CO2, cost, taxable units of SO2, NOx and PM, and CO2 down to the
widest threshold of neutrality."""

SHARES = tuple(np.linspace(0.0, 1.0, 21).round(2).tolist())
"""Shares of its range in the first objective that are given up for the second."""


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked of the chosen years.

    Attributes:
        years: model years after the base year.
        pair: two objectives.
        points: of each front.
        levels: what must be avoided of the first objective at least, in its unit: the second is sought for each.
    """

    years: tuple[int, ...]
    pair: tuple[str, str] = ("co2", "cost")
    points: int = 33
    levels: tuple[float, ...] = ()


def tradeoff_outputs(question: Question) -> tuple[Output, ...]:
    """What the study returns for each year of the question."""
    first, second = question.pair
    units = OBJECTIVES[first], OBJECTIVES[second]
    of_front = (
        ("front_first", units[0], ("point",), f"Avoided {first} on the front"),
        ("front_second", units[1], ("point",), f"Avoided {second} on the front"),
        ("front_gained_share", "1", ("share",), f"Share of its range that {second} gains for a share of {first}"),
        ("front_ideal", "1", ("objective",), "Best value of each objective, in its unit"),
        ("front_nadir", "1", ("objective",), "Value of each objective where the other is best, in its unit"),
        ("front_knee", "1", ("objective",), "Values farthest from the line between the ends, in their units"),
        ("front_hypervolume", "1", (), "Share of the box between nadir and ideal that the front dominates"),
    )
    at_levels = (
        ("front_at_level", units[1], ("level",), f"Most avoided {second} with so much avoided {first} or all there is"),
        ("front_in_reach", "1", ("level",), f"1 where so much {first} can be avoided"),
    )
    of_market = (
        ("co2_forgone", "Mt year-1", ("instrument",), "CO2 that an instrument avoids less than the best plan"),
        ("gain_slope", "Mt year-1", ("lever", "rival"), "Gain on a rival in the same state for 1 % more of a lever"),
        ("scrap_support_price", "CNY t-1", ("province",), "Price of scrap from a province that goes with it"),
        (
            "use_premium",
            "CNY t-1",
            ("province",),
            "What using scrap must earn, or be charged, for works to choose it",
        ),
        ("freight_relief", "CNY t-1 km-1", (), "What freight must cost less than it does, per tonne-kilometre"),
    )
    of_hinge = (
        ("hinge_hidden", "CO2 on the way to neutrality that plans of the front avoid and the objective does not count"),
        ("hinge_error", "Most CO2 on the way to neutrality by which a plan could beat the front"),
    )
    results = (*of_front, *(at_levels if question.levels else ()), *of_market)
    return (
        *(Output(name, unit, ("front_year", *dims), text) for name, unit, dims, text in results),
        *(
            Output(name, OBJECTIVES["neutrality"], ("front_year",), text, "diagnostic")
            for name, text in of_hinge
            if "neutrality" in question.pair
        ),
        Output("front_gap", "1", ("front_year",), "Largest proven distance of a point from its best", "diagnostic"),
        Output("fault_front", "1", (), "1 where a plan is not proven best", "fault"),
    )


def works(inputs: Inputs, world: World, ahead: Before, policy: Coordinated, toll: Toll) -> tuple[year.Ready, Array]:
    """The works as each year of a coordinated path finds them, and what the market remembers; leading axis year."""

    def one(states: year.State, now: year.Year) -> tuple[year.State, tuple[year.Ready, Array]]:
        state = jax.tree.map(lambda leaf: leaf[0], states)
        ready = year.prepare(inputs, world, ahead.drive, state, now)
        states, _ = year.step(inputs, world, ahead.drive, (policy,), states, now)
        return states, (ready, state.memory)

    first = jax.tree.map(lambda leaf: leaf[None], first_state(inputs, world, ahead))
    years = year.years_of(inputs, world, ahead.drive, jax.tree.map(lambda path: path[1:], toll))
    found: tuple[year.Ready, Array] = jax.lax.scan(one, first, years)[1]
    return found


def objectives_of(
    problem: Problem, worth: dict[str, Array], roads_cost: tuple[Array, Array], need: Array
) -> Objectives:
    """The objectives of a year; freight has CO2 and cost."""
    roads = problem.roads
    haul = roads.haul.astype(jnp.float64)
    freight = {
        "co2": haul * roads.co2.astype(jnp.float64),
        "cost": (haul * roads_cost[0].astype(jnp.float64) + roads_cost[1].astype(jnp.float64)) * BILLION,
        "pollutants": jnp.zeros_like(haul),
    }
    names = tuple(worth)
    objectives = Objectives(
        problem.supply,
        problem.priced.size,
        jnp.stack([worth[name] for name in names]),
        jnp.stack([freight[name] for name in names]),
        names,
    )
    return with_hinge(in_double(objectives), need.astype(jnp.float64))


def one_year(
    question: Question,
    case: tuple[Inputs, World, Before],
    tolls: dict[str, Toll],
    base: Array,
    at: Array,
    now: tuple[year.Ready, Array],
) -> dict[str, Array]:
    """Front and instruments of a year; `at` counts years after the base year from zero."""
    inputs, world, ahead = case
    ready, memory = now
    force = jax.tree.map(lambda path: path[at], ahead.drive.years)
    tolls = {name: jax.tree.map(lambda path: path[at + 1], toll) for name, toll in tolls.items()}
    first = jnp.zeros((), force.output.dtype)
    problem = year.pose(inputs, world, ahead.drive.roads, ready, memory, first, (force, tolls["co2"]))
    case_of = (ready.capacity, ready.on_site, ready.limits)
    scale = {"co2": 1.0, "cost": BILLION, "pollutants": 1.0}
    worth = {
        name: scrap_worth(inputs, world, (force, toll), case_of, first).worth * scale[name]
        for name, toll in tolls.items()
    }
    run = dispatch.dispatch(inputs, world, ready.capacity, ready.on_site, force)
    # The widest of the thresholds side by side: above it a province is neutral by none of them.
    need = charge(tolls["co2"], made(run)) - inputs.neutrality.threshold.max() * base
    objectives = objectives_of(problem, worth, (ahead.drive.roads.cost, ahead.drive.roads.loading), need)
    plan = solve(transport(problem))
    found = front(objectives, question.pair, question.points)
    exact = epsilon_constraint(objectives, question.pair, levels_of(question, found), found)
    carbon = inputs.costs.carbon_price[at + 1]
    price, premium = support(problem, plan, worth["cost"] / BILLION, carbon)
    relief = ahead.drive.roads.cost - carbon * ahead.drive.roads.co2
    return {
        **front_report(question, found, exact),
        **hinge_report(question, found, objectives, need),
        "co2_forgone": forgone(problem, plan, objectives),
        "gain_slope": slopes(problem),
        "scrap_support_price": price,
        "use_premium": premium,
        "freight_relief": relief.astype(jnp.float64),
        "unproven": jnp.maximum(jnp.maximum(found.gap.max(), exact.gap.max()), plan.gap),
    }


def levels_of(question: Question, found: Front) -> Array:
    """Levels of the first objective whose exact points are sought: a draw's own by share, then those asked for."""
    own = found.ideal[0] - jnp.asarray(SHARES, jnp.float64) * (found.ideal[0] - found.nadir[0])
    return jnp.concatenate([own, jnp.asarray(question.levels, jnp.float64)])


def front_report(question: Question, found: Front, exact: Front) -> dict[str, Array]:
    """A front in numbers: points of even weights, and exact ones at the levels of `levels_of`."""
    own, asked = exact.values[: len(SHARES)], exact.values[len(SHARES) :]
    numbers = {
        "front_first": found.values[:, 0],
        "front_second": found.values[:, 1],
        "front_gained_share": normalised(found, own)[:, 1],
        "front_ideal": found.ideal,
        "front_nadir": found.nadir,
        "front_knee": knee(found).values,
        "front_hypervolume": hypervolume(found),
        "front_gap": jnp.maximum(found.gap.max(), exact.gap.max()),
    }
    if question.levels:
        in_reach = found.ideal[0] >= jnp.asarray(question.levels, jnp.float64)
        numbers |= {"front_at_level": asked[:, 1], "front_in_reach": in_reach.astype(jnp.float64)}
    return numbers


def hinge_report(question: Question, found: Front, objectives: Objectives, need: Array) -> dict[str, Array]:
    """How far the linear stand-in for neutrality is from the hinges themselves, if it is an objective."""
    if "neutrality" not in question.pair:
        return {}
    avoided, need = objectives.worth[objectives.names.index("co2")], need.astype(jnp.float64)
    counted = found.values[:, question.pair.index("neutrality")]
    reached = jax.vmap(lambda use: hinge_of(avoided, use, need))(found.use)
    return {
        "hinge_hidden": jnp.maximum(reached - counted, 0.0).max(),
        "hinge_error": hinge_error(objectives.limits, avoided, need),
    }


def tradeoffs(bound: Bound, question: Question, data: dict[str, Any], draw: dict[str, Array]) -> dict[str, Array]:
    """One draw: walk the coordinated path, stop in the chosen years."""
    world, inputs = data["world"], bound.assemble(data["tables"], draw)
    ahead = before(inputs, world, data["basis"])
    flows = emissions.year_flows(inputs, world, ahead.drive, ahead.setting)
    tolls = {
        "co2": co2_toll(inputs, world, ahead.setting, flows),
        "cost": cost_toll(inputs, world, ahead.setting, flows),
        "pollutants": pollutant_toll(inputs, ahead.setting, flows),
    }
    found = works(inputs, world, ahead, Coordinated(), tolls["co2"])
    start = first_result(world, ahead)
    base = charge(
        jax.tree.map(lambda path: path[0], tolls["co2"]), jnp.concatenate([start.production, start.hot_metal]).T
    )
    # The first step of the path is the year after the base year.
    chosen = jnp.asarray([asked - int(bound.axes["year"][0]) - 1 for asked in question.years], jnp.int32)
    outputs: dict[str, Array] = jax.lax.map(
        lambda at: one_year(
            question, (inputs, world, ahead), tolls, base, at, jax.tree.map(lambda path: path[at], found)
        ),
        chosen,
    )
    unproven = outputs.pop("unproven").max()
    fault = ((unproven > WORST_GAP) | ~jnp.isfinite(unproven)).astype(jnp.float64)
    return outputs | {"fault_front": fault}


def tradeoff_study(
    priors: Priors, question: Question, options: Options | None = None, first_year: int = 2020, last_year: int = 2060
) -> Study:
    """The chosen years as a study.

    Raises:
        InputError: a year that the path does not pass, an objective that does not exist.
    """
    for name in question.pair:
        if name not in OBJECTIVES:
            raise InputError(f"unknown objective {name!r}; expected two of {', '.join(OBJECTIVES)}")
    if question.pair[0] == question.pair[1]:
        raise InputError(f"a front needs two objectives, not {question.pair[0]!r} twice")
    for asked in question.years:
        if not first_year < asked <= last_year:
            raise InputError(f"year {asked} is not on the path; choose years from {first_year + 1} to {last_year}")
    bound, world, basis = ground(priors, options or Options(), first_year, last_year)
    coords: dict[str, tuple[Any, ...]] = {
        **bound.axes,
        "front_year": question.years,
        "point": tuple(range(1, question.points + 1)),
        "share": SHARES,
        "level": question.levels,
        "objective": question.pair,
        "instrument": INSTRUMENTS,
        "lever": LEVERS,
        "rival": tuple(RIVALS),
    }
    return Study(
        name="steel tradeoffs",
        inputs=bound.inputs,
        outputs=tradeoff_outputs(question),
        coords=coords,
        data={"world": world, "basis": basis, "tables": bound.data},
        function=functools.partial(tradeoffs, bound, question),
        correlations=bound.correlations,
    )
