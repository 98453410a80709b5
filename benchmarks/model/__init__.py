"""One fixed smaller model of the chain's shape that every peer can express: 20 inputs, 4 provinces, 41 years, 3 routes.

Demand falls along a logistic path; steel in use retires by a Weibull curve, from 50 cohorts of the past and those of
the draw; scrap fills electric furnaces up to a cap, then converters; hydrogen takes its share of what is left; CO2 is
that of iron and of power. Numbers are made up and stand in the tables beside this file. The equations are written
twice: `in_numpy` over a batch, `in_jax` for one draw; a test holds them equal.
"""
