import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from table_world import AXES, DEPENDENCE, NOUNS, WORLD, write

from mc.draws import plan_draws
from mc.inputs.bind import Bound, bind
from mc.inputs.schema import quantities
from mc.study import Input, check_inputs
from mc.tables import Priors, PriorsError, read_priors

YEARS = range(2018, 2034)


def read(folder: Path, **texts: str) -> Priors:
    return read_priors(write(folder, **texts), nouns=NOUNS)


def bound_of(priors: Priors, first: int = 2018, last: int = 2033) -> Bound:
    return bind(priors, first, last, container=dict)


@pytest.fixture
def priors(tmp_path: Path) -> Priors:
    # The history ends in 2020; this world starts in it, so that it drops a row.
    return read(tmp_path)


@pytest.fixture
def bound(priors: Priors) -> Bound:
    return bound_of(priors, 2020)


def named(bound: Bound, name: str) -> Input:
    return next(item for item in bound.inputs if item.name == name)


def numbered(bound: Bound, dtype: Any = np.float32) -> dict[str, Any]:
    """A draw whose every element has a value of its own."""
    sizes = np.cumsum([0, *(len(item.priors) for item in bound.inputs)])
    return {
        item.name: np.arange(start + 1000, start + 1000 + len(item.priors), dtype=dtype).reshape(item.shape)
        for item, start in zip(bound.inputs, sizes, strict=False)
    }


def cast(tree: Any, dtype: Any = np.float32) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(dtype), tree)


def assembled(bound: Bound, draw: Mapping[str, Any], dtype: Any = np.float32) -> Any:
    return bound.assemble(cast(bound.data, dtype), draw)["world"]


def test_inputs_have_the_names_shapes_and_dimensions_of_the_tables(bound: Bound) -> None:
    found = {item.name: (item.shape, item.dimensions[:5], item.persistence) for item in bound.inputs}
    assert found == {
        "world.rate": ((), (0,), None),
        "world.share": ((2,), (1, 2), None),
        "world.mix": ((1,), (3,), None),
        "world.output": ((1,), (4,), None),
        "world.price[coal]": ((14,), (10, 11, 12, 13, None), "world.persistence"),
        "world.price[gas]": ((14,), (18, None, None, None, None), 1.0),
        "world.persistence": ((), (5,), None),
        "world.option": ((), (6,), None),
        "world.storage": ((), (7,), None),
        "world.noise": ((6,), (8, None, None, None, None), None),
    }
    assert (named(bound, "world.noise").shared, named(bound, "world.noise").shared_dimension) == (0.3, 9)
    assert named(bound, "world.price[coal]").labels[:2] == ("world.price[coal,2020]", "world.price[coal,2021]")
    assert named(bound, "world.option").priors[0].weights == (0.25, 0.75)
    assert [(pair.first, pair.second, pair.value) for pair in bound.correlations] == [
        ("world.rate", "world.persistence", 0.5)
    ]
    check_inputs(bound.inputs, bound.correlations)


def test_axes_carry_the_years_of_the_run_and_of_the_history(bound: Bound) -> None:
    assert bound.axes["year"] == tuple(range(2020, 2034))
    assert bound.axes["history"] == (2018, 2019, 2020)
    assert bound.axes["destination"] == bound.axes["province"] == ("CN-HE", "CN-JS")
    assert bound.groups["route"] == ("base", "best", "scrap")


def test_points_are_linear_between_anchors_and_constant_outside(bound: Bound) -> None:
    priors = named(bound, "world.price[coal]").priors
    at = np.interp(range(2020, 2034), [2020, 2030], [[0, 1]][0])
    expected = np.outer(1 - at, [100, 100, 100]) + np.outer(at, [100, 120, 180])
    np.testing.assert_allclose([(p.low, p.mid, p.high) for p in priors], expected, rtol=1e-12)
    assert [p.family for p in priors] == ["fixed"] + ["triangular"] * 13
    assert {(p.low, p.mid, p.high) for p in named(bound, "world.price[gas]").priors} == {(200, 300, 450)}


def test_every_element_has_the_value_its_row_says(priors: Priors, bound: Bound) -> None:
    """The plain way: look up every element by its label, else its row, else the row it is like, else the default."""
    draw = numbered(bound)
    drawn = {
        label: value for item in bound.inputs for label, value in zip(item.labels, draw[item.name].ravel(), strict=True)
    }
    known = {row.label: row.mid for row in priors.rows}
    like = {"best": "furnace"}

    def value(name: str, labels: tuple[Any, ...]) -> float:
        label = f"world.{name}[{','.join(map(str, labels))}]" if labels else f"world.{name}"
        if label in drawn or label in known:
            return float(drawn.get(label, known.get(label, math.nan)))
        parents = tuple(like.get(part, part) for part in labels)
        return 0.0 if parents == labels else value(name, parents)

    world = assembled(bound, draw)
    for name, quantity in quantities(NOUNS["world"]).items():
        array = np.asarray(getattr(world, name))
        axes = [bound.axes[axis] for axis in quantity.axes]
        assert array.shape == tuple(map(len, axes))
        for place in np.ndindex(array.shape):
            labels = tuple(axis[position] for axis, position in zip(axes, place, strict=True))
            assert array[place] == pytest.approx(value(name, labels), rel=1e-7), (name, labels)


def test_one_gather_serves_all_quantities_and_known_ones_pass_untouched(bound: Bound) -> None:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        graph = jax.make_jaxpr(bound.assemble)(cast(bound.data), numbered(bound))
    names = [equation.primitive.name for equation in graph.eqns]
    assert names.count("gather") == names.count("concatenate") == 1
    assert set(names) <= {"gather", "concatenate", "slice", "reshape", "broadcast_in_dim"}
    assert len(names) <= 12


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_all_arrays_have_the_precision_of_the_draw(bound: Bound, dtype: Any) -> None:
    with jax.enable_x64(True), jax.numpy_dtype_promotion("strict"), jax.numpy_rank_promotion("raise"):
        worlds = [
            jax.jit(bound.assemble)(cast(bound.data, dtype), numbered(bound, dtype)),
            bound.assemble(bound.data, numbered(bound, dtype)),  # data nobody has cast
        ]
    assert {leaf.dtype for leaf in jax.tree.leaves(worlds)} == {np.dtype(dtype)}


def test_a_changed_value_changes_data_alone(tmp_path: Path, bound: Bound) -> None:
    changed = bound_of(read(tmp_path / "other", world=WORLD.replace("fixed,,0.2", "fixed,,0.3")), 2020)
    assert changed.places == bound.places
    np.testing.assert_array_equal(changed.index, bound.index)
    assert jax.tree.structure(changed.data) == jax.tree.structure(bound.data)
    assert not np.array_equal(changed.data["gathered"], bound.data["gathered"])


def test_a_known_value_takes_its_row_out_of_the_draws(priors: Priors) -> None:
    known = bound_of(priors.replace("world.rate", 0.02, 0.02, 0.02), 2020)
    assert "world.rate" not in {item.name for item in known.inputs}
    assert known.correlations == ()
    assert assembled(known, numbered(known)).rate == pytest.approx(0.02)


def test_a_known_persistence_is_a_number(priors: Priors) -> None:
    known = bound_of(priors.replace("world.persistence", 0.9, 0.9, 0.9), 2020)
    assert named(known, "world.price[coal]").persistence == 0.9


def test_an_option_with_all_the_weight_is_known(priors: Priors) -> None:
    known = bound_of(priors.replace("world.storage[high]", 1, 1, 1), 2020)
    assert "world.storage" not in {item.name for item in known.inputs}
    assert assembled(known, numbered(known)).storage == 1.0


def test_replaced_years_without_a_path_row_move_together(tmp_path: Path) -> None:
    world = WORLD.replace("lognormal,200,300,450", "fixed,,300,")
    lines = [line for line in DEPENDENCE.splitlines() if "[gas]" not in line]
    dependence = "\n".join(lines).replace("path,world.price,", "path,world.price[coal],")
    priors = read(tmp_path, world=world, dependence=dependence)
    assert "world.price[gas]" not in {item.name for item in bound_of(priors, 2020).inputs}
    replaced = bound_of(priors.replace("world.price[gas,2025]", 200, 300, 400), 2020)
    gas = named(replaced, "world.price[gas]")
    assert (gas.persistence, gas.priors[0].family) == (1.0, "pert")


def test_a_path_before_its_first_uncertain_anchor_is_known(priors: Priors) -> None:
    early = bound_of(priors, 2018, 2019)
    assert "world.price[coal]" not in {item.name for item in early.inputs}
    world = assembled(early, numbered(early))
    np.testing.assert_array_equal(world.price[0], [100, 100])


def test_a_run_that_starts_inside_the_history_reads_it_up_to_there(priors: Priors) -> None:
    early = bound_of(priors, 2019)
    assert early.axes["history"] == (2018, 2019)
    np.testing.assert_array_equal(assembled(early, numbered(early)).output, [9, 10])


def test_a_run_that_starts_after_the_history_is_refused(priors: Priors) -> None:
    with pytest.raises(PriorsError, match=r"world.csv:10: world.output ends in 2020; add its years to 2025"):
        bound_of(priors, 2025)


def test_shares_of_each_group_are_an_input_of_their_own(tmp_path: Path) -> None:
    world = WORLD.replace("beta,0.5,0.7,0.8", "dirichlet,0.6,0.7,0.8").replace("fixed,,0.2,", "dirichlet,0.2,0.3,0.4")
    bound = bound_of(read(tmp_path, world=world), 2020)
    shares = named(bound, "world.mix[furnace]")
    assert shares.labels == ("world.mix[furnace,coal]", "world.mix[furnace,gas]")
    world_drawn = assembled(bound, numbered(bound))
    np.testing.assert_array_equal(world_drawn.mix[0], world_drawn.mix[1])


def test_hard_bounds_of_a_path_hold_between_anchors(tmp_path: Path) -> None:
    world = WORLD.replace("lognormal,200,300,450,,", "truncnormal,200,300,400,100,500")
    world += "price,,,gas,2029,,truncnormal,240,340,440,140,900,USD/t,expert,book,,\n"
    gas = named(bound_of(read(tmp_path, world=world), 2020), "world.price[gas]")
    bounds = [(prior.minimum, prior.maximum) for prior in gas.priors[5:10]]
    assert bounds == [(100, 500), (110, 600), (120, 700), (130, 800), (140, 900)]


def test_the_mean_draw_reaches_the_nouns_inside_the_declared_range(bound: Bound) -> None:
    plan = plan_draws(bound.inputs, bound.correlations, sampler="plain", seed=3)
    world = assembled(bound, plan.mean_draw(np.float32))
    for name, quantity in quantities(NOUNS["world"]).items():
        values = np.asarray(getattr(world, name))
        assert (values >= quantity.low).all(), name
        assert (values <= quantity.high).all(), name
    assert np.asarray(world.share).sum() == pytest.approx(1)
    assert world.option == 1.0


def test_labels_of_a_metal_without_rows_take_what_they_are_like(tmp_path: Path) -> None:
    axes = AXES.replace("route,electric", "route,finest,,,best,best,\nroute,electric")
    bound = bound_of(read(tmp_path, axes=axes), 2020)
    mix = np.asarray(assembled(bound, numbered(bound)).mix)
    np.testing.assert_array_equal(mix[2], mix[0])


def test_bound_is_frozen(bound: Bound) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        bound.inputs = ()  # type: ignore[misc]
