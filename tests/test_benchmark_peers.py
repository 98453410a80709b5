"""Peers deliver what the long run has, each from its own environment; one not made is skipped, with a reason."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import time_to_accuracy
from peers.accuracy import MEAN, Search, reference
from peers.environments import Absent
from peers.process import Worker

DRAWS = 512
SLACK = 0.06
"""Means of 512 independent draws are good to 1.8 % of CO2 in 2060, 95 % points to 4 %: three and two of that."""


@pytest.mark.parametrize("peer", sorted({peer for peer, _ in time_to_accuracy.ENTRANTS.values()}))
def test_a_peer_delivers_what_the_long_run_has(peer):
    entrants = [name for name, (of, _) in time_to_accuracy.ENTRANTS.items() if of == peer]
    try:
        worker = Worker(peer, make=False)
    except Absent as reason:
        pytest.skip(f"{peer} is absent: {reason}")
    mean, p95 = reference()
    with worker:
        assert set(entrants) <= set(worker.hello["entrants"])
        for entrant in entrants:
            found = worker.ask(entrant, DRAWS, 1)
            np.testing.assert_allclose(found["mean"], mean, rtol=SLACK, err_msg=entrant)
            np.testing.assert_allclose(found["p95"], p95, rtol=2 * SLACK, err_msg=entrant)


def test_a_peer_that_fails_is_absent_with_its_reason():
    with Worker("ferrocast") as worker, pytest.raises(Absent, match=r"7 draws: ValueError: block must be a multiple"):
        worker.ask("ferrocast_sobol", 7, 1)


def test_numba_runs_the_same_model():
    try:
        workers = [Worker(peer, make=False) for peer in ("numpy", "numba")]
    except Absent as reason:
        pytest.skip(str(reason))
    with workers[0], workers[1]:
        both = [worker.ask(f"{peer}_plain", 256, 3) for peer, worker in zip(("numpy", "numba"), workers, strict=True)]
    np.testing.assert_allclose(both[0]["mean"], both[1]["mean"], rtol=1e-12)
    np.testing.assert_allclose(both[0]["p95"], both[1]["p95"], rtol=1e-12)


def test_draws_for_an_accuracy():
    assert Search().draws_for({256: 3e-3, 512: 0.9e-3, 1024: 2e-3}, MEAN) == (512, False)
    errors = {n: 0.4 / n**0.5 for n in (256, 512, 1024)}  # needs 160,000
    assert Search().draws_for(errors, MEAN) == (2**18, True)


def test_every_design_has_its_draws():
    known = json.loads(time_to_accuracy.DRAWS.read_text(encoding="utf-8"))
    assert set(known) == {design for _, design in time_to_accuracy.ENTRANTS.values()}
