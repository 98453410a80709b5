"""How much of the spread of CO2 is one choice of structure? Share of variance between the two drivers of demand."""

import jax
import jax.numpy as jnp
import numpy as np
from measuring import report, three_policies

from mc.blocks import precise
from mc.draws import plan_draws

DRAWS, BLOCK = 1024, 64
SCENARIO, YEARS = "market", (2030, 2035, 2050, 2060)


def main() -> None:
    """Print variance of the mean given the driver over all variance, CO2 of scopes 1 and 2, by year."""
    study = three_policies()
    plan = plan_draws(study.inputs, study.correlations)
    place = study.coords["scenario"].index(SCENARIO)
    with precise():
        data = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype=jnp.float32), study.data)

        def one(at):
            draw = plan.draw(plan.tables, at, jnp.float32)
            return draw["structure.demand_driver"], study.function(data, draw)["co2_direct_power"][place]

        run = jax.jit(jax.vmap(one))
        blocks = [run(jnp.arange(BLOCK, dtype=jnp.uint32) + np.uint32(first)) for first in range(0, DRAWS, BLOCK)]
    driver, co2 = (np.concatenate([np.asarray(part) for part in parts]) for parts in zip(*blocks, strict=True))
    mean = np.zeros_like(co2)
    for option in np.unique(driver):
        mean[driver == option] = co2[driver == option].mean(axis=0)
    share = mean.var(axis=0) / co2.var(axis=0)
    first = study.coords["year"][0]
    report(
        "share of the driver of demand", draws=DRAWS, **{f"year_{year}": float(share[year - first]) for year in YEARS}
    )


if __name__ == "__main__":
    main()
