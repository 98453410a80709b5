"""`ferrocast explain`: what a number is, which inputs can move it, and where those come from."""

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mc.commands import Json, Quiet, existing_cube, log, say, say_json, say_table, start_log
from mc.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

FEW = 6
"""Fixed rows of one quantity that are listed one by one; more are summed up in a line."""


def explain(
    cube: Annotated[Path, typer.Argument(help="Cube (.nc).")],
    output: Annotated[str, typer.Argument(help="Output; `ferrocast show CUBE --list` lists them.")],
    every_row: Annotated[bool, typer.Option("--all", help="List every fixed row too.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    r"""Explain an output: meaning, unit, the rows of the tables that can reach it, and their sources.

    The cube holds all this itself; the folder of priors is not needed.

    \b
    Example:
      ferrocast explain cube.nc co2_direct_power
      ferrocast explain cube.nc co2_direct_power --json
    """
    start_log(quiet)
    from mc.cube import open_cube
    from mc.cube.names import INPUTS

    path = existing_cube(cube)
    summary = open_cube(path)
    name = _name(summary, output)
    facts = _facts(summary, name)
    rows, sources = _behind(open_cube(path, INPUTS), str(facts["of"]))
    if json:
        say_json(facts | {"rows": rows, "sources": sources})
        return
    _print(facts, rows, sources, every_row)


def _name(summary: "xr.Dataset", output: str) -> str:
    from mc.cube.select import outputs_of
    from mc.runfile.load import suggestion

    known = outputs_of(summary)
    if output not in known:
        raise InputError(f"{output!r}: no such output{suggestion(output, known) or '; ferrocast show CUBE --list'}")
    return output


def _facts(summary: "xr.Dataset", name: str) -> dict[str, Any]:
    from mc.cube.names import DISPLAY_UNIT, STATISTIC

    variable = summary[name]
    return {
        "output": name,
        "of": variable.attrs.get("of", name),
        "meaning": variable.attrs["long_name"],
        "unit": variable.attrs[DISPLAY_UNIT],
        "axes": [str(dim) for dim in variable.dims if dim != STATISTIC],
        "run": summary.attrs.get("run_file", ""),
        "priors_digest": summary.attrs.get("priors_digest", ""),
    }


def _behind(inputs: "xr.Dataset", output: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Rows whose quantity can reach an output, uncertain ones first, and the text of their sources."""
    reached = inputs["reaches"].isel(output=[str(name) for name in inputs["output"].values].index(output)).values
    quantities = {str(name) for name, hit in zip(inputs["quantity"].values, reached, strict=True) if hit}
    columns = [str(name) for name in inputs.data_vars if str(name).startswith("row_")]
    table = {name.removeprefix("row_"): inputs[name].values.tolist() for name in columns}
    records = [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)]
    rows = [record for record in records if record["of"] in quantities]
    rows.sort(key=lambda row: row["family"] == "fixed")
    used = {row["source"] for row in rows}
    texts = (
        dict(zip(inputs["source_key"].values, inputs["source_text"].values, strict=True))
        if "source_key" in inputs
        else {}
    )
    return rows, {str(key): str(text) for key, text in texts.items() if key in used}


def _print(facts: dict[str, Any], rows: list[dict[str, Any]], sources: dict[str, str], every_row: bool) -> None:
    uncertain = [row for row in rows if row["family"] != "fixed"]
    say(f"{facts['output']}: {facts['meaning']}")
    say(f"unit {facts['unit']}; axes {', '.join(facts['axes']) or 'none'}")
    say(f"{len(uncertain)} uncertain and {len(rows) - len(uncertain)} fixed rows can reach it")
    say("")
    say_table(("row", "value", "unit", "family", "kind", "where", "source"), _lines(rows, every_row))
    if sources:
        say("")
        for key, text in sources.items():
            say(f"{key}: {reference(text)}")
    log.info("rows of run %s, priors %s", facts["run"], str(facts["priors_digest"])[:12] or "none")


def _lines(rows: list[dict[str, Any]], every_row: bool) -> list[list[str]]:
    """A line a row; elements of one line of a table, and many fixed rows of a quantity, are summed up in one."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        line = () if row["family"] == "fixed" else (_where(row),) if row["table"] else (row["label"],)
        groups.setdefault((row["of"], *line), []).append(row)
    lines = []
    for members in groups.values():
        same = len({_value(row) for row in members}) == 1
        if len(members) == 1 or every_row or not (same or len(members) > FEW):
            lines += [_line(row, row["label"], _value(row), _where(row)) for row in members]
        else:
            text = _value(members[0]) if same else _range(members)
            more = "" if len({_where(row) for row in members}) == 1 else "..."
            lines.append(_line(members[0], f"{members[0]['of']}[{len(members)} rows]", text, _where(members[0]) + more))
    return lines


def _line(row: dict[str, Any], label: str, value: str, where: str) -> list[str]:
    return [label, value, row["unit"], row["family"], row["kind"], where, row["source"]]


def _range(rows: list[dict[str, Any]]) -> str:
    values = [row["mid"] for row in rows if math.isfinite(row["mid"])]
    return f"{min(values):.4g} to {max(values):.4g}" if values else ""


def _value(row: dict[str, Any]) -> str:
    points = [row[name] for name in ("low", "mid", "high") if math.isfinite(row[name])]
    return " / ".join(f"{point:.4g}" for point in points)


def _where(row: dict[str, Any]) -> str:
    return f"{row['table']}:{row['line']}" if row["table"] else "study"


def reference(entry: str) -> str:
    """A BibTeX entry as a line: author (year): title. Where."""
    fields = {
        key.lower(): re.sub(r"[{}]", "", text).strip()
        for key, text in re.findall(r"(\w+)\s*=\s*[{\"](.*?)[}\"]\s*,?\s*(?:\n|$|\}$)", entry)
    }
    if not fields:
        return " ".join(entry.split())
    who = fields.get("author") or fields.get("institution") or fields.get("organization") or ""
    where = ", ".join(fields[key] for key in ("journal", "howpublished", "doi", "url") if fields.get(key))
    year = f" ({fields['year']})" if "year" in fields else ""
    return f"{who}{year}: {fields.get('title', '')}. {where}".strip()
