"""Calls as a run makes them: outputs go to memory that is there.

A call whose outputs are new has the system clear their pages; a copy of 256 MB took five to eight times as long then.
"""

from typing import Any

import jax
import jax.numpy as jnp

from mc.devices import compiler_options


class Kept:
    """A function of many draws whose outputs lie in the memory of its last call, as those of a block do in a run."""

    def __init__(self, function: Any, given: tuple[Any, ...]) -> None:
        options = compiler_options(jax.default_backend())
        self.held = jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), jax.eval_shape(function, *given))
        self.compiled = jax.jit(
            lambda _, *given: function(*given), donate_argnums=0, keep_unused=True, compiler_options=options
        )

    def __call__(self, *given: Any) -> Any:
        """The outputs, until the next call."""
        self.held = self.compiled(self.held, *given)
        return self.held
