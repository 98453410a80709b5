"""What a device could do at most, and what a program asks of it."""

import math
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

GEMM_SIZE = {"cpu": 2048, "gpu": 8192}
COPY_BYTES = {"cpu": 2**28, "gpu": 2**31}
ROUNDS = 7

SIZE, COPIED = 1024, 2**26
"""Rows of the matrices and numbers of the copy that a chain is held against, in CPU seconds of one core."""

MOVES = ("broadcast_in_dim", "reshape", "transpose", "slice", "squeeze", "concatenate", "convert_element_type", "iota")
"""Operations that compute nothing."""


def best_seconds(call: Any, rounds: int = ROUNDS) -> float:
    """Least wall seconds of a call that returns device arrays, after one that compiles."""
    jax.block_until_ready(call())
    spent = []
    for _ in range(rounds):
        begin = time.perf_counter()
        jax.block_until_ready(call())
        spent.append(time.perf_counter() - begin)
    return min(spent)


def gemm_rate(device: jax.Device, size: int | None = None) -> float:
    """Floating-point operations a second of a float32 product of square matrices, TF32 off."""
    size = size or GEMM_SIZE.get(device.platform, 4096)
    a = jax.device_put(np.ones((size, size), np.float32), device)
    product = jax.jit(lambda a: jnp.matmul(a, a, precision="highest"))
    return 2 * size**3 / best_seconds(lambda: product(a))


def copy_rate(device: jax.Device, size: int | None = None) -> float:
    """Bytes a second, read and written, of adding one to a large array."""
    size = size or COPY_BYTES.get(device.platform, 2**28)
    a = jax.device_put(np.zeros(size // 4, np.float32), device)
    add = jax.jit(lambda a: a + 1)
    return 2 * size / best_seconds(lambda: add(a))


def work_of(compiled: Any) -> dict[str, float]:
    """Operations and bytes of a compiled program, as XLA counts them; loops whose length it knows count in full."""
    found = compiled.cost_analysis() or {}
    found = found[0] if isinstance(found, list) else found
    return {"flops": float(found.get("flops", 0.0)), "bytes": float(found.get("bytes accessed", 0.0))}


def operations(jaxpr: Any) -> float:
    """Arithmetic of a traced program."""
    total = 0.0
    for equation in jaxpr.eqns:
        inner = [
            item for value in equation.params.values() for item in (value if isinstance(value, tuple) else (value,))
        ]
        bodies = [getattr(item, "jaxpr", item) for item in inner if hasattr(getattr(item, "jaxpr", item), "eqns")]
        name, sizes = equation.primitive.name, [math.prod(out.aval.shape) for out in equation.outvars]
        if bodies:
            total += equation.params.get("length", 1) * sum(map(operations, bodies))
        elif name == "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            total += 2.0 * sizes[0] * math.prod(equation.invars[0].aval.shape[dim] for dim in contracted)
        elif name.startswith(("reduce_", "cum")):
            total += math.prod(equation.invars[0].aval.shape)
        elif name not in MOVES:
            total += sum(sizes)
    return total
