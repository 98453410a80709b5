"""One peer in its own process: requests and answers are JSON lines on stdin and stdout.

python -m peers.worker numpy
{"entrant": "numpy_plain", "draws": 1024, "seed": 1}
"""

import contextlib
import importlib
import importlib.metadata
import json
import sys
import time
import warnings

BEGIN = time.process_time(), time.perf_counter()


def spent(begin: tuple[float, float]) -> dict[str, float]:
    """CPU and wall seconds since."""
    return {"cpu_s": time.process_time() - begin[0], "wall_s": time.perf_counter() - begin[1]}


def main(peer: str) -> None:
    """Say the version and the seconds of importing, then answer until the input ends."""
    out = sys.stdout
    # What a library prints must not come between the answers.
    with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimates = importlib.import_module(f"peers.with_{peer}").ESTIMATES
        name = "ferrocast" if peer == "ferrocast" else peer
        hello = {"version": _version(name), "entrants": sorted(estimates), **spent((0.0, BEGIN[1]))}
        print(json.dumps(hello), file=out, flush=True)
        for line in sys.stdin:
            request = json.loads(line)
            begin = time.process_time(), time.perf_counter()
            try:
                mean, p95 = estimates[request["entrant"]](request["draws"], request["seed"])
                answer = {"mean": mean, "p95": p95, **spent(begin)}
            except Exception as error:  # a peer may fail in any way; it is named, and the others go on
                answer = {"failed": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), file=out, flush=True)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "source"


if __name__ == "__main__":
    main(sys.argv[1])
