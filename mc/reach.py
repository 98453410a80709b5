"""Which inputs can reach which output of a study: read off the traced program, nothing is computed.

"Can reach" is an upper bound: a factor that is zero today, or an output split off a stacked array, still counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

from mc.study import Study

Bits = int
"""A set of sources, one bit each."""


@dataclass(frozen=True)
class Reach:
    """Sources by output: names of uncertain inputs, and key paths of the leaves of `data` ("['grid']['factor']")."""

    inputs: dict[str, frozenset[str]]
    data: dict[str, frozenset[str]]


def reach(study: Study) -> Reach:
    """Sources of every output of a study, by one pass over its traced program."""
    draw = {item.name: jax.ShapeDtypeStruct(item.shape, jnp.float32) for item in study.inputs}
    data = jax.tree.map(_as_float32, study.data)
    closed, shape = jax.make_jaxpr(study.function, return_shape=True)(data, draw)
    leaves, _ = jax.tree_util.tree_flatten_with_path((data, draw))
    names = [_name(path) for path, _ in leaves]
    outputs, _ = jax.tree_util.tree_flatten_with_path(shape)
    found = _outputs_of(closed.jaxpr, [1 << at for at in range(len(names))])
    by_input: dict[str, frozenset[str]] = {}
    by_data: dict[str, frozenset[str]] = {}
    for (path, _), bits in zip(outputs, found, strict=True):
        sources = [names[at] for at in _members(bits)]
        name = str(path[0].key)
        by_input[name] = frozenset(source for kind, source in sources if kind == "input")
        by_data[name] = frozenset(source for kind, source in sources if kind == "data")
    return Reach(by_input, by_data)


def _as_float32(leaf: Any) -> Any:
    array = jnp.asarray(leaf) if not hasattr(leaf, "dtype") else leaf
    dtype = jnp.float32 if jnp.issubdtype(array.dtype, jnp.floating) else array.dtype
    return jax.ShapeDtypeStruct(array.shape, dtype)


def _name(path: tuple[Any, ...]) -> tuple[str, str]:
    if path[0].idx == 1:
        return "input", str(path[1].key)
    return "data", jax.tree_util.keystr(path[1:])


def _members(bits: Bits) -> Iterator[int]:
    at = 0
    while bits:
        if bits & 1:
            yield at
        bits >>= 1
        at += 1


def _outputs_of(jaxpr: Jaxpr, arguments: Sequence[Bits]) -> list[Bits]:
    """Sources of the outputs of a program, given those of its arguments."""
    known: dict[Any, Bits] = dict(zip(jaxpr.invars, arguments, strict=True))

    def read(variable: Any) -> Bits:
        return 0 if isinstance(variable, Literal) else known.get(variable, 0)

    for equation in jaxpr.eqns:
        values = _equation(equation, [read(variable) for variable in equation.invars])
        known.update(zip(equation.outvars, values, strict=True))
    return [read(variable) for variable in jaxpr.outvars]


def _equation(equation: Any, arguments: list[Bits]) -> list[Bits]:
    name = equation.primitive.name
    if name == "scan":
        return _scan(equation.params, arguments)
    if name == "while":
        return _while(equation.params, arguments)
    if name == "cond":
        branches = [_outputs_of(branch.jaxpr, arguments[1:]) for branch in equation.params["branches"]]
        return [arguments[0] | _union(bits) for bits in zip(*branches, strict=True)]
    inner = _only_program(equation.params)
    if inner is not None and len(inner.invars) == len(arguments) and len(inner.outvars) == len(equation.outvars):
        return _outputs_of(inner, arguments)
    return [_union(arguments)] * len(equation.outvars)


def _scan(params: dict[str, Any], arguments: list[Bits]) -> list[Bits]:
    """A loop with a carry: repeated until what the carry depends on no longer grows."""
    constants, carries = params["num_consts"], params["num_carry"]
    fixed, carry, slices = arguments[:constants], arguments[constants:][:carries], arguments[constants + carries :]
    while True:
        outputs = _outputs_of(params["jaxpr"].jaxpr, [*fixed, *carry, *slices])
        grown = [old | new for old, new in zip(carry, outputs[:carries], strict=True)]
        if grown == carry:
            return [*carry, *outputs[carries:]]
        carry = grown


def _while(params: dict[str, Any], arguments: list[Bits]) -> list[Bits]:
    """The same where the number of rounds depends on the carry too."""
    in_test, in_body = params["cond_nconsts"], params["body_nconsts"]
    test, body, carry = arguments[:in_test], arguments[in_test:][:in_body], arguments[in_test + in_body :]
    while True:
        rounds = _union(_outputs_of(params["cond_jaxpr"].jaxpr, [*test, *carry]))
        outputs = _outputs_of(params["body_jaxpr"].jaxpr, [*body, *carry])
        grown = [old | new | rounds for old, new in zip(carry, outputs, strict=True)]
        if grown == carry:
            return carry
        carry = grown


def _only_program(params: dict[str, Any]) -> Jaxpr | None:
    """The program inside a call (jit, remat, custom derivatives), where there is exactly one."""
    programs = [value for value in params.values() if isinstance(value, ClosedJaxpr | Jaxpr)]
    if len(programs) != 1:
        return None
    return programs[0].jaxpr if isinstance(programs[0], ClosedJaxpr) else programs[0]


def _union(bits: Sequence[Bits]) -> Bits:
    total = 0
    for item in bits:
        total |= item
    return total
