"""Scores of single held-out numbers under prior and posterior: what a fit without them says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mc.posterior.coverage import BAND
from mc.posterior.density import Target
from mc.posterior.hindcast import crps
from mc.posterior.nuts import Settings
from mc.posterior.observed import Observation
from mc.posterior.paired import mean_difference
from mc.posterior.predict import prior_latents, replicate
from mc.posterior.refits import Variant, forecasts_of, sample_variants, variant_of

Floats = NDArray[np.float64]

PRIOR_DRAWS = 2000


@dataclass(frozen=True)
class Score:
    """What two beliefs said of one number that was held out.

    Attributes:
        row: the number.
        log_score: log of the predictive density of the posterior at the number; more is better.
        log_score_prior: that of the prior, which saw no number.
        crps: continuous ranked probability score of the posterior, in the unit of the series; less is better.
        crps_prior: that of the prior.
        inside: whether the 90 % band of the posterior holds the number.
        inside_prior: whether that of the prior does.
        rhat: worst R-hat of the latents of the fit.
        divergences: of the fit, after warm-up.
        saturated: trees of the fit that reached their bound, after warm-up.
    """

    row: Observation
    log_score: float
    log_score_prior: float
    crps: float
    crps_prior: float
    inside: bool
    inside_prior: bool
    rhat: float
    divergences: int
    saturated: int


def scores_of(
    target: Target,
    variants: Sequence[Variant],
    scored: Sequence[NDArray[np.bool_]],
    settings: Settings,
    **calls: Any,
) -> list[list[Score]]:
    """Fit every variant and score the rows that it names [row]; one list a variant; `calls` as of `sample_variants`.

    Raises:
        RunFailed: a variant has no finite density in the middle of the prior, or its chains have not met.
        Stopped: `stop` answered True.
    """
    fits = sample_variants(target, variants, settings, **calls)
    drawn = fits.u.reshape(len(variants), -1, target.size)
    before = np.stack([prior_latents(target, PRIOR_DRAWS, settings.seed)] * len(variants))
    after = _said(target, variants, drawn, settings.seed, blind=False)
    prior = _said(target, variants, before, settings.seed, blind=True)
    return [
        [
            Score(
                row=row,
                log_score=float(after["log_score"][k, at]),
                log_score_prior=float(prior["log_score"][k, at]),
                crps=float(after["crps"][k, at]),
                crps_prior=float(prior["crps"][k, at]),
                inside=bool(after["inside"][k, at]),
                inside_prior=bool(prior["inside"][k, at]),
                rhat=float(fits.rhat[k]),
                divergences=int(fits.divergences[k]),
                saturated=int(fits.saturated[k]),
            )
            for at, row in enumerate(target.likelihood.rows)
            if scored[k][at]
        ]
        for k in range(len(variants))
    ]


def leave_one_out(target: Target, settings: Settings, **calls: Any) -> dict[str, list[Score]]:
    """Scores of each fitted series under a fit without it, by series; `calls` as of `sample_variants`.

    Raises:
        RunFailed: a fit has no finite density in the middle of the prior, or its chains have not met.
        Stopped: `stop` answered True.
    """
    fitted, series = target.likelihood.fitted, series_of(target)
    names = np.array([row.series for row in target.likelihood.rows])
    left = [fitted & (names == name) for name in series]
    variants = [variant_of(target, fitted & ~one) for one in left]
    return dict(zip(series, scores_of(target, variants, left, settings, **calls), strict=True))


def series_of(target: Target) -> list[str]:
    """The fitted series."""
    return list(dict.fromkeys(row.series for row in target.likelihood.rows if row.role == "fit"))


def compared(scores: Sequence[Score]) -> dict[str, float | str]:
    """Log score of posterior less prior, mean over numbers, its standard error, and whether the posterior is `better`.

    The verdict is `level` or `worse` otherwise, and empty for too few years (`paired.Difference`).
    """
    loss = np.array([one.log_score_prior - one.log_score for one in scores])
    found = mean_difference(loss, np.array([one.row.year for one in scores], dtype=np.float64))
    return {"log_score_gain": -found.mean, "log_score_gain_se": found.se, "verdict": found.verdict}


def _said(target: Target, variants: Sequence[Variant], u: Floats, seed: int, *, blind: bool) -> dict[str, Floats]:
    """Scores of every row [variant, row], by name."""
    density, forecasts = forecasts_of(target, variants, u, seed, blind=blind)
    observed, random = target.likelihood.values, np.random.default_rng((seed, 16))
    top = density.max(axis=1, keepdims=True)
    found = {"log_score": np.log(np.exp(density - top).mean(axis=1)) + top[:, 0]}
    drawn = [replicate(target.likelihood, tuple(part[k] for part in forecasts), random) for k in range(len(variants))]
    bands = [np.quantile(one, BAND, axis=0) for one in drawn]
    found["crps"] = np.stack([crps(one, observed) for one in drawn])
    found["inside"] = np.stack([(observed >= low) & (observed <= high) for low, high in bands])
    return found
