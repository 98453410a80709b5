"""The past of kept draws: the model of history on the inputs that a cube holds, for rows of years before the run."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mc.errors import InputError
from mc.past import PASTS
from mc.pose import read_priors_of
from mc.runfile import Run
from mc.runfile.schema import RunFile

if TYPE_CHECKING:
    from mc.posterior.kept import Floats, History, KeptDraws
    from mc.study import Study

BATCH = 256
"""Draws that are evaluated together."""


def past_of_draws(kept: "KeptDraws", priors: Path, seed: int) -> "History":
    """Outputs of history for every kept draw; inputs that only history has are drawn from their priors.

    Raises:
        InputError: no model of this past, or the priors are not those of the run.
    """
    run = _run_of(kept, priors)
    if source := learned_from(kept):
        raise InputError(f"{kept.cube}: draws from the posterior {source}; leave out rows before the run, or fit anew")
    if run.model.metal not in PASTS:
        raise InputError(f"{kept.cube}: no model of the past of {run.model.metal!r}; leave out rows before the run")
    digest = kept.root.attrs.get("priors_digest")
    if read_priors_of(run).digest != digest:
        raise InputError(f"{priors}: not the priors of {kept.cube}: they were changed since; run again, or name those")
    _, study = PASTS[run.model.metal](run)
    return _evaluated(study, _inputs_of(kept, study, seed))


def learned_from(kept: "KeptDraws") -> str:
    """The posterior that a run drew from; empty for one that drew from its priors."""
    asked = json.loads(kept.root.attrs.get("run", "{}"))
    return str(asked.get("posterior", {}).get("file", ""))


def _run_of(kept: "KeptDraws", priors: Path) -> Run:
    """The run that a cube remembers, with the folder of its priors."""
    try:
        asked = RunFile.model_validate_json(kept.root.attrs["run"])
    except (KeyError, ValueError):
        raise InputError(
            f"{kept.cube}: does not say how it was made; rows before its first year cannot be used"
        ) from None
    fields: dict[str, Any] = {name: getattr(asked, name) for name in RunFile.model_fields}
    return Run(**fields, file=kept.cube, priors=priors.absolute(), cube=kept.cube, origins={})


def _inputs_of(kept: "KeptDraws", study: "Study", seed: int) -> "dict[str, Floats]":
    """Inputs of history [draw, ...]: kept ones by name, the others from their priors, independent of them."""
    import jax
    import jax.numpy as jnp

    from mc.blocks import precise
    from mc.draws import plan_draws
    from mc.posterior.kept import input_values

    shared = [item for item in study.inputs if item.name in kept.inputs]
    rest = [item for item in study.inputs if item.name not in kept.inputs]
    found = {}
    for item in shared:
        values, _ = input_values(kept, item.name)
        if values.shape[1:] != item.shape:
            raise InputError(f"{kept.cube}: {item.name} has another shape than in the history; run again")
        found[item.name] = values
    owner = {label: item.name for item in study.inputs for label in item.labels}
    own = {item.name for item in rest}
    pairs = [pair for pair in study.correlations if {owner[pair.first], owner[pair.second]} & own]
    if torn := [pair for pair in pairs if not {owner[pair.first], owner[pair.second]} <= own]:
        raise InputError(
            f"{torn[0].first} hangs together with {torn[0].second}, which the cube holds; use ferrocast fit"
        )
    if rest:
        plan = plan_draws(rest, pairs)
        scores = np.random.default_rng((seed, 4)).standard_normal((len(kept.index), len(plan.columns)))
        with precise():
            drawn = jax.vmap(lambda row: plan.from_scores(plan.tables, row))(jnp.asarray(scores))
        found |= {name: np.asarray(values) for name, values in drawn.items()}
    return found


def _evaluated(study: "Study", inputs: "dict[str, Floats]") -> "History":
    import jax
    import jax.numpy as jnp

    from mc.axes import YEAR
    from mc.blocks import precise
    from mc.devices import compiler_options
    from mc.posterior.kept import History

    with precise():
        data = jax.tree.map(lambda leaf: leaf.astype(np.float64) if leaf.dtype.kind == "f" else leaf,
                            jax.tree.map(np.asarray, study.data))  # fmt: skip
        outputs = {output.name for output in study.outputs if output.dims == (YEAR,)}

        def one(draw: dict[str, jax.Array]) -> dict[str, jax.Array]:
            modelled = study.function(data, draw)
            return {name: modelled[name] for name in outputs}

        mapped = jax.jit(lambda every: jax.lax.map(one, every, batch_size=BATCH),
                         compiler_options=compiler_options(jax.default_backend()))  # fmt: skip
        found = jax.tree.map(np.asarray, mapped(jax.tree.map(jnp.asarray, inputs)))
    units = {output.name: output.unit for output in study.outputs}
    return History(found, units, tuple(int(year) for year in study.coords[YEAR]))
