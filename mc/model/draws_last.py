"""Many draws in the last axis: every loop over them is one of neighbours in memory, which a processor takes by vectors.

Mapped as usual, draws come first, and the loops over what comes last, 12 routes or 31 provinces, are too short for
vectors. A function that indexes its arrays from the left works on one draw as on many, one more axis behind the others.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jax import Array
from jax.custom_batching import custom_vmap

Shared = TypeVar("Shared")
Carried = TypeVar("Carried")
Found = TypeVar("Found")


def draws_last(function: Callable[[Shared, Carried], Found]) -> Callable[[Shared, Carried], Found]:
    """The same function of one draw; mapped over draws it sees them in the last axis of all its arrays.

    An array [..., route] of a draw is [..., route, draw] there. What is the same in all draws has a last axis of one,
    [..., route, 1]; in the second argument, which is carried from year to year, one of all draws. Whole numbers count
    years: they keep their shape, and are the same in all draws. Differentiated it is mapped as usual.

    Raises:
        TypeError: whole numbers are mapped over draws.
    """

    @custom_vmap
    def mapped(shared: Shared, carried: Carried) -> Found:
        return function(shared, carried)

    @mapped.def_vmap
    def many(size: int, batched: list[Shared | Carried], shared: Shared, carried: Carried) -> tuple[Found, Found]:
        """Draws from the first axis to the last, and back."""

        def to_last(leaf: Array, is_batched: bool) -> Array:
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                if is_batched:
                    raise TypeError(f"draws_last: {leaf.dtype}{list(leaf.shape)} differs by draw; only floats may")
                return leaf
            return jnp.moveaxis(leaf, 0, -1) if is_batched else leaf[..., None]

        def to_each(leaf: Array) -> Array:
            return jnp.broadcast_to(leaf, (*leaf.shape[:-1], size))

        found = function(
            jax.tree.map(to_last, shared, batched[0]), jax.tree.map(to_each, jax.tree.map(to_last, carried, batched[1]))
        )
        return jax.tree.map(lambda leaf: jnp.moveaxis(leaf, -1, 0), found), jax.tree.map(lambda _: True, found)

    differentiable = jax.custom_jvp(mapped)
    differentiable.defjvp(lambda primals, tangents: jax.jvp(function, primals, tangents))
    return differentiable
