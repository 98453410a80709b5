"""Run a notebook of percent cells against a cube, and make a page of it: one self-contained HTML file."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from origin import count, provenance, warnings
from page import data_uri, write_html
from reading import Cube, CubeError

FOLDER = Path(__file__).parent / "notebooks"
CUBE_VARIABLE = "FERROCAST_CUBE"
LONGEST_CELL = 1200
"""Seconds that a cell may take: some make a run."""


class NotebookError(Exception):
    """A notebook that stopped; the message names the cell and the error."""


@dataclass(frozen=True)
class Part:
    """A piece of a notebook: `words` and `code` and `table` are HTML, `text` and `warning` plain, `image` an SVG."""

    kind: str
    content: str
    alt: str = ""


@dataclass(frozen=True)
class Notebook:
    """A notebook that was run: its title, what was run on, its pieces in order, and where the numbers come from."""

    name: str
    title: str
    subtitle: str
    parts: tuple[Part, ...]
    warnings: list[str]
    provenance: list[tuple[str, str]]


def notebooks() -> dict[str, Path]:
    """The notebooks that there are, by name."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.py"))}


def run_notebook(script: Path, cube: Cube) -> Notebook:
    """Run a notebook on a cube.

    Raises:
        CubeError: the packages that run notebooks are not installed.
        NotebookError: a cell failed, or drew a figure without alternative text.
    """
    cells = _executed(script, {CUBE_VARIABLE: str(cube.path.resolve())})
    parts = [part for cell in cells for part in _parts(cell, script)]
    title = next((line[2:] for line in cells[0]["source"].splitlines() if line.startswith("# ")), script.stem)
    return Notebook(
        name=script.stem,
        title=title,
        subtitle=f"{cube.summary.attrs.get('title', cube.path.stem)} · {count(cube.summary.attrs['draws'])} draws",
        parts=tuple(parts),
        warnings=warnings(cube),
        provenance=[("Notebook", script.name), *provenance(cube, "co2_direct_power")],
    )


def write_notebook(notebook: Notebook, folder: Path) -> Path:
    """Write NAME.html; returns its path."""
    return write_html(folder / f"{notebook.name}.html", "notebook.html", page=notebook)


def _executed(script: Path, variables: Mapping[str, str]) -> list[Any]:
    """The cells of a notebook with what they gave, run from the folder above reports/ by this Python."""
    try:
        import jupytext
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
        from traitlets.config import Config
    except ModuleNotFoundError as error:
        raise CubeError(f"{script}: needs the package {error.name}; run: pip install 'ferrocast[notebook]'") from None
    notebook = jupytext.read(script, fmt="py:percent")
    place = {"metadata": {"path": str(FOLDER.parents[1])}}
    with TemporaryDirectory() as sockets:
        # Others on the machine can read ports of TCP; a socket of the file system has a short path or fails.
        over = {} if os.name == "nt" else {"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}}
        client = NotebookClient(notebook, timeout=LONGEST_CELL, resources=place, config=Config(over))
        try:
            client.execute(env={**os.environ, **variables})
        except CellExecutionError as error:
            failed = next(cell for cell in notebook.cells if _has_failed(cell))
            why = f"the cell that begins {_first_line(failed)!r} failed: {error.ename}: {error.evalue}"
            raise NotebookError(f"{script}: {why}") from None
        except (CellTimeoutError, DeadKernelError) as error:
            raise NotebookError(f"{script}: {str(error).splitlines()[0]}") from None
    return list(notebook.cells)


def _has_failed(cell: Any) -> bool:
    return any(output.output_type == "error" for output in cell.get("outputs", []))


def _parts(cell: Any, script: Path) -> Iterator[Part]:
    if cell.cell_type == "markdown":
        yield Part("words", _words(cell.source))
        return
    yield Part("code", _code(cell.source))
    for output in cell.outputs:
        yield _output(output, cell, script)


def _output(output: Any, cell: Any, script: Path) -> Part:
    """What a cell gave, in the richest of its forms that needs no script."""
    if output.output_type == "stream":
        return Part("text" if output.name == "stdout" else "warning", output.text)
    data = output.data
    if "image/svg+xml" in data:
        alt = cell.metadata.get("alt", "")
        if not alt:
            raise NotebookError(f'{script}: the cell that begins {_first_line(cell)!r} draws: give it # %% alt="..."')
        return Part("image", data_uri(data["image/svg+xml"].encode()), alt)
    return Part("table", data["text/html"]) if "text/html" in data else Part("text", data["text/plain"])


def _first_line(cell: Any) -> str:
    return str(cell.source.splitlines()[0])


def _words(source: str) -> str:
    """Markdown without the title of the notebook, which heads the page."""
    from markdown_it import MarkdownIt

    lines = [line for line in source.splitlines() if not line.startswith("# ")]
    return str(MarkdownIt().render("\n".join(lines)))


def _code(source: str) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(source, PythonLexer(), HtmlFormatter(noclasses=True, nobackground=True)))
