"""From priors to posteriors: what statistics say about the inputs of a study.

In reading order: observed (one row), errors (how series stray), drift (the error process), likelihood, density
(latents), frame and nuts (chains), predict and together (numbers that are foretold), groups and file (what is saved),
learned (what moved), hindcast with coverage (chances of its bands) and paired (errors of differences), calibration.

Without a sampler: kept (draws of a finished run), importance (their weights), weighted (statistics of them), reweight,
reweighted_file.
"""
