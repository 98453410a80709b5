"""The steel chain of the real priors, compiled once a process, run for one draw of any inputs."""

import dataclasses
import functools
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mc.allocation.coordinated import FREE, policy_of
from mc.draws import plan_draws
from mc.inputs.bind import Bound
from mc.inputs.nouns import Inputs
from mc.model import chain, demand, stock
from mc.model.scenario import Options, Scenario
from mc.model.world import World, make_world
from mc.study import Study
from mc.tables import read_priors

PRIORS = Path(__file__).parents[2] / "priors"
POLICIES = ("autarky", "market", "pro_rata")
QUICK = {"xla_backend_optimization_level": "0", "xla_llvm_disable_expensive_passes": True}
"""Compiler options: half the time to compile, which is what a test of a few draws spends."""


@functools.cache
def study() -> Study:
    return chain.steel_study(read_priors(PRIORS), tuple(Scenario(name, name) for name in POLICIES), Options())


def bound() -> Bound:
    found: Bound = study().function.args[0]  # type: ignore[attr-defined]
    return found


@functools.cache
def drawer() -> Any:
    """(tables, jitted function of tables and index) that makes the inputs of a draw."""
    plan = plan_draws(study().inputs, study().correlations, sampler="sobol", seed=1)
    tables = study().data["tables"]

    def make(arrays: Any, index: jax.Array) -> Inputs:
        return bound().assemble(tables, plan.draw(arrays, index, jnp.float64))

    return plan.tables, jax.jit(make, compiler_options=QUICK)


@functools.cache
def draw(index: int) -> Inputs:
    """Inputs of a draw, float64 numpy."""
    with jax.enable_x64(True):
        tables, make = drawer()
        return jax.tree.map(lambda x: np.asarray(x, np.float64), make(tables, jnp.uint32(index)))  # type: ignore[no-any-return]


def changed(inputs: Inputs, **values: Any) -> Inputs:
    """Inputs with other values; `scrap__net_import=5` sets scrap.net_import, broadcast to its shape."""
    nouns: dict[str, dict[str, np.ndarray]] = {}
    for key, value in values.items():
        noun, quantity = key.split("__")
        shape = np.shape(getattr(getattr(inputs, noun), quantity))
        nouns.setdefault(noun, {})[quantity] = np.broadcast_to(np.asarray(value, np.float64), shape).copy()
    return dataclasses.replace(
        inputs, **{noun: dataclasses.replace(getattr(inputs, noun), **new) for noun, new in nouns.items()}
    )


def world_of(
    inputs: Inputs, accounting: str = "stack_monitoring", on_site: bool = True, limits_copper: bool = False
) -> World:
    axes, groups = bound().axes, bound().groups["route"]
    crude, distance = np.asarray(inputs.demand.crude_steel_2020), np.asarray(inputs.distances.distance)
    return make_world(axes, groups, bound().groups["province"], crude, distance, accounting, on_site, limits_copper)


def basis_of(inputs: Inputs) -> np.ndarray:
    constants = {name: np.asarray(getattr(inputs.demand, name)) for name in demand.HISTORY_CONSTANTS}
    series = demand.history_series(constants, np.asarray(bound().axes["history"]))
    return stock.history_basis(series, len(bound().axes["year"]))


def whole(names: tuple[str, ...], inputs: Inputs, world: World, basis: Any) -> dict[str, jax.Array]:
    """The chain as a function of its inputs instead of a draw."""
    passing: Any = types.SimpleNamespace(assemble=lambda tables, _: tables)
    with jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        policies = tuple(policy_of(name, FREE) for name in names)
        return chain.steel(passing, policies, {"world": world, "basis": basis, "tables": inputs}, {})


@functools.cache
def compiled(names: tuple[str, ...]) -> Any:
    return jax.jit(functools.partial(whole, names), compiler_options=QUICK)


def outputs(
    inputs: Inputs, world: World | None = None, dtype: Any = np.float64, policies: tuple[str, ...] = POLICIES
) -> dict[str, np.ndarray]:
    """Every output of the chain for these inputs, scenario axis as in `policies`."""
    world = world or world_of(inputs)
    with jax.enable_x64(True):
        arguments = jax.tree.map(lambda x: jnp.asarray(x, dtype), (inputs, world, basis_of(inputs)))
        return {name: np.asarray(value) for name, value in compiled(policies)(*arguments).items()}
