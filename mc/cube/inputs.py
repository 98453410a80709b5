"""The group `inputs`: every row of the tables behind a cube, its source, and which outputs it can reach.

It makes a cube explain itself without the folder of priors.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mc.cache import entry, keep_entry, load_entry
from mc.cube.group import Group, Variable
from mc.pose import Posed
from mc.reach import Reach, reach

if TYPE_CHECKING:
    from mc.study import Study
    from mc.tables import Priors

ROW, QUANTITY, OUTPUT, SOURCE = "row", "quantity", "output", "source"
TEXTS = ("label", "table", "family", "unit", "kind", "source", "note")
NUMBERS = ("low", "mid", "high", "minimum", "maximum")


def inputs_group(posed: Posed) -> Group:
    """Rows (element, table:line, family, points, unit, kind, source, note), sources, and the reach of quantities."""
    variables = _reach_variables(posed)
    variables |= _table_rows(posed.priors) if posed.priors is not None else _study_rows(posed.study)
    return Group(variables, attrs={"priors_digest": posed.digest})


def quantity_of(name: str) -> str:
    """The quantity of an element or a path: `stock.lifetime_mean[buildings]` -> `stock.lifetime_mean`."""
    return name.partition("[")[0]


def _reach_variables(posed: Posed) -> dict[str, Variable]:
    study, found = posed.study, remembered_reach(posed)
    known = {quantity_of(item.name) for item in study.inputs}
    if posed.priors is not None:
        known |= {row.name for row in posed.priors.rows}
    held = {item.name: item.persistence for item in study.inputs if isinstance(item.persistence, str)}
    outputs, quantities = [output.name for output in study.outputs], sorted(known)
    table = np.zeros((len(outputs), len(quantities)), np.int8)
    for index, output in enumerate(outputs):
        inputs = found.inputs[output]
        names = {quantity_of(name) for name in (*inputs, *(held[name] for name in inputs if name in held))}
        names |= {name for path in found.data[output] for name in _quantities_in(path, known)}
        table[index] = [name in names for name in quantities]
    meaning = {"long_name": "1 where a change of the quantity can reach the output", "units": "1"}
    return {
        OUTPUT: Variable((OUTPUT,), np.asarray(outputs), {"long_name": "output"}),
        QUANTITY: Variable((QUANTITY,), np.asarray(quantities), {"long_name": "quantity of the tables"}),
        "reaches": Variable((OUTPUT, QUANTITY), table, meaning),
    }


def _quantities_in(path: str, known: set[str]) -> set[str]:
    """Quantities that the key of a leaf of the data names: `['known']['grid.factor_2021']`."""
    return known.intersection(re.findall(r"'([^']+)'", path))


def remembered_reach(posed: Posed) -> Reach:
    """The reach of a study, kept between runs beside the compiled programs: tracing a large model takes a second."""
    place = _entry(posed)
    if place is not None and isinstance(known := load_entry(place), Reach):
        return known
    found = reach(posed.study)
    if place is not None:
        keep_entry(place, found)
    return found


def _entry(posed: Posed) -> Path | None:
    """File of a reach, by all that the traced program can depend on; None where none can be kept."""
    import jax

    study = posed.study
    leaves = [(jax.tree_util.keystr(path), np.shape(leaf)) for path, leaf in jax.tree.leaves_with_path(study.data)]
    inputs = [(item.name, item.shape) for item in study.inputs]
    sizes = sorted((dim, len(labels)) for dim, labels in study.coords.items())
    return entry("reach", [repr((study.name, posed.variant, inputs, study.outputs, sizes, leaves))])


def _table_rows(priors: "Priors") -> dict[str, Variable]:
    from mc.inputs.schema import quantities

    rows = priors.rows
    units = {
        f"{noun}.{name}": quantity.unit
        for noun, cls in priors.nouns.items()
        for name, quantity in quantities(cls).items()
    }
    texts = {name: [str(getattr(row, name)) for row in rows] for name in TEXTS if name != "unit"}
    texts["unit"] = [units[row.name] for row in rows]
    texts["of"] = [row.name for row in rows]
    variables = _rows(
        texts, {name: [getattr(row, name) for row in rows] for name in NUMBERS}, [row.line for row in rows]
    )
    used = sorted({row.source for row in rows} & set(priors.sources))
    variables["source_key"] = Variable((SOURCE,), np.asarray(used))
    variables["source_text"] = Variable((SOURCE,), np.asarray([priors.sources[key] for key in used]))
    return variables


def _study_rows(study: "Study") -> dict[str, Variable]:
    """The same of a study without tables: its inputs as declared."""
    pairs = [
        (label, item.name, prior)
        for item in study.inputs
        for label, prior in zip(item.labels, item.priors, strict=True)
    ]
    texts = {name: [""] * len(pairs) for name in TEXTS}
    texts["label"] = [label for label, _, _ in pairs]
    texts["of"] = [quantity_of(name) for _, name, _ in pairs]
    texts["family"] = [prior.family for _, _, prior in pairs]
    numbers = {name: [float(getattr(prior, name)) for _, _, prior in pairs] for name in NUMBERS}
    return _rows(texts, numbers, [0] * len(pairs))


def _rows(texts: dict[str, list[str]], numbers: dict[str, list[float]], lines: Iterable[int]) -> dict[str, Variable]:
    variables = {f"row_{name}": Variable((ROW,), np.asarray(column, dtype=np.str_)) for name, column in texts.items()}
    variables |= {f"row_{name}": Variable((ROW,), np.asarray(column, float)) for name, column in numbers.items()}
    variables["row_line"] = Variable((ROW,), np.asarray(list(lines), np.int32))
    return variables
