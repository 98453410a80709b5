import csv
from pathlib import Path

import jax
import numpy as np
import pytest

from mc.draws import plan_draws
from mc.inputs.bind import Bound, bind
from mc.inputs.schema import quantities
from mc.tables import Priors, read_priors
from mc.tables.dependence import paths

FOLDER = Path(__file__).parents[1] / "priors"


@pytest.fixture(scope="module")
def priors() -> Priors:
    return read_priors(FOLDER)


@pytest.fixture(scope="module")
def bound(priors: Priors) -> Bound:
    return bind(priors)


def test_every_table_passes_every_check(priors: Priors) -> None:
    assert {row.noun for row in priors.rows} == set(priors.nouns)
    assert len(priors.axes["province"].labels) == 31


def test_scalars_have_a_sobol_dimension_and_arrays_have_them_for_all_elements_or_none(priors: Priors) -> None:
    """A row that was forgotten stands out from its neighbours; where none has a dimension it is meant to be hashed."""
    forgotten = []
    for name, elements in priors.resolved.items():
        dated = paths(elements, priors.dependence)
        rows = [elements.rows[key][0] for key in elements.uncertain if key not in dated]
        with_dimension = [row.dimension is not None for row in rows]
        if not rows:
            continue
        if any(with_dimension) != all(with_dimension) or (not elements.quantity.axes and not all(with_dimension)):
            forgotten.append(name)
    assert forgotten == []


def test_every_source_is_used_by_a_row_or_named_in_a_note(priors: Priors) -> None:
    used = {row.source for row in priors.rows} | {row.source for row in priors.dependence}
    # Of the past: runs to 2060 do not read them.
    for table in ("history", "observed", "observed_by_province", "reported", "errors"):
        with (priors.folder / "steel" / f"{table}.csv").open(encoding="utf-8") as lines:
            used |= {row["source"] for row in csv.DictReader(lines)}
    notes = " ".join({row.note for row in priors.rows} | {row.note for row in priors.dependence})
    assert [key for key in priors.sources if key not in used and key not in notes] == []


def test_a_fitted_row_says_why(priors: Priors) -> None:
    silent = [row.label for row in priors.rows if row.kind == "fitted" and not row.note]
    assert silent == []


def test_draws_of_the_real_tables_have_the_declared_shapes_and_ranges(bound: Bound) -> None:
    plan = plan_draws(bound.inputs, bound.correlations, sampler="plain", seed=1)
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        data = jax.tree.map(lambda leaf: leaf.astype(np.float32), bound.data)
        draw = jax.jit(jax.vmap(lambda index: plan.draw(plan.tables, index, np.float32)))
        draws = draw(np.arange(64, dtype=np.uint32))
        inputs = jax.vmap(bound.assemble, in_axes=(None, 0))(data, draws)
    wrong = []
    for noun, cls in bound.nouns.items():
        for name, quantity in quantities(cls).items():
            values = np.asarray(getattr(getattr(inputs, noun), name))
            shape = tuple(len(bound.axes[axis]) for axis in quantity.axes)
            slack = 1e-6 * np.abs([quantity.low, quantity.high])
            slack = np.where(np.isfinite(slack), slack, 0)
            inside = (values >= quantity.low - slack[0]) & (values <= quantity.high + slack[1])
            if values.shape != (64, *shape) or not inside.all() or values.dtype != np.float32:
                wrong.append((noun, name, values.shape, values.min(), values.max()))
    assert wrong == []


def test_assembling_adds_few_operations_to_the_graph(bound: Bound) -> None:
    shapes = {item.name: jax.ShapeDtypeStruct(item.shape, np.float32) for item in bound.inputs}
    data = jax.tree.map(lambda leaf: leaf.astype(np.float32), bound.data)
    graph = jax.make_jaxpr(bound.assemble)(data, shapes)
    assert len(graph.eqns) < 60
    assert sum(equation.primitive.name == "gather" for equation in graph.eqns) == 1
