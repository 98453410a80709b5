"""Build the pages of a cube: `python reports/build.py runs/out/baseline.nc` writes reports/out/emissions.html.

Every script beside this one that has a function `page` is a page; several pages get an index. A page that the cube has
nothing for is left out with a word on stderr, unless it is asked for by name. Notebooks are run and made pages where
`--notebook NAME` asks for them.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from notebook import NotebookError, notebooks, run_notebook, write_notebook
from page import Page, write_index, write_page
from reading import Cube, CubeError, NoPage, read_cube

HERE = Path(__file__).parent
FAILED, BAD_INPUT, DISK = 1, 2, 74


def pages() -> dict[str, Callable[[Cube], Page]]:
    """Functions that make a page, by the name of their script."""
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem != Path(__file__).stem)
    modules = {name: import_module(name) for name in names}
    return {name: module.page for name, module in modules.items() if callable(getattr(module, "page", None))}


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is asked for and print the path of each page.

    Exit codes: 1 a notebook failed, 2 bad input, 74 full disk.
    """
    known, scripts = pages(), notebooks()
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split(":")[0],
        epilog="example: python reports/build.py runs/out/baseline.nc",
    )
    parser.add_argument("cube", type=Path, help="cube of a run (NetCDF)")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="folder of the pages (default: reports/out)")
    parser.add_argument("--page", choices=sorted(known), action="append", help="only this page (may be repeated)")
    parser.add_argument("--notebook", choices=sorted(scripts), action="append", default=[], help="run this one too")
    given = parser.parse_args(arguments)
    try:
        cube = read_cube(given.cube)
        made, left_out = _make(cube, {name: known[name] for name in given.page or known}, strict=bool(given.page))
        ran = [run_notebook(scripts[name], cube) for name in given.notebook]
    except (CubeError, NotebookError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT if isinstance(error, CubeError) else FAILED
    try:
        written = [write_page(page, given.out) for page in made]
        written += [write_notebook(notebook, given.out) for notebook in ran]
        if len(written) > 1:
            written.append(write_index([*made, *ran], given.out, left_out))
    except OSError as error:
        print(f"{given.out}: cannot be written ({error.strerror}); choose another folder with --out", file=sys.stderr)
        return DISK
    print(*written, sep="\n")
    if left_out:
        print(*left_out, sep="\n", file=sys.stderr)
    return 0


def _make(cube: Cube, wanted: dict[str, Callable[[Cube], Page]], *, strict: bool) -> tuple[list[Page], list[str]]:
    """The pages that the cube can fill, and why others are left out; `strict` forbids the latter."""
    made, left_out = [], []
    for page in wanted.values():
        try:
            made.append(page(cube))
        except NoPage as why:
            if strict:
                raise
            left_out.append(str(why))
    return made, left_out


if __name__ == "__main__":
    sys.exit(main())
