"""Run file (TOML) -> `Run`: checked, with the origin of every value."""

from mc.runfile.load import load_run as load_run
from mc.runfile.schema import Run as Run
from mc.runfile.schema import RunFile as RunFile
