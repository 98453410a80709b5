"""JSON lines as tables of markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

APART = ("script", "question", "machine")


def markdown(results: Sequence[Mapping[str, Any]], machine: Mapping[str, Any], failures: Mapping[str, str]) -> str:
    """The machine, a table a question, and what failed."""
    parts = ["# Benchmarks", ", ".join(f"{name} {value}" for name, value in machine.items())]
    for question in dict.fromkeys(line["question"] for line in results):
        lines = [line for line in results if line["question"] == question]
        parts.append(f"## {question} (`{lines[0]['script']}`)\n\n{table(lines)}")
    if failures:
        parts.append("## Failed\n\n" + "\n".join(f"- `{name}`: {why}" for name, why in failures.items()))
    return "\n\n".join(parts)


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """One line as figure and value, several as a row each."""
    columns = [name for name in dict.fromkeys(key for line in lines for key in line) if name not in APART]
    if len(lines) == 1:
        rows = [[name, shown(lines[0][name])] for name in columns]
        return _rows(["figure", "value"], rows)
    return _rows(columns, [[shown(line.get(name, "")) for name in columns] for line in lines])


def shown(value: Any) -> str:
    """A value in few characters."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "-"}[value]
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {shown(item)}" for name, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(shown(item) for item in value)
    return str(value).replace("|", "\\|").replace("\n", " ")


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
