"""One draw of the years before the base year, national: what statistics of those years should have looked like.

Crude steel and apparent use are data. Scrap is what arises: home, prompt and obsolete scrap and imports, less foundries
and unreported furnaces. It is charged as it arises; hot metal closes the iron balance. So scrap and pig iron test
lifetimes, recovery and yields against one another. The chain to 2060 closes its base year with a factor instead.

What it is not: lifetimes, yields, recovery, foundry iron and the hot-metal charge of electric furnaces are those of the
base year throughout, and no relation gives the share of electric furnaces, which walks back from the base year.
"""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from mc.axes import PROVINCE, YEAR
from mc.inputs.bind import Bound, bind
from mc.inputs.history import HistoryInputs, assembled
from mc.inputs.nouns import Inputs
from mc.model import demand, grid, intensity, iron, stock
from mc.model.chain import known, make_constants
from mc.model.emissions import GIGAJOULE_PER_MEGAWATTHOUR
from mc.model.paths import ratio
from mc.model.report import GIGAJOULE_PER_TCE
from mc.model.world import World
from mc.outputs import OUTPUTS
from mc.study import Output, Study
from mc.tables import Priors

BASE_YEAR = "base_year"
RECENT_YEAR = "recent_year"
"""Axis of the years in which provinces are known."""
SOFT_FLOOR = 0.02
"""Width of the floor of purchased scrap at zero, share of crude output: a kink would stop the sampler."""

HISTORICAL = (
    "scrap_home",
    "scrap_prompt",
    "scrap_obsolete",
    "scrap_supply",
    "scrap_used",
    "pig_iron",
    "eaf_share",
    "energy_per_tonne",
    "steel_stock_per_head",
    "co2_scope1",
)
"""Outputs of the chain that history has too, by year and in the same meaning."""


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Record:
    """Constants of history.

    Attributes:
        years: years that are compared, the last is the base year [year].
        basis: what each of those years holds of all cohorts before [age, component, year].
        use: apparent use by how it is known, Mt/year [period, year].
        since: years since that from which provinces are known [recent_year].
        late: how far shares of use had moved to those of the base year in these years [recent_year].
    """

    years: Array
    basis: Array
    use: Array
    since: Array
    late: Array


def past_basis(series: np.ndarray, count: int) -> np.ndarray:
    """`stock.history_basis` of each of the last `count` years of history [age, component, year]."""
    whole = series.shape[1]
    columns = [stock.history_basis(series[:, : whole - back], 1)[..., 1] for back in reversed(range(count))]
    return np.stack([np.pad(column, ((0, whole - len(column)), (0, 0))) for column in columns], axis=2)


def at_years(yearly: Array, record: Record) -> Array:
    """The years that are compared, of a series of all history [year]."""
    return yearly[-record.years.shape[0] :]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Scrap:
    """Scrap of past years, Mt/year [year]."""

    home: Array
    prompt: Array
    obsolete: Array
    used: Array


def steel_in_use(inputs: Inputs, record: Record) -> tuple[Array, Array]:
    """(stock, retirement), Mt [end_use, year]."""
    curves = stock.survival(
        inputs.stock, inputs.structure.lifetime_family, stock.half_ages(record.basis.shape[0], record.years)
    )
    in_use, retired = (
        demand.national_past(inputs.demand, kernel, record.basis).sum(axis=1) for kernel in stock.kernels(curves)
    )
    return in_use, retired


def fabrication_loss(inputs: Inputs, record: Record) -> Array:
    """Steel lost in fabrication, Mt/year [year]; goods traded as a share of use are those of the base year."""
    now = inputs.demand
    use = (demand.history_coefficients(now)[:, None] * record.use).sum(axis=0)
    exported = now.indirect_net_export_2020 * now.indirect_split / use[-1]
    per_use = demand.goods_per_use(now) / now.fabrication_yield + exported
    return (per_use * (1.0 - now.fabrication_yield)).sum() * use


def scrap_charged(given: HistoryInputs, record: Record, crude: Array, retired: Array) -> Scrap:
    """What scrap arises and what of it works charge; home scrap is always charged, purchased scrap is not negative."""
    now, then = given.chain, given.history
    home = crude * (1.0 - now.demand.casting_rolling_yield) * now.scrap.home_recovery
    prompt = now.scrap.prompt_recovery * fabrication_loss(now, record)
    obsolete = (retired * now.scrap.obsolete_recovery[:, None]).sum(axis=0)
    imported = then.scrap_net_import_scale * at_years(then.scrap_net_import, record)
    open_furnaces = jnp.clip(then.induction_end - record.years, 0.0, 1.0)
    remelted = then.induction_charge * then.induction_share * crude * open_furnaces
    width = SOFT_FLOOR * crude
    left = prompt + obsolete + imported - now.scrap.to_foundries - remelted
    return Scrap(home, prompt, obsolete, home + width * jax.nn.softplus(left / width))


def electric_share(given: HistoryInputs, record: Record) -> Array:
    """Share of electric furnaces, a walk back from that of the base year about a slope that is not known [year].

    A normal slope adds its variance to every covariance of the steps: the mean of their scores counts for more. Drawn
    by itself it would lie on a ridge with them, which turns with their sd and makes a sampler creep.
    """
    then, scores = given.history, at_years(given.history.eaf_change, record)[1:]
    common = jnp.sqrt(then.eaf_change_sd**2 + scores.shape[0] * then.eaf_slope_sd**2) - then.eaf_change_sd
    steps = then.eaf_change_sd * scores + common * scores.mean()
    ahead = jnp.cumsum(steps[::-1])[::-1]
    change = jnp.concatenate([ahead, jnp.zeros_like(ahead[:1])])
    return given.chain.iron.eaf_share_national * jnp.exp(-change)


def hot_metal(now: Inputs, electric: Array, converter: Array, scrap: Array) -> Array:
    """Hot metal that closes the iron balance, Mt/year [converter or electric, year]."""
    scrap_rate, iron_rate = iron.electric_charge(now.iron, now.iron.hot_metal_charge_2020)
    rate = (scrap - scrap_rate * electric) / converter
    return jnp.stack([iron.converter_hot_metal(now.iron, rate) * converter, iron_rate * electric])


def flows(given: HistoryInputs, world: World, record: Record, steel: Array, metal: Array) -> intensity.YearFlows:
    """Fuel, power and direct CO2 of steel and of hot metal, each [converter or electric, year]; totals [year, ...]."""
    none = jnp.zeros_like(record.years)
    carbon = (1.0 - given.history.efficiency_rate) ** (record.years - record.years[-1])
    paths = intensity.Paths(carbon=carbon, rise=none, retrofitted=none, electric=none)
    of_steel, of_metal = intensity.per_steel(given.chain, world), intensity.per_hot_metal(given.chain, world)
    one = intensity.taken(of_kinds(of_steel, world, "base", "scrap"), paths, jnp.ones_like(carbon), steel[:, None])
    other = intensity.taken(of_kinds(of_metal, world, "base"), paths, carbon, metal.sum(axis=0)[None, None])
    total: intensity.YearFlows = jax.tree.map(lambda a, b: jnp.moveaxis((a + b)[..., 0, :], -1, 0), one, other)
    return total


def of_kinds(flows: intensity.Flows, world: World, *kinds: str) -> intensity.Flows:
    """Flows of the routes of the past [kind, ...]."""
    return intensity.of_routes(flows, (world.routes.index(kind) for kind in kinds))


def purchased_power_factor(now: Inputs) -> Array:
    """Official provincial grid factors of 2021 weighted by crude output of the base year, tCO2/MWh [].

    Those of the base year would bring the whole path of the grid to 2060 into the fit for a few Mt of CO2.
    """
    weights = now.demand.crude_steel_2020
    return (weights * now.grid.factor_2021).sum() / weights.sum()


def output_shares(given: HistoryInputs, record: Record) -> Array:
    """Shares of provinces in crude steel [province, recent_year]: those of the first of these years, relocated.

    Limits of capacity are left out, those of past years are not known.
    """
    now = given.chain.demand
    share = now.stock_share_2000[:, None] * (1.0 - record.late) + demand.use_shares(now)[:, None] * record.late
    clean = grid.clean_power(given.chain.grid)
    return demand.relocated(now, given.history.crude_steel_start, share, clean, record.since)


def history(bound: Bound, data: dict[str, Any], draw: dict[str, Array]) -> dict[str, Array]:
    """One draw of the past."""
    given: Any = bound.assemble(data["tables"], draw)
    world, record, now = data["world"], data["record"], given.chain
    crude = at_years(now.demand.crude_steel_history, record)
    in_use, retired = steel_in_use(now, record)
    scrap = scrap_charged(given, record, crude, retired)
    share = electric_share(given, record)
    steel = jnp.stack([(1.0 - share) * crude, share * crude])
    metal = hot_metal(now, steel[1], steel[0], scrap.used)
    burnt = flows(given, world, record, steel, metal)
    power = burnt.electricity + now.routes.electricity_per_hot_metal * now.iron.hot_metal_charge_2020 * steel[1]
    energy = burnt.fuel.sum(axis=1) + power * GIGAJOULE_PER_MEGAWATTHOUR
    arising = scrap.home + scrap.prompt + scrap.obsolete
    bought = power[-1] * purchased_power_factor(now)
    return {
        "scrap_home": scrap.home,
        "scrap_prompt": scrap.prompt,
        "scrap_obsolete": scrap.obsolete,
        "scrap_supply": arising,
        "scrap_used": scrap.used,
        "scrap_prompt_share": ratio(scrap.prompt, scrap.prompt + scrap.obsolete),
        "pig_iron": metal.sum(axis=0) + now.iron.pig_iron_to_foundries,
        "eaf_share": share,
        "energy_per_tonne": energy / crude * now.routes.energy_boundary / GIGAJOULE_PER_TCE,
        "steel_stock_per_head": in_use.sum(axis=0) / at_years(given.history.population, record),
        "co2_scope1": burnt.direct,
        "co2_direct_power": (burnt.direct[-1] + bought)[None],
        "crude_steel_share_by_province": output_shares(given, record),
    }


def history_outputs() -> tuple[Output, ...]:
    """Outputs of history: those of the chain under their names, and what only history has."""
    registered = {output.name: output for output in OUTPUTS}
    shared = tuple(Output(name, registered[name].unit, (YEAR,), registered[name].long_name) for name in HISTORICAL)
    power = registered["co2_direct_power"]
    return (
        *shared,
        Output("scrap_prompt_share", "1", (YEAR,), "prompt over prompt and obsolete scrap"),
        Output(power.name, power.unit, (BASE_YEAR,), power.long_name),
        Output("crude_steel_share_by_province", "1", (PROVINCE, RECENT_YEAR), "Share of provinces in crude steel"),
    )


def history_study(priors: Priors, base_year: int = 2020, last_year: int = 2060) -> Study:
    """The national past as a study of its own; `priors` hold the noun of history too (`HISTORY_NOUNS`).

    Inputs are those of a run from `base_year` to `last_year`, so that what is learned fits such a run.

    Raises:
        InputError: a table that the constants cannot be made from.
    """
    container: Any = assembled
    bound = bind(priors, first_year=base_year, last_year=last_year, container=container)
    first = int(known(bound, "history.first_year"))
    years = tuple(range(first, base_year + 1))
    recent = tuple(range(int(known(bound, "history.first_year_by_province")), base_year + 1))
    late = demand.late_weight(
        {"use_share_change_year": known(bound, "demand.use_share_change_year")}, np.asarray(bound.axes["history"])
    )
    world, series = make_constants(bound)
    record = Record(
        years=np.asarray(years, np.float64),  # type: ignore[arg-type]
        basis=past_basis(series, len(years)),  # type: ignore[arg-type]
        use=series.reshape(2, -1, series.shape[1]).sum(axis=0)[:, -len(years) :],
        since=np.asarray(recent, np.float64) - recent[0],  # type: ignore[arg-type]
        late=late[-len(recent) :],  # type: ignore[arg-type]
    )
    return Study(
        name="history",
        inputs=bound.inputs,
        outputs=history_outputs(),
        coords={**bound.axes, YEAR: years, BASE_YEAR: (base_year,), RECENT_YEAR: recent},
        data={"world": world, "record": record, "tables": bound.data},
        function=functools.partial(history, bound),
        correlations=bound.correlations,
    )
