"""Compile a function as the project does on the device at hand."""

from collections.abc import Callable
from typing import Any

import jax

from mc.devices import compiler_options


def compiled(function: Callable[..., Any], **options: Any) -> Any:
    """`jax.jit` with the compiler options of the default backend; `options` go to `jax.jit`."""
    return jax.jit(function, compiler_options=compiler_options(jax.default_backend()), **options)
