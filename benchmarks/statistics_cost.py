"""What do the statistics cost beside the model? Draws of the baseline (--quick: of three policies, fewer choices).

The model alone is the program of a run told to evaluate and to fold nothing in, less the check for failed draws; the
whole pipeline is the same program told to do both. What fewer statistics would cost is measured on a block that is
evaluated already, without the model: moments; these and quantiles; everything that the run file asks for.
"""

import dataclasses
import sys
from typing import Any

import jax
from measuring import ROOT, alternate, report

import mc
from mc.blocks import BlockPrograms, precise
from mc.devices import compiler_options, prepare
from mc.draws import plan_draws
from mc.ensemble import run_ensemble
from mc.pose import pose, settings_of
from mc.runner import BlockRunner
from mc.settings import Settings
from mc.statistics.plan import plan_series

BLOCKS, ROUNDS = 4, 5

FEWER: dict[str, dict[str, Any]] = {
    "moments": {"quantiles": (), "exceedance": (), "differences": ()},
    "moments_and_quantiles": {"exceedance": (), "differences": ()},
    "everything": {},
}
"""Settings that leave statistics out."""


class Statistics:
    """The statistics of some settings, compiled without the model."""

    def __init__(self, runner: BlockRunner, settings: Settings, constants: Any) -> None:
        programs = programs_of(runner.programs.study, settings, runner.device.platform)
        own = BlockRunner(programs, runner.device)
        own.start(constants)
        self._constants, self._runner = own._constants, runner
        # A runner makes its sums at the first fold, which is what is timed here.
        with precise():
            self._totals = own._totals | {"statistics": jax.device_put(programs.no_sums(), runner.device)}
        options = compiler_options(runner.device.platform)
        self._fold = jax.jit(programs._fold, donate_argnames="totals", compiler_options=options)

    def fold(self, *, wanted: bool = True) -> None:
        """Fold the latest block of the runner in, BLOCKS times; where not `wanted`, look for failed draws only."""
        outputs = self._runner._block["outputs"]
        with precise():
            for _ in range(BLOCKS):
                span = self._runner._span(0, 0, self._runner.size, fold=wanted)
                self._totals, _ = self._fold(self._constants, self._totals, outputs, span)
            jax.block_until_ready(self._totals)


def programs_of(study: Any, settings: Settings, platform: str) -> BlockPrograms:
    """The programs of a run."""
    plan = plan_draws(study.inputs, study.correlations, seed=settings.seed, draws=settings.draws, pinned=study.pinned)
    return BlockPrograms(study, settings, plan, plan_series(study, settings), platform)


def main(file: str, fewer: dict[str, dict[str, Any]]) -> None:
    """Print CPU seconds per draw of the model alone, of each choice of statistics, and of the whole pipeline."""
    prepare()
    run = mc.load_run(ROOT / "runs" / file)
    study = pose(run).study
    settings = dataclasses.replace(settings_of(run, study), draws=BLOCKS * run.ensemble.block)
    device, draws = jax.local_devices()[0], settings.draws
    pilot = run_ensemble(study, settings, draws=(0, 0), devices=[device]).pilot
    runner = BlockRunner(programs_of(study, settings, device.platform), device)
    runner.start(pilot.constants)
    runner.work(0, draws)
    chosen = {
        name: Statistics(runner, dataclasses.replace(settings, **less), pilot.constants) for name, less in fewer.items()
    }
    blocks = range(0, draws, runner.size)
    spent = alternate(
        {
            "evaluation": lambda: [runner.run(low, low + runner.size, fold=False) for low in blocks],
            "pipeline": lambda: [runner.run(low, low + runner.size) for low in blocks],
            "check": lambda: chosen["moments"].fold(wanted=False),
            **{name: statistics.fold for name, statistics in chosen.items()},
        },
        rounds=ROUNDS,
    )
    model = spent["evaluation"] - spent["check"]
    report(
        "statistics beside the model",
        run=file,
        draws=draws,
        model_us_per_draw=1e6 * model / draws,
        check_us_per_draw=1e6 * spent["check"] / draws,
        pipeline_us_per_draw=1e6 * spent["pipeline"] / draws,
        **{f"with_{name}_over_model": (model + spent[name]) / model for name in fewer},
        pipeline_over_model=spent["pipeline"] / model,
    )


if __name__ == "__main__":
    if "--quick" in sys.argv:
        main("three_policies.toml", {"moments": FEWER["moments"]})
    else:
        main("baseline.toml", FEWER)
