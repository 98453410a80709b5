"""The group `inputs`: every row of the tables behind a cube, its source, and which outputs it can reach.

It makes a cube explain itself without the folder of priors.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from mc.pose import Posed
from mc.reach import reach

if TYPE_CHECKING:
    from mc.study import Study
    from mc.tables import Priors

ROW, QUANTITY, OUTPUT, SOURCE = "row", "quantity", "output", "source"
TEXTS = ("label", "table", "family", "unit", "kind", "source", "note")
NUMBERS = ("low", "mid", "high", "minimum", "maximum")


def inputs_group(posed: Posed) -> xr.Dataset:
    """Rows (element, table:line, family, points, unit, kind, source, note), sources, and the reach of quantities."""
    variables = _reach_variables(posed.study, posed.priors)
    variables |= _table_rows(posed.priors) if posed.priors is not None else _study_rows(posed.study)
    return xr.Dataset(variables, attrs={"priors_digest": posed.digest})


def quantity_of(name: str) -> str:
    """The quantity of an element or a path: `stock.lifetime_mean[buildings]` -> `stock.lifetime_mean`."""
    return name.partition("[")[0]


def _reach_variables(study: "Study", priors: "Priors | None") -> dict[str, xr.Variable]:
    found = reach(study)
    known = {quantity_of(item.name) for item in study.inputs}
    if priors is not None:
        known |= {row.name for row in priors.rows}
    quantities = sorted(known)
    at = {name: index for index, name in enumerate(quantities)}
    outputs = [output.name for output in study.outputs]
    table = np.zeros((len(outputs), len(quantities)), np.int8)
    for index, output in enumerate(outputs):
        names = {quantity_of(name) for name in found.inputs[output]}
        names |= {
            word for path in found.data[output] for word in re.findall(r"'([^']+)'|\.(\w+)", path) for word in word
        }
        for name in names & known:
            table[index, at[name]] = 1
    return {
        OUTPUT: xr.Variable((OUTPUT,), np.asarray(outputs)),
        QUANTITY: xr.Variable((QUANTITY,), np.asarray(quantities)),
        "reaches": xr.Variable(
            (OUTPUT, QUANTITY),
            table,
            {"long_name": "1 where a change of the quantity can reach the output", "units": "1"},
        ),
    }


def _table_rows(priors: "Priors") -> dict[str, xr.Variable]:
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
    variables["source_key"] = xr.Variable((SOURCE,), np.asarray(used))
    variables["source_text"] = xr.Variable((SOURCE,), np.asarray([priors.sources[key] for key in used]))
    return variables


def _study_rows(study: "Study") -> dict[str, xr.Variable]:
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


def _rows(texts: dict[str, list[str]], numbers: dict[str, list[float]], lines: Iterable[int]) -> dict[str, xr.Variable]:
    variables = {
        f"row_{name}": xr.Variable((ROW,), np.asarray(column, dtype=np.str_)) for name, column in texts.items()
    }
    variables |= {f"row_{name}": xr.Variable((ROW,), np.asarray(column, float)) for name, column in numbers.items()}
    variables["row_line"] = xr.Variable((ROW,), np.asarray(list(lines), np.int32))
    return variables
