import ast
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ENGINE = (
    "study",
    "distributions",
    "samplers",
    "dependence",
    "draws",
    "statistics",
    "ensemble",
    "sensitivity",
    "posterior",
    "checkpoint",
)
WORLD = ("model", "allocation", "tables", "inputs", "outputs", "commands", "runfile", "run")
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "core", "manager"}
LONGEST_FILE = 400
LONGEST_FUNCTION = 60

Functions = ast.FunctionDef | ast.AsyncFunctionDef


def modules_of(root: Path) -> dict[str, Path]:
    """Dotted name -> file of every module of mc/; a package goes by its own name."""
    names = {}
    for path in sorted((root / "mc").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports_of(path: Path) -> Iterator[str]:
    """Every absolute name that a file imports, wherever in the file: `from a import b` gives both a and a.b."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def belongs(module: str, families: tuple[str, ...]) -> bool:
    return any(module == f"mc.{name}" or module.startswith(f"mc.{name}.") for name in families)


def engine_leaks(root: Path) -> list[str]:
    """Chains of imports from a module of the engine to one that knows the steel chain, its tables or its commands."""
    modules = modules_of(root)
    edges = {name: sorted(set(imports_of(path)) & modules.keys()) for name, path in modules.items()}
    leaks = []
    for start in (name for name in modules if belongs(name, ENGINE)):
        trails, seen = [(start,)], {start}
        while trails:
            trail = trails.pop()
            for target in edges[trail[-1]]:
                if target == "mc" or belongs(target, WORLD):
                    leaks.append(" -> ".join((*trail, target)))
                elif target not in seen:
                    seen.add(target)
                    trails.append((*trail, target))
    return leaks


def named_paths(root: Path) -> list[str]:
    """String constants of mc/, docstrings and sentences apart, that are a path under priors/, runs/ or reports/."""
    found = []
    for path in modules_of(root).values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            if re.fullmatch(r"(\S*/)?(priors|runs|reports)/\S*", node.value):
                found.append(f"{path.relative_to(root)}:{node.lineno}: {node.value!r}")
    return found


def vague_names(root: Path) -> list[str]:
    paths = (path for folder in ("mc", "reports", "benchmarks", "tests") for path in (root / folder).rglob("*.py"))
    parts = (
        (path, {part.removeprefix("test_") for part in path.relative_to(root).with_suffix("").parts}) for path in paths
    )
    return [str(path.relative_to(root)) for path, names in parts if names & VAGUE_NAMES]


def long_files(root: Path) -> list[str]:
    lengths = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in modules_of(root).values())
    return [f"{path.relative_to(root)}: {n} lines" for path, n in lengths if n > LONGEST_FILE]


def long_functions(root: Path) -> list[str]:
    found = []
    for path in modules_of(root).values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Functions) and (n := (node.end_lineno or 0) - node.lineno + 1) > LONGEST_FUNCTION:
                found.append(f"{path.relative_to(root)}:{node.lineno}: {node.name}, {n} lines")
    return found


RULES = (engine_leaks, named_paths, vague_names, long_files, long_functions)


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert rule(ROOT) == []


def test_the_walk_finds_the_package() -> None:
    assert "mc" in modules_of(ROOT)


def write_module(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("rule", "files", "offence"),
    [
        (engine_leaks, {"mc/draws.py": "from mc.model import chain\n"}, "mc.draws -> mc.model"),
        (engine_leaks, {"mc/draws.py": "def f():\n    import mc.tables.read\n"}, "mc.draws -> mc.tables.read"),
        (engine_leaks, {"mc/statistics/moments.py": "from mc import inputs\n"}, "mc.statistics.moments -> mc.inputs"),
        (engine_leaks, {"mc/draws.py": "import mc\n"}, "mc.draws -> mc"),
        (
            engine_leaks,
            {"mc/ensemble.py": "from mc.axes import year\n", "mc/axes.py": "import mc.runfile as r\nyear = r\n"},
            "mc.ensemble -> mc.axes -> mc.runfile",
        ),
        (named_paths, {"mc/run.py": "FILE = 'priors/steel/routes.csv'\n"}, "mc/run.py:1: 'priors/steel/routes.csv'"),
        (named_paths, {"mc/run.py": "OUT = f'{1}/../runs/out'\n"}, "mc/run.py:1: '/../runs/out'"),
        (vague_names, {"mc/tables/helpers.py": ""}, "mc/tables/helpers.py"),
        (vague_names, {"mc/core/axes.py": ""}, "mc/core/axes.py"),
        (vague_names, {"tests/test_utils.py": ""}, "tests/test_utils.py"),
        (long_files, {"mc/run.py": "x = 1\n" * 401}, "mc/run.py: 401 lines"),
        (long_functions, {"mc/run.py": "def f():\n" + "    x = 1\n" * 60}, "mc/run.py:1: f, 61 lines"),
    ],
)
def test_a_breach_is_found(
    tmp_path: Path, rule: Callable[[Path], list[str]], files: dict[str, str], offence: str
) -> None:
    for name in ("model/__init__", "tables/read", "inputs", "runfile", "__init__"):
        write_module(tmp_path, f"mc/{name}.py", "")
    for name, text in files.items():
        write_module(tmp_path, name, text)
    assert offence in rule(tmp_path)


def test_limits_are_allowed(tmp_path: Path) -> None:
    function = "def f():\n" + "    x = 1\n" * 59
    write_module(tmp_path, "mc/run.py", function + "x = 1\n" * 340)
    assert [offence for rule in RULES for offence in rule(tmp_path)] == []


def test_no_file_of_the_set_up_names_an_index() -> None:
    for name in ("constraints.txt", "pyproject.toml", "Makefile", ".ci/run", ".pre-commit-config.yaml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "://" not in text, name


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["test"], *extras["bench"], *extras["notebook"]]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    assert {re.split(r"[<>=\[; ]", name, maxsplit=1)[0].lower() for name in wanted} <= pinned | {"ferrocast"}
