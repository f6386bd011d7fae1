"""A logistic model of echoes: the probability that a reply repeats a message above it and was not asked to.

tests/perf/fit_prompt_parroting.py fits it, prints these numbers, and measures it on what it was not fitted on.
"""

from math import exp

MAX_EXPONENT = 700.0  # of a floating-point number; a reply may add any number of signs

INTERCEPT = -3.018
COEFFICIENTS = {
    "covered": 5.746,
    "head": -2.290,
    "tail": 1.990,
    "edges": -2.631,
    "missing": 1.950,
    "missing_share": -23.236,
    "first_lost": -4.234,
    "last_lost": -2.060,
    "misspelt": -0.540,
    "new": -0.900,
    "new_share": -19.100,
    "behind": -1.770,
    "drawn": -13.012,
    "nothing": 0.682,
    "border": -1.155,
    "asked": -4.841,
    "asked_above": -5.606,
    "turned": -1.621,
    "answered": -1.825,
    "signs": -4.708,
    "code_changed": -4.493,
    "fields": -9.755,
    "greeting": -10.081,
    "earlier": 4.652,
    "earlier_changed": -9.685,
    "earlier_stock": -13.506,
    "earlier_asked": -13.501,
    "size": 0.398,
}


def probability(features: dict[str, float]) -> float:
    """Return the probability that a reply with these features is an echo."""
    logit = INTERCEPT + sum(weight * features[name] for name, weight in COEFFICIENTS.items())
    return 1 / (1 + exp(min(-logit, MAX_EXPONENT)))
