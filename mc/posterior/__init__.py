"""From priors to posteriors: what statistics say about the inputs of a study.

In reading order: observed (one row), errors (how series stray), drift (the error process), likelihood, density
(latents), frame and nuts (chains), predict, groups and file (what is saved), learned (what moved), hindcast,
calibration.

Without a sampler: kept (draws of a finished run), importance (their weights), weighted (statistics of them), reweight,
reweighted_file.
"""
