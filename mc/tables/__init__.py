"""The tables of priors: read, checked, and kept as rows."""

from mc.errors import InputError as InputError
from mc.tables.errors import PriorsError as PriorsError
from mc.tables.priors import Priors as Priors
from mc.tables.read import read_priors as read_priors
from mc.tables.rows import Row as Row
