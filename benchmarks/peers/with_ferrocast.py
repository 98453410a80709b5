"""ferrocast: `run_ensemble` on the study of the model, with the settings a run has by default but for its block."""

from model.study import study

from mc.devices import prepare
from mc.ensemble import run_ensemble
from mc.pose import pilot_of
from mc.settings import Settings
from mc.summary import finish
from peers.judged import QUANTILES, Numbers, pick

prepare()
STUDY = study()
SMALLEST, LARGEST, BLOCKS = 256, 1024, 32
"""Draws of a block: a small model likes large ones, as long as there are enough of them for every core."""


def estimate(sampler: str, draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Mean and 95 % point, with standard errors that are not asked for here."""
    block = min(max(SMALLEST, min(LARGEST, draws // BLOCKS)), draws)
    settings = Settings(
        draws=draws,
        block=block,
        seed=seed,
        sampler=sampler,
        quantiles=QUANTILES,
        probabilities=(0.95,),
        pilot=pilot_of(draws, block),
    )
    series = finish(STUDY, settings, run_ensemble(STUDY, settings)).series
    co2, cumulative = series["co2"].value, series["co2_cumulative"].value
    return pick(co2["mean"], cumulative["mean"]), pick(co2["quantile"][0], cumulative["quantile"][0])


ESTIMATES = {
    "ferrocast_sobol": lambda draws, seed: estimate("sobol", draws, seed),
    "ferrocast_plain": lambda draws, seed: estimate("plain", draws, seed),
}
