"""Priors of a small world that the tests write: one noun, two provinces, three routes, every kind of row."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import jax
from jax import Array

from mc.inputs.schema import quantity

QUANTITIES = {
    "rate": quantity("1/year", high=1),
    "income": quantity("GCNY", "province", high=1e6, absent=0.0),
    "share": quantity("1", "province", high=1, meaning="share of use; adds to one"),
    "mix": quantity("1", "route", "carrier", high=1, absent=0.0),
    "output": quantity("Mt/year", "history", high=100),
    "price": quantity("USD/t", "carrier", "year", high=1000, absent=0.0),
    "persistence": quantity("1", high=1, meaning="yearly persistence"),
    "option": quantity("1", meaning="which one"),
    "storage": quantity("1", meaning="index into the axis storage"),
    "noise": quantity("1", "province", "route", low=-math.inf, meaning="score of the bias"),
}
# Not by @noun, which would register a noun that the real tables lack.
WORLD_NOUN = dataclasses.make_dataclass(
    "World", [(name, Array, field) for name, field in QUANTITIES.items()], frozen=True
)
jax.tree_util.register_dataclass(WORLD_NOUN)
NOUNS: dict[str, type[Any]] = {"world": WORLD_NOUN}

AXES = """axis,label,name_en,name_zh,group,like,note
province,CN-HE,Hebei,河北,north,,
province,CN-JS,Jiangsu,江苏,east,,
route,furnace,,,base,,
route,best,,,best,furnace,
route,electric,,,scrap,,
carrier,coal,,,,,
carrier,gas,,,,,
storage,low,,,,,
storage,high,,,,,
"""
WORLD = """\
quantity,province,route,carrier,year,option,family,low,mid,high,minimum,maximum,unit,kind,source,note,dimension
rate,,,,,,pert,1,2,4,,,%/year,expert,book,,0
income,CN-HE,,,,,fixed,,40,,,,1e8 CNY,measured,book,,
share,CN-HE,,,,,dirichlet,0.5,0.6,0.7,,,1,derived,paper,,1
share,CN-JS,,,,,dirichlet,0.3,0.4,0.5,,,1,derived,paper,,2
mix,,furnace,coal,,,beta,0.5,0.7,0.8,,,1,literature,paper,,3
mix,,furnace,gas,,,fixed,,0.2,,,,1,literature,paper,,
output,,,,2018,,fixed,,9,,,,Mt/year,measured,book,,
output,,,,2019,,fixed,,10,,,,Mt/year,measured,book,,
output,,,,2020,,uniform,10,,12,,,Mt/year,measured,book,,4
price,,,coal,2020,,fixed,,100,,,,USD/t,measured,book,,
price,,,coal,2030,,triangular,100,120,180,,,USD/t,expert,book,,
price,,,gas,2025,,lognormal,200,300,450,,,USD/t,expert,book,,
persistence,,,,,,uniform,0.8,,0.95,,,1,expert,book,,5
option,,,,,a,choice,0.2,0.25,0.3,,,1,expert,book,,6
option,,,,,b,choice,,0.75,,,,1,expert,book,,
storage,,,,,low,choice,,0.5,,,,1,expert,book,,7
storage,,,,,high,choice,,0.5,,,,1,expert,book,,
noise,*,*,,,,normal,-1.645,0,1.645,,,1,derived,book,,
noise,CN-HE,furnace,,,,truncnormal,-1.645,0,1.645,-3,3,1,derived,book,,8
"""
DEPENDENCE = """kind,first,second,value,source,note,dimension
correlation,world.rate,world.persistence,0.5,book,,
shared,world.noise,,0.3,paper,,9
path,world.price,world.persistence,,book,,10
path,world.price[gas],,1,book,,18
"""
SOURCES = """@book{book, title = {A {nested} title}, year = {2020}}
@article{paper,
  title = {Another},
}
"""


FILES = {"world": "steel/world.csv", "axes": "axes.csv", "dependence": "dependence.csv", "sources": "sources.bib"}
TEXTS = {"world": WORLD, "axes": AXES, "dependence": DEPENDENCE, "sources": SOURCES}


def write(folder: Path, **texts: str) -> Path:
    """A folder of priors; a text given by name stands in for the good one of that name."""
    (folder / "steel").mkdir(parents=True, exist_ok=True)
    for name, text in (TEXTS | texts).items():
        (folder / FILES[name]).write_text(text, encoding="utf-8")
    return folder
