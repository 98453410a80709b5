"""`ferrocast` with the toy model made known, also to the tasks that it starts: python tests/toy_command.py COMMAND."""

import sys

from toy_world import toy_model

from mc import batch, pose
from mc.__main__ import main

pose.MODELS["toy"] = toy_model
batch.PROGRAM = (sys.executable, __file__)

if __name__ == "__main__":
    main()
