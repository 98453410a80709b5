"""Samplers: add one by copying plain.py and naming it in SAMPLERS."""

from mc.samplers.contract import Column as Column
from mc.samplers.contract import Sampler as Sampler
from mc.samplers.contract import to_uniform as to_uniform
from mc.samplers.latin import Latin
from mc.samplers.plain import Plain
from mc.samplers.sobol import Sobol

SAMPLERS: dict[str, type[Sampler]] = {"sobol": Sobol, "plain": Plain, "latin": Latin}


def sampler_of(name: str, seed: int, scramblings: int, draws: int | None) -> Sampler:
    """Sampler by name; ValueError that lists the known names."""
    if name not in SAMPLERS:
        raise ValueError(f"unknown sampler {name!r}; known: {', '.join(SAMPLERS)}")
    if scramblings < 1:
        raise ValueError(f"the number of scramblings must be at least 1, not {scramblings}")
    return SAMPLERS[name](seed, scramblings, draws)
