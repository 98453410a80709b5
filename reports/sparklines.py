"""Small drawings for the cells of a table: a mean and its 5-95 % band over the years, as SVG written by hand."""

from collections.abc import Iterable

import numpy as np
from figures import BLUE, RULE

WIDTH, HEIGHT, EDGE = 112.0, 27.0, 1.5


def sparkline(mean: np.ndarray, low: np.ndarray | None = None, high: np.ndarray | None = None) -> bytes:
    """A line with its band, on its own scale from zero or the lowest to the highest value."""
    low, high = mean if low is None else low, mean if high is None else high
    bottom, top = min(0.0, float(low.min())), max(float(high.max()), float(mean.max()))
    scale = (HEIGHT - 2 * EDGE) / (top - bottom or 1.0)
    x = np.linspace(EDGE, WIDTH - EDGE, len(mean))

    def y(values: np.ndarray) -> np.ndarray:
        return HEIGHT - EDGE - (values - bottom) * scale

    band = _points([*zip(x, y(high), strict=True), *zip(x[::-1], y(low)[::-1], strict=True)])
    line = _points(zip(x, y(mean), strict=True))
    zero = f"{float(y(np.array(0.0))):.1f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" width="{WIDTH:g}" '
        f'height="{HEIGHT:g}"><path d="M0 {zero}H{WIDTH:g}" stroke="{RULE}"/>'
        f'<polygon points="{band}" fill="{BLUE}" fill-opacity=".28"/>'
        f'<polyline points="{line}" fill="none" stroke="{BLUE}" stroke-width="1.4"/></svg>'
    ).encode()


def _points(pairs: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)
