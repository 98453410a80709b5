"""`ferrocast init`: a working copy of the tables and the run files."""

import shutil
import sysconfig
from pathlib import Path
from typing import Annotated

import typer

from mc.commands import Quiet, log, say, start_log
from mc.errors import DiskError, InputError

SHARED = Path("share") / "ferrocast"
FOLDERS = ("priors", "runs")


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make; it may exist, without priors and runs in it.")],
    quiet: Quiet = False,
) -> None:
    r"""Write a working copy of the tables of priors and of the run files.

    \b
    Example:
      ferrocast init work
      ferrocast run work/runs/smoke.toml
    """
    start_log(quiet)
    source = shared_folder()
    for name in FOLDERS:
        if (folder / name).exists():
            raise InputError(f"{folder / name}: exists; choose another folder")
    try:
        for name in FOLDERS:
            shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns("out", "__pycache__"))
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise DiskError(f"{folder}: no room left") from None
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{folder}: cannot be written: {reason}; choose another folder") from None
    log.info("try: ferrocast run %s", folder / FOLDERS[1] / "smoke.toml")
    say(str(folder))


def shared_folder() -> Path:
    """Where the tables came with the package: the source checkout of an editable install, else the wheel's data.

    An editable install copies the tables too, but only once: the checkout has the current ones.
    """
    package = Path(__file__).resolve().parents[1]
    candidates = (package.parent, Path(sysconfig.get_path("data")) / SHARED, *_beside(package))
    for candidate in candidates:
        if all((candidate / name).is_dir() for name in FOLDERS):
            return candidate
    raise InputError(f"no tables found in {', '.join(map(str, candidates))}; install ferrocast again")


def _beside(package: Path) -> list[Path]:
    """Where `pip install --user` and `--prefix` put data: above the site-packages that hold the package."""
    return [above / SHARED for above in package.parents[1:5]]
