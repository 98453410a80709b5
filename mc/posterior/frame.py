"""A linear change of latents in which the posterior is about round: u = centre + axes v.

Centre is the mode, axes come from the curvature there (a Laplace approximation), so that a sampler with a diagonal mass
takes few steps. It changes no result, only the road: the density of v is that of u at centre + axes v.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]

STEP = 1e-4
"""Of the differences of the gradient, in prior standard deviations."""
LEAST_CURVATURE = 0.2
"""Of any direction, where the prior alone has 1: a flat or falling direction must not give a long axis."""


@dataclass(frozen=True)
class Frame:
    """Centre [latent] and axes [latent, direction] of the change."""

    centre: Floats
    axes: Floats

    def latents(self, v: Array) -> Array:
        """Latents at v; leading axes are kept."""
        return jnp.asarray(self.centre) + v @ jnp.asarray(self.axes).T


def plain(size: int) -> Frame:
    """No change."""
    return Frame(np.zeros(size), np.eye(size))


def find_frame(value_and_slope: Callable[[Floats], tuple[Any, Any]], start: Floats, steps: int = 400) -> Frame:
    """Frame at the mode that is reached from `start`; `value_and_slope` are those of the log density."""

    def downhill(u: Floats) -> tuple[float, Floats]:
        value, slope = (np.asarray(part, np.float64) for part in value_and_slope(u))
        if not (np.isfinite(value) and np.isfinite(slope).all()):
            return 1e300, np.zeros_like(u)
        return -float(value), -slope

    centre = np.asarray(minimize(downhill, start, jac=True, method="L-BFGS-B", options={"maxiter": steps}).x)
    rows = [
        (downhill(centre + STEP * axis)[1] - downhill(centre - STEP * axis)[1]) / (2 * STEP)
        for axis in np.eye(len(start))
    ]
    curvature = np.array(rows)
    values, vectors = np.linalg.eigh(0.5 * (curvature + curvature.T))
    return Frame(centre, vectors / np.sqrt(np.maximum(values, LEAST_CURVATURE)))
