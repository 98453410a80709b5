import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "reports/README.md")


def lines_of(readme: str) -> list[str]:
    """The Python lines of a README, none where it has no such block."""
    found = re.search(r"```python\n(.*?)```", (ROOT / readme).read_text(encoding="utf-8"), re.DOTALL)
    return [line for line in found[1].splitlines() if line.strip()] if found else []


def test_a_notebook_needs_five_lines() -> None:
    found = {readme: lines_of(readme) for readme in READMES}
    assert found["reports/README.md"]
    for readme, lines in found.items():
        assert len(lines) <= 5, readme
        compile("\n".join(lines), readme, "exec")


@pytest.mark.slow
@pytest.mark.parametrize("readme", [readme for readme in READMES if lines_of(readme)])
def test_the_notebook_lines_run(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import matplotlib as mpl
    import numpy as np

    mpl.use("agg")
    import matplotlib.pyplot as plt

    for name in ("priors", "runs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("out"))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    # The lines are those of the README: that they run as printed is what is tested.
    exec("\n".join(lines_of(readme)), names)
    drawn = plt.gca().lines
    assert len(drawn) == 3
    low, middle, high = (np.asarray(line.get_ydata()) for line in drawn)
    assert (low <= middle).all()
    assert (middle <= high).all()
    plt.close("all")
