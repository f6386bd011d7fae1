"""A logistic model of echoes: the probability that a reply repeats a message above it and was not asked to.

tests/perf/fit_prompt_parroting.py fits it, prints these numbers, and measures it on what it was not fitted on.
"""

from math import exp

INTERCEPT = -3.410
COEFFICIENTS = {
    "covered": 6.281,
    "head": -2.043,
    "tail": 1.663,
    "edges": -3.614,
    "missing": 1.714,
    "missing_share": -22.461,
    "first_lost": -4.260,
    "last_lost": -1.206,
    "misspelt": -0.608,
    "new": -0.889,
    "new_share": -18.764,
    "behind": -1.750,
    "drawn": -12.892,
    "nothing": 0.618,
    "border": -1.246,
    "asked": -4.810,
    "asked_above": -5.529,
    "turned": -1.409,
    "answered": -1.581,
    "signs": -5.652,
    "code_changed": -4.761,
    "fields": -9.800,
    "greeting": -10.232,
    "earlier": 4.332,
    "earlier_changed": -9.405,
    "earlier_stock": -13.281,
    "earlier_asked": -13.271,
    "size": 0.372,
}


def probability(features: dict[str, float]) -> float:
    """Return the probability that a reply with these features is an echo."""
    return 1 / (1 + exp(-INTERCEPT - sum(weight * features[name] for name, weight in COEFFICIENTS.items())))
