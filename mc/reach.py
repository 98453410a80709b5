"""Which inputs can reach which output of a study: read off the traced program, nothing is computed.

"Can reach" is an upper bound: a factor that is zero today still counts, and sources are kept apart element by element
only where values are laid side by side and taken apart again (concatenate, slice, gather, reshape).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal
from numpy.typing import NDArray

from mc.blocks import precise
from mc.study import Study

Sets = NDArray[np.object_]
"""The sources of each element of an array, one bit of a Python integer a source; shape () stands for all elements."""

NOTHING: Sets = np.array(0, dtype=object)

MOST_ELEMENTS = 100_000
"""Arrays beyond this size are described as a whole."""


@dataclass(frozen=True)
class Reach:
    """Sources by output: names of uncertain inputs, and key paths of the leaves of `data` ("['grid']['factor']")."""

    inputs: dict[str, frozenset[str]]
    data: dict[str, frozenset[str]]


def reach(study: Study) -> Reach:
    """Sources of every output of a study, by one pass over its traced program."""
    draw = {item.name: np.zeros(item.shape, np.float32) for item in study.inputs}
    data = jax.tree.map(_as_float32, study.data)
    with precise():
        closed, shape = jax.make_jaxpr(study.function, return_shape=True)(data, draw)
    leaves, _ = jax.tree_util.tree_flatten_with_path((data, draw))
    names = [_name(path) for path, _ in leaves]
    outputs, _ = jax.tree_util.tree_flatten_with_path(shape)
    sources = [np.array(1 << at, dtype=object) for at in range(len(names))]
    found = _outputs_of(closed.jaxpr, sources, closed.consts)
    by_input: dict[str, frozenset[str]] = {}
    by_data: dict[str, frozenset[str]] = {}
    for (path, _), sets in zip(outputs, found, strict=True):
        reached = [names[at] for at in _members(_union([sets]).item())]
        name = str(path[0].key)
        by_input[name] = frozenset(source for kind, source in reached if kind == "input")
        by_data[name] = frozenset(source for kind, source in reached if kind == "data")
    return Reach(by_input, by_data)


def _as_float32(leaf: Any) -> Any:
    array = np.asarray(leaf)
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _name(path: tuple[Any, ...]) -> tuple[str, str]:
    if path[0].idx == 1:
        return "input", str(path[1].key)
    return "data", jax.tree_util.keystr(path[1:])


def _members(bits: int) -> Iterator[int]:
    at = 0
    while bits:
        if bits & 1:
            yield at
        bits >>= 1
        at += 1


def _outputs_of(jaxpr: Jaxpr, arguments: Sequence[Sets], constants: Sequence[Any] = ()) -> list[Sets]:
    """Sources of the outputs of a program, given those of its arguments."""
    known: dict[Any, Sets] = dict(zip(jaxpr.invars, arguments, strict=True))
    held: dict[Any, Any] = dict(zip(jaxpr.constvars, constants, strict=False))

    def read(variable: Any) -> Sets:
        return NOTHING if isinstance(variable, Literal) else known.get(variable, NOTHING)

    def value(variable: Any) -> Any:
        return variable.val if isinstance(variable, Literal) else held.get(variable)

    for equation in jaxpr.eqns:
        operands, values = [read(variable) for variable in equation.invars], [value(v) for v in equation.invars]
        results = _equation(equation, operands, values)
        known.update(zip(equation.outvars, results, strict=True))
        if (constant := _constant(equation, values)) is not None:
            held[equation.outvars[0]] = constant
    return [read(variable) for variable in jaxpr.outvars]


def _equation(equation: Any, operands: list[Sets], values: list[Any]) -> list[Sets]:
    name, params = equation.primitive.name, equation.params
    if name == "scan":
        return _scan(params, operands)
    if name == "while":
        return _while(params, operands)
    if name == "cond":
        branches = [_outputs_of(branch.jaxpr, operands[1:], branch.consts) for branch in params["branches"]]
        return [_union([operands[0], *sets]) for sets in zip(*branches, strict=True)]
    if name in REARRANGEMENTS and (name in ("concatenate", "stack") or any(sets.ndim for sets in operands)):
        moved = _moved(name, params, equation, operands, values)
        if moved is not None:
            return [moved]
    inner = _only_program(params)
    if inner is not None and len(inner[0].invars) == len(operands) and len(inner[0].outvars) == len(equation.outvars):
        return _outputs_of(inner[0], operands, inner[1])
    return [_union(operands)] * len(equation.outvars)


def _scan(params: dict[str, Any], operands: list[Sets]) -> list[Sets]:
    """A loop with a carry: repeated until what the carry depends on no longer grows."""
    constants, carries = params["num_consts"], params["num_carry"]
    whole = [_union([sets]) for sets in operands]
    fixed, carry, slices = whole[:constants], whole[constants:][:carries], whole[constants + carries :]
    while True:
        outputs = [_union([sets]) for sets in _outputs_of(params["jaxpr"].jaxpr, [*fixed, *carry, *slices])]
        grown = [_union(pair) for pair in zip(carry, outputs[:carries], strict=True)]
        if grown == carry:
            return [*carry, *outputs[carries:]]
        carry = grown


def _while(params: dict[str, Any], operands: list[Sets]) -> list[Sets]:
    """The same where the number of rounds depends on the carry too."""
    in_test, in_body = params["cond_nconsts"], params["body_nconsts"]
    whole = [_union([sets]) for sets in operands]
    test, body, carry = whole[:in_test], whole[in_test:][:in_body], whole[in_test + in_body :]
    while True:
        rounds = _union(_outputs_of(params["cond_jaxpr"].jaxpr, [*test, *carry]))
        outputs = _outputs_of(params["body_jaxpr"].jaxpr, [*body, *carry])
        grown = [_union([old, new, rounds]) for old, new in zip(carry, outputs, strict=True)]
        if grown == carry:
            return carry
        carry = grown


def _only_program(params: dict[str, Any]) -> tuple[Jaxpr, Sequence[Any]] | None:
    """The program inside a call (jit, remat, custom derivatives), where there is exactly one."""
    programs = [value for value in params.values() if isinstance(value, ClosedJaxpr | Jaxpr)]
    if len(programs) != 1:
        return None
    program = programs[0]
    return (program.jaxpr, program.consts) if isinstance(program, ClosedJaxpr) else (program, ())


def _union(sets: Sequence[Sets]) -> Sets:
    """All sources of all elements."""
    total = 0
    for item in sets:
        for bits in set(item.ravel().tolist()):
            total |= bits
    return np.array(total, dtype=object)


def _moved(name: str, params: dict[str, Any], equation: Any, operands: list[Sets], values: list[Any]) -> Sets | None:
    """Sources of the elements of an array that an equation puts in another place; None where that cannot be said."""
    shapes = [variable.aval.shape for variable in equation.invars]
    if sum(map(math.prod, shapes)) > MOST_ELEMENTS:
        return None
    full = [np.broadcast_to(sets, shape) for sets, shape in zip(operands, shapes, strict=True)]
    moved = REARRANGEMENTS[name](full, params, values)
    if moved is None or moved.shape != equation.outvars[0].aval.shape:
        return None
    return _union([moved]) if len(set(moved.ravel().tolist())) == 1 else moved


def _constant(equation: Any, values: list[Any]) -> Any:
    """The value of an index array that a program makes from a constant without computing anything."""
    if len(equation.outvars) != 1 or equation.primitive.name not in REARRANGEMENTS:
        return None
    if any(value is None for value in values):
        return None
    arrays = [np.asarray(value) for value in values]
    if any(array.dtype.kind not in "iu" for array in arrays):
        return None
    return REARRANGEMENTS[equation.primitive.name](arrays, equation.params, values)


def _gathered(arrays: list[Any], params: dict[str, Any], values: list[Any]) -> Any:
    """`x[index]` along one axis, with an index that no draw changes."""
    if len(values) < 2 or values[1] is None or arrays[0].ndim != 1 or tuple(params["slice_sizes"]) != (1,):
        return None
    index = np.asarray(values[1])
    return arrays[0][np.clip(index[..., 0], 0, len(arrays[0]) - 1)]


def _sliced(arrays: list[Any], params: dict[str, Any], _: list[Any]) -> Any:
    strides = params["strides"] or (1,) * arrays[0].ndim
    return arrays[0][tuple(map(slice, params["start_indices"], params["limit_indices"], strides))]


def _spread(arrays: list[Any], params: dict[str, Any], _: list[Any]) -> Any:
    shape = params["shape"]
    sizes = [1] * len(shape)
    for axis, size in zip(params["broadcast_dimensions"], arrays[0].shape, strict=True):
        sizes[axis] = size
    return np.broadcast_to(arrays[0].reshape(sizes), shape)


REARRANGEMENTS: dict[str, Callable[[list[Any], dict[str, Any], list[Any]], Any]] = {
    "concatenate": lambda arrays, params, _: np.concatenate(arrays, axis=params["dimension"]),
    "stack": lambda arrays, params, _: np.stack(arrays, axis=params["axis"]),
    "reshape": lambda arrays, params, _: arrays[0].reshape(params["new_sizes"]),
    "squeeze": lambda arrays, params, _: arrays[0].squeeze(params["dimensions"]),
    "transpose": lambda arrays, params, _: arrays[0].transpose(params["permutation"]),
    "convert_element_type": lambda arrays, *_: arrays[0],
    "broadcast_in_dim": _spread,
    "slice": _sliced,
    "gather": _gathered,
}
"""Operations that move elements and change none, by the name of their primitive."""
