"""Families of random transport problems, easy and nasty: N of each as NumPy arrays with the problem first."""

from collections.abc import Callable

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

SOURCES, SINKS, SEGMENTS = 31, 28, 3


def steel(random: np.random.Generator, size: int) -> Arrays:
    """Distances on a map of 3,500 by 2,800 km, two orders of magnitude between provinces, supply / limits 1/3 to 3."""
    places = random.uniform(0.0, 1.0, (size, SOURCES, 2)) * np.array([3500.0, 2800.0])
    distance = np.hypot(*np.moveaxis(places[:, :, None, :] - places[:, None, :, :], -1, 0))
    distance[:, np.arange(SOURCES), np.arange(SOURCES)] = 100.0
    freight = distance[:, :, :SINKS] * random.uniform(26e-6, 91e-6, (size, 1, 1))
    supply = random.lognormal(1.5, 1.0, (size, SOURCES))
    room = random.lognormal(1.5, 1.0, (size, SINKS))
    room *= (supply.sum(axis=1) / room.sum(axis=1) * random.uniform(1 / 3, 3.0, size))[:, None]
    limits = room[:, :, None] * random.dirichlet([2.0, 4.0, 1.0], (size, SINKS))
    dirt = random.uniform(0.1, 1.0, (size, 1))
    electric = 1.95 - 0.6 * random.uniform(0.05, 0.8, (size, SINKS))
    extra = random.uniform(1.2, 1.6, (size, SINKS))
    worth = dirt[:, :, None] * np.stack([np.full_like(electric, 2.08), electric, extra], axis=2)
    return supply, limits, worth, freight


def plain(random: np.random.Generator, size: int) -> Arrays:
    """Nothing but uniform numbers."""
    limits = random.uniform(0.0, 1.0, (size, SINKS, SEGMENTS)) * random.uniform(0.1, 1.0, (size, 1, 1))
    worth = random.uniform(0.0, 2.0, (size, SINKS, SEGMENTS))
    return random.uniform(0.0, 1.0, (size, SOURCES)), limits, worth, random.uniform(0.0, 1.0, (size, SOURCES, SINKS))


def tied(random: np.random.Generator, size: int) -> Arrays:
    """Small whole numbers: many equal supplies, worths and freights, many best plans."""
    supply = random.integers(1, 4, (size, SOURCES)) * 1.0
    limits = random.integers(1, 3, (size, SINKS, SEGMENTS)) * 0.5
    worth = random.integers(1, 4, (size, SINKS, SEGMENTS)) * 0.5
    return supply, limits, worth, random.integers(0, 4, (size, SOURCES, SINKS)) * 0.25


def zeros(random: np.random.Generator, size: int) -> Arrays:
    """Two supplies in five and half of the limits are zero; in one problem in twenty, all of one side."""
    supply, limits, worth, freight = steel(random, size)
    supply *= (random.uniform(size=supply.shape) < 0.6) & (random.uniform(size=(size, 1)) < 0.95)
    limits *= (random.uniform(size=limits.shape) < 0.5) & (random.uniform(size=(size, 1, 1)) < 0.95)
    return supply, limits, worth, freight


def balanced(random: np.random.Generator, size: int) -> Arrays:
    """The classic transport problem in whole numbers: supplies equal limits, all must move, one segment of three."""
    supply = random.integers(1, 20, (size, SOURCES)) * 1.0
    limits = np.zeros((size, SINKS, SEGMENTS))
    for n, total in enumerate(supply.sum(axis=1).astype(int)):
        cuts = np.sort(random.choice(np.arange(1, total), SINKS - 1, replace=False))
        limits[n, :, 0] = np.diff(cuts, prepend=0, append=total)
    worth = np.full((size, SINKS, SEGMENTS), 10.0)
    return supply, limits, worth, random.integers(1, 8, (size, SOURCES, SINKS)) * 1.0


def caps(random: np.random.Generator, size: int) -> Arrays:
    """A third of the sinks can take nothing, two segments of the others the same, every second supply is equal."""
    supply, limits, worth, freight = steel(random, size)
    limits[:, :, 1] = limits[:, :, 0]
    limits[:, ::3] = 0.0
    supply[:, 1::2] = supply[:, :1]
    return supply, limits, worth, freight


def equal(random: np.random.Generator, size: int) -> Arrays:
    """Everything is equally far from everything, and worths are rounded."""
    supply, limits, worth, freight = steel(random, size)
    return supply, limits, np.round(worth, 1), np.full_like(freight, 0.05)


def forbidden(random: np.random.Generator, size: int) -> Arrays:
    """Seven arcs in ten cost more than any worth; in every second problem they cost infinitely much."""
    supply, limits, worth, freight = steel(random, size)
    far = freight > np.quantile(freight, 0.3, axis=(1, 2), keepdims=True)
    price = np.where(np.arange(size) % 2, 1e6, np.inf)[:, None, None]
    return supply, limits, worth, np.where(far, price, freight)


def negative(random: np.random.Generator, size: int) -> Arrays:
    """Much use of scrap does harm."""
    supply, limits, worth, freight = steel(random, size)
    return supply, limits, worth - random.uniform(0.0, 3.0, worth.shape), freight


def lopsided(random: np.random.Generator, size: int) -> Arrays:
    """Limits 1e-8 to 1e8 times as large as in `steel`, supplies as there."""
    supply, limits, worth, freight = steel(random, size)
    return supply, limits * 10.0 ** random.uniform(-8.0, 8.0, (size, 1, 1)), worth, freight


def scales(random: np.random.Generator, size: int) -> Arrays:
    """Masses and worths in units from 1e-9 to 1e9."""
    supply, limits, worth, freight = steel(random, size)
    mass, money = 10.0 ** random.uniform(-9.0, 9.0, (2, size, 1, 1))
    return supply * mass[:, :, 0], limits * mass, worth * money, freight * money


FAMILIES: dict[str, Callable[[np.random.Generator, int], Arrays]] = {
    family.__name__: family
    for family in (steel, plain, tied, zeros, balanced, caps, equal, forbidden, negative, lopsided, scales)
}
