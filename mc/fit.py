"""Run -> posterior on disk: read, sample, check, describe, write."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mc.cube.write import write_cube
from mc.devices import find_devices, prepare
from mc.disk import claim, require_room
from mc.past import past_of
from mc.provenance import commit, provenance, timestamp
from mc.runfile import Run

if TYPE_CHECKING:
    import xarray as xr

    from mc.past import Past
    from mc.posterior.density import Target
    from mc.posterior.learned import Quality
    from mc.posterior.nuts import Chains, Progress, Settings

log = logging.getLogger("ferrocast")

PRIOR_DRAWS = 4000


def posterior_file(run: Run) -> Path:
    """Where the posterior of a run goes by default: NAME.posterior.nc beside its cube."""
    return run.cube.with_name(f"{run.cube.stem}.posterior.nc")


def make_posterior(
    run: Run,
    settings: "Settings",
    out: Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    progress: "Progress | None" = None,
    stop: Callable[[], bool] | None = None,
) -> "Quality":
    """Fit the past of a run and write the posterior; chains are kept beside it until it is whole.

    Raises:
        InputError: something in the run file or the tables cannot be used.
        RunFailed: the sampler finds no place to start.
        Stopped: `stop` answered True; `resume` goes on from there.
    """
    with claim(out, overwrite=overwrite) as part:
        prepare(run.ensemble.device)
        past = past_of(run)

        from mc.posterior.density import make_target
        from mc.posterior.file import INPUTS, inputs_digest
        from mc.posterior.hindcast import table_lines
        from mc.posterior.learned import quality
        from mc.posterior.likelihood import make_likelihood

        begin = time.perf_counter()
        target = make_target(past.study, make_likelihood(past.study, past.rows, past.errors))
        log.info("%d observations (%d held out) read %d latents%s; %.1f s", len(past.rows),
                 int((~target.likelihood.fitted).sum()), target.size, _choices(target),
                 time.perf_counter() - begin)  # fmt: skip
        begin = time.perf_counter()
        chains = _sampled(target, past, settings, out, resume=resume, progress=progress, stop=stop)
        seconds = time.perf_counter() - begin
        groups = describe(target, chains, settings.seed)
        found = quality(groups["latents"], groups["sample_stats"])
        log.info("%s; %.1f s, %.1f ms for each effective draw", found, seconds, 1000 * seconds / found.bulk_ess)
        if not found.good:
            log.warning("this sample should not be used: draw more, raise --target-accept, or look at the worst latent")
        if "hindcast" in groups:
            log.info("%s", "\n".join(table_lines(groups["hindcast"])))
        root = _root(run, past, settings, found, seconds).assign_attrs({INPUTS: inputs_digest(target)})
        whole = {"/": root} | groups
        require_room(out, sum(group.nbytes for group in groups.values()))
        write_cube(whole, part, out)
        chains_beside(out).unlink(missing_ok=True)
    return found


def describe(target: "Target", chains: "Chains", seed: int) -> "dict[str, xr.Dataset]":
    """The groups of a posterior file but for its root: draws, what was learned, and scores of rows held out."""
    from mc.posterior.groups import HELD_OUT, groups_of
    from mc.posterior.hindcast import hindcast
    from mc.posterior.learned import learned
    from mc.posterior.predict import draw_posterior, draw_prior

    posterior = draw_posterior(target, chains.u.reshape(-1, target.size), seed)
    groups = groups_of(target, chains, posterior, draw_prior(target, PRIOR_DRAWS, seed))
    scores = {"hindcast": hindcast(groups, seed)} if HELD_OUT in groups else {}
    return groups | {"learned": learned(groups)} | scores


def chains_beside(out: Path) -> Path:
    """Where the chains of an unfinished fit lie."""
    return out.with_name(f"{out.name}.chains.npz")


def _choices(target: "Target") -> str:
    names = ", ".join(item.name for item in target.choices)
    return f", {len(target.weights)} combinations of {names} summed out" if names else ""


def _sampled(
    target: "Target", past: "Past", settings: "Settings", out: Path, *, resume: bool, **calls: Any
) -> "Chains":
    from mc.posterior.chains_file import identity, load_chains, save_chains
    from mc.posterior.nuts import sample

    name, file = identity(target, settings, past.digest), chains_beside(out)
    chains = load_chains(file, target, settings, name) if resume and file.is_file() else None
    return sample(target, settings, chains=chains, save=lambda now: save_chains(file, now, name), **calls)


def _root(run: Run, past: "Past", settings: "Settings", found: "Quality", seconds: float) -> "xr.Dataset":
    import xarray as xr

    origin = provenance(run, past.digest, find_devices(run.ensemble.device))
    return xr.Dataset(
        attrs=origin
        | {
            "history": f"{timestamp()} ferrocast fit {run.file.name}",
            "commit": commit(),
            "seed": settings.seed,
            "chains": settings.chains,
            "warmup": settings.warmup,
            "draws": settings.draws,
            "sampler": "NUTS (numpyro), diagonal mass in a Laplace frame",
            "rhat": found.rhat,
            "bulk_ess": found.bulk_ess,
            "tail_ess": found.tail_ess,
            "divergences": found.divergences,
            "sampling_time_s": round(seconds, 3),
            "one_step_ahead": "predictive groups and log_likelihood are forecasts of each number from the fitted ones "
            "before it in its group",
        }
    )
