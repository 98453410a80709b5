"""The cube: statistics of a run as labelled arrays with units, errors and origin, in one NetCDF-4 file.

The root holds the summary, so that every reader sees it at once; groups hold differences, draws, diagnostics, inputs
and state.
"""

from mc.cube.read import open_cube as open_cube
