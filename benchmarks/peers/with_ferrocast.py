"""ferrocast: `run_ensemble` on the study of the model, with the settings a run has by default."""

from model.study import study

from mc.devices import prepare
from mc.ensemble import run_ensemble
from mc.pose import pilot_of
from mc.settings import Settings
from mc.summary import finish
from peers.judged import QUANTILES, Numbers, pick

prepare()
STUDY = study()
BLOCK = 256


def estimate(sampler: str, draws: int, seed: int) -> tuple[Numbers, Numbers]:
    """Mean and 95 % point, with standard errors that are not asked for here."""
    settings = Settings(
        draws=draws,
        block=min(BLOCK, draws),
        seed=seed,
        sampler=sampler,
        quantiles=QUANTILES,
        probabilities=(0.95,),
        pilot=pilot_of(draws, min(BLOCK, draws)),
    )
    series = finish(STUDY, settings, run_ensemble(STUDY, settings)).series
    co2, cumulative = series["co2"].value, series["co2_cumulative"].value
    return pick(co2["mean"], cumulative["mean"]), pick(co2["quantile"][0], cumulative["quantile"][0])


ESTIMATES = {
    "ferrocast_sobol": lambda draws, seed: estimate("sobol", draws, seed),
    "ferrocast_plain": lambda draws, seed: estimate("plain", draws, seed),
}
