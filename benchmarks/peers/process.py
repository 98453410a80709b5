"""A peer's process, asked from here."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

from peers.environments import PACKAGES, Absent, python_of

BENCHMARKS = Path(__file__).parent.parent


class Worker:
    """One peer that answers estimates; `hello` has its version, its entrants and the seconds of importing it."""

    def __init__(self, peer: str, *, make: bool = True, cold: bool = False) -> None:
        """Start the peer, where it is `cold` without JAX's cache of programs; Absent where it cannot be had."""
        python = python_of(peer, make=make) if peer in PACKAGES else Path(sys.executable)
        path = os.pathsep.join([str(BENCHMARKS), str(BENCHMARKS.parent)])
        self._process = subprocess.Popen(
            [str(python), "-m", "peers.worker", peer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=BENCHMARKS,
            env={**os.environ, "PYTHONPATH": path, **({"JAX_ENABLE_COMPILATION_CACHE": "false"} if cold else {})},
        )
        self.hello = self._read()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, entrant: str, draws: int, seed: int) -> dict[str, Any]:
        """Mean, 95 % point, CPU and wall seconds; Absent where the peer fails."""
        request = json.dumps({"entrant": entrant, "draws": draws, "seed": seed})
        assert self._process.stdin is not None
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()
        answer = self._read()
        if "failed" in answer:
            raise Absent(f"{draws} draws: {answer['failed']}")
        return answer

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            _, said = self._process.communicate()
            raise Absent((said.strip().splitlines() or [f"ended with {self._process.returncode}"])[-1])
        return dict(json.loads(line))
