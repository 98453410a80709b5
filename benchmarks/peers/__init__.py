"""Peers on the benchmark model: one adapter a library, each run by `worker` in an environment of its own.

An adapter has `ESTIMATES`, by name a function (draws, seed) -> mean and 95 % point of what is judged. It imports its
library, NumPy, SciPy and `model`, nothing of ferrocast. To add a peer: an adapter, and a line in `environments` and in
`ENTRANTS` of `time_to_accuracy`.
"""
