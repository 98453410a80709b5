"""`ferrocast` with the toy model made known, also to the tasks that it starts: python tests/toy_command.py COMMAND."""

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parents[1]
TOY_PROGRAM = "from toy_command import toy_ferrocast\ntoy_ferrocast()\n"


def start(*arguments: object, program: str = TOY_PROGRAM) -> subprocess.Popen[str]:
    """`program`, or `ferrocast` with the toy model, in a process of its own without cached programs."""
    places = os.pathsep.join((str(ROOT), str(Path(__file__).parent)))
    environment = {**os.environ, "PYTHONPATH": places, "JAX_PLATFORMS": "cpu", "FERROCAST_CACHE": "off"}
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def await_line(process: subprocess.Popen[str], text: str) -> None:
    """Read what a process says until a line holds this text."""
    assert process.stderr is not None
    seen = ""
    while text not in seen:
        line = process.stderr.readline()
        assert line, seen
        seen += line


def toy_ferrocast() -> NoReturn:
    """Run the command that this process was given."""
    import toy_world

    from mc import batch, pose
    from mc.__main__ import main

    pose.MODELS["toy"] = toy_world.toy_model
    batch.PROGRAM = (sys.executable, __file__)
    main()


if __name__ == "__main__":
    toy_ferrocast()
