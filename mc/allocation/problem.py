"""The seam between chain and scrap policy: one year's supplies, limits and worth in, arrivals and flows out."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.model.paths import most, product, settled, total

SEGMENTS = ("converter_base", "electric", "converter_extra")
"""Uses of scrap in a province, in the order in which steelworks fill them: cooling of converters, electric furnaces,
more scrap in converters."""


CONVERTER_STEPS, ELECTRIC_STEPS = 2, 8
"""Steps into which the room of converters and of electric furnaces is cut, for what scrap is worth falls with each."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Roads:
    """How scrap can move in a draw; the same in all years.

    Attributes:
        haul: distance scrap is moved: a local haul and, to another province, the distance between capitals, km
            [province, destination].
        co2: freight emissions, t CO2 per t km [].
        cost: freight cost that grows with distance, CNY per t km [].
        loading: freight cost that does not, CNY per t [].
        pull: gravity of the market, exp(-distance / d0) [province, destination].
        nearest: where scrap goes under autarky, 0/1 [province, destination].
        region: 1 where both lie in the same region [province, destination].
    """

    haul: Array
    co2: Array
    cost: Array
    loading: Array
    pull: Array
    nearest: Array
    region: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Steps:
    """What scrap is worth where, for policies that seek the best plan: the more a province takes, the less.

    Attributes:
        size: room in steps, those of converters before those of electric furnaces, Mt [destination, step].
        worth: CO2 that a tonne of scrap avoids in a step, t/t [destination, step].
    """

    size: Array
    worth: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Problem:
    """One year of one draw.

    Attributes:
        supply: purchased scrap on offer, Mt [province].
        limits: what each segment can still take, Mt [destination, segment].
        roads: freight.
        memory: what the policy remembers of the year before (market: column scaling) [destination].
        steps: what scrap is worth; None in a run where no policy asks.
    """

    supply: Array
    limits: Array
    roads: Roads
    memory: Array
    steps: Steps | None = None

    @property
    def priced(self) -> Steps:
        """Its steps; ValueError without."""
        if self.steps is None:
            raise ValueError("this policy needs to know what scrap is worth: Problem.steps")
        return self.steps


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Info:
    """How well the policy solved its problem.

    Attributes:
        residual: scrap that the policy meant to place and did not, over supply [].
        violation: largest breach of a supply or a limit, Mt [].
        gap: proven distance from the best plan, over its value; 0 for a policy that seeks no best plan [].
        iterations: of the solver [].
    """

    residual: Array
    violation: Array
    gap: Array
    iterations: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class ScrapPrices:
    """What one more tonne of scrap would be worth, t CO2 per t; 0 under a policy that sets no prices.

    Attributes:
        source: where it arises [province].
        delivered: where it is used [destination].
    """

    source: Array
    delivered: Array


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Hauled:
    """Sums of flows.

    Attributes:
        arrivals: what arrives, Mt [destination].
        sent: what leaves or stays, Mt [province].
        work: tonne-kilometres where they end, Mt km [destination].
        kept: what stays in its province, Mt [].
    """

    arrivals: Array
    sent: Array
    work: Array
    kept: Array


def add_up(flows: Array, roads: Roads) -> Hauled:
    """Sums of flows [province, destination]."""
    return Hauled(flows.sum(axis=0), flows.sum(axis=1), (flows * roads.haul).sum(axis=0), jnp.trace(flows))


def add_up_product(rows: Array, pull: Array, columns: Array, roads: Roads) -> Hauled:
    """Sums of the flows rows x pull x columns, which are 31 x 31 numbers that need not be made for it."""
    size = range(pull.shape[0])
    return Hauled(
        arrivals=settled(product(rows, pull) * columns),
        sent=settled(rows * product(columns, jnp.swapaxes(pull, 0, 1))),
        work=settled(product(rows, pull * roads.haul) * columns),
        kept=functools.reduce(jnp.add, [rows[place] * pull[place, place] * columns[place] for place in size]),
    )


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Allocation:
    """Answer of a policy.

    Attributes:
        flows: who ships to whom, Mt [province, destination].
        hauled: their sums.
        use: what arrivals are used for, Mt [destination, segment].
        memory: what to remember for the next year [destination].
        prices: what the plan says scrap is worth.
        info: quality of the answer.
    """

    flows: Array
    hauled: Hauled
    use: Array
    memory: Array
    prices: ScrapPrices
    info: Info


def answer(
    problem: Problem, factors: tuple[Array, Array, Array], memory: Array, placeable: Array | None = None
) -> Allocation:
    """Allocation of a policy without prices: arrivals fill the segments in their order.

    Args:
        problem: the year.
        factors: rows [province], pull [province, destination] and columns [destination] whose product are the flows.
        memory: what to remember [destination].
        placeable: scrap that the policy meant to place, Mt []; None for what it placed.
    """
    rows, pull, columns = factors
    hauled = add_up_product(rows, pull, columns, problem.roads)
    arrivals, flows = hauled.arrivals, rows[:, None] * pull * columns[None]
    over_supply = most(hauled.sent - problem.supply)
    over_limit = most(arrivals - total(problem.limits, 1))
    violation = jnp.maximum(jnp.maximum(over_supply, over_limit), 0.0)
    zero = jnp.zeros_like(violation)
    missed = zero if placeable is None else placeable - total(arrivals)
    info = Info(left_over(problem, missed), violation, zero, zero)
    none = jnp.zeros_like(problem.supply)
    return Allocation(flows, hauled, fill(arrivals, problem.limits), memory, ScrapPrices(none, none), info)


def left_over(problem: Problem, amount: Array) -> Array:
    """An amount of scrap over supply; finite where there is none."""
    return amount / jnp.maximum(total(problem.supply), float(np.finfo(problem.supply.dtype).tiny))


def fill(amount: Array, limits: Array) -> Array:
    """Put an amount into the segments in their order, each to its limit [destination, segment]."""
    before = jnp.cumsum(limits, axis=1) - limits
    return jnp.clip(amount[:, None] - before, 0.0, limits)


def value(problem: Problem, flows: Array) -> Array:
    """CO2 that flows avoid, freight taken off, Mt, in float64 []; what the optimiser makes largest.

    Arrivals count as used where they are worth most, also those of a policy that fills segments in their order.
    """
    double = jnp.float64
    size, worth = problem.priced.size.astype(double), problem.priced.worth.astype(double)
    flows, haul = flows.astype(double), problem.roads.haul.astype(double)
    use = most_worth_first(flows.sum(axis=0), size, worth)
    return (worth * use).sum() - (flows * haul).sum() * problem.roads.co2.astype(double)


def most_worth_first(amount: Array, size: Array, worth: Array) -> Array:
    """Put an amount into steps, the one of most worth first, none at a loss [destination, step]."""
    order = jnp.arange(size.shape[1])
    before = (worth[:, None, :] > worth[:, :, None]) | (
        (worth[:, None, :] == worth[:, :, None]) & (order[None, :] < order[:, None])[None]
    )
    room = jnp.where(worth > 0.0, size, 0.0)
    return jnp.clip(amount[:, None] - jnp.where(before, room[:, None, :], 0.0).sum(axis=2), 0.0, room)
