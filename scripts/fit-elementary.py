"""Fits the coefficients of native/elementwise/elementary.h and lib/numerics/elementary.ts. Needs mpmath, numpy.

Each fit minimises the largest weighted error by Lawson's iteratively reweighted least squares, in 40 digits.
Coefficients are rounded to float32 one at a time, the remaining ones fitted anew after each."""

import numpy
from mpmath import cos, erfc, exp, log1p, lu_solve, matrix, mp, mpf, pi, sqrt

mp.dps = 40


def nodes(low, high, count):
    """Chebyshev's points of [low, high]."""
    middle, radius = (mpf(low) + high) / 2, (mpf(high) - low) / 2
    return [middle - radius * cos(pi * (k + mpf(1) / 2) / count) for k in range(count)]


def rounded(x):
    return mpf(float(numpy.float32(float(x))))


def lawson(rows, goals, weights, rounds=15):
    """Coefficients that minimise max |weight * (row . coefficients - goal)|, and that maximum."""
    best = None
    importance = [mpf(1)] * len(rows)
    for _ in range(rounds):
        factors = [sqrt(i) * w for i, w in zip(importance, weights)]
        a = matrix([[f * v for v in row] for f, row in zip(factors, rows)])
        b = matrix([f * g for f, g in zip(factors, goals)])
        c = list(lu_solve(a.T * a, a.T * b))
        errors = [abs(sum(v * x for v, x in zip(row, c)) - g) * w for row, g, w in zip(rows, goals, weights)]
        worst = max(errors)
        if best is None or worst < best[1]:
            best = (c, worst)
        total = sum(i * e for i, e in zip(importance, errors))
        importance = [i * e / total * len(rows) for i, e in zip(importance, errors)]
    return best


def one_by_one(names, fit):
    """Rounds the coefficients in the order of `names`; fit(fixed, free) gives values for the free ones."""
    fixed = {}
    for k, name in enumerate(names):
        fixed[name] = rounded(fit(fixed, names[k:])[0])
    return fixed


def fit_exp():
    """q in e^r = 1 + r + r^2 q(r) on |r| <= ln(2)/2, where e^r - 1 has to be good near zero too."""
    points = nodes(-mpf("0.3475"), mpf("0.3475"), 80)

    def fit(fixed, free):
        rows = [[r**k for k in free] for r in points]
        goals = [(exp(r) - 1 - r) / r**2 - sum(c * r**k for k, c in fixed.items()) for r in points]
        weights = [r**2 / min(exp(r), 1) / sqrt(abs(r)) for r in points]
        return lawson(rows, goals, weights)[0]

    q = one_by_one(range(5), fit)
    error = max(abs((1 + r + r**2 * sum(c * r**k for k, c in q.items())) / exp(r) - 1) for r in points)
    return {f"E{k + 2}": c for k, c in q.items()}, error


def fit_gelu():
    """P / Q for Phi(-t) e^(t^2 / 2) on [0, 14.6], with P(0) = 1/2 and Q(0) = 1."""
    points = [mpf("14.6") * u * u for u in nodes(0, 1, 60)]
    truth = [erfc(t / sqrt(mpf(2))) / 2 * exp(t * t / 2) for t in points]
    half = {("P", 0): mpf(1) / 2, ("Q", 0): mpf(1)}

    def value(c, letter, t):
        return sum(v * t**k for (name, k), v in c.items() if name == letter)

    # P - truth * Q = 0 is linear; dividing by the last Q makes its error relative.
    state = {"bottom": [mpf(1)] * len(points)}

    def fit(fixed, free):
        known = {**half, **fixed}
        rows = [[t**k if name == "P" else -f * t**k for name, k in free] for t, f in zip(points, truth)]
        goals = [f * value(known, "Q", t) - value(known, "P", t) for t, f in zip(points, truth)]
        for _ in range(4):
            weights = [1 / (f * q) for f, q in zip(truth, state["bottom"])]
            c = lawson(rows, goals, weights)[0]
            everything = {**known, **dict(zip(free, c))}
            state["bottom"] = [value(everything, "Q", t) for t in points]
        return c

    order = [("Q", 1), ("P", 1), ("Q", 2), ("P", 2), ("Q", 3), ("P", 3), ("Q", 4), ("P", 4), ("Q", 5)]
    c = one_by_one(order, fit)
    both = {**half, **c}
    error = max(abs(value(both, "P", t) / value(both, "Q", t) / f - 1) for t, f in zip(points, truth))
    return {f"{name}{k}": v for (name, k), v in c.items()}, error


def fit_log():
    """p in log(1 + r) = r - r^2 / 2 + r^3 p(r) between sqrt(1/2) - 1 and sqrt(2) - 1, its relative error."""
    points = nodes(sqrt(mpf("0.5")) - mpf("1.0005"), sqrt(mpf(2)) - mpf("0.9995"), 100)
    points = [r for r in points if abs(r) > mpf("1e-4")]

    def fit(fixed, free):
        rows = [[r**k for k in free] for r in points]
        goals = [(log1p(r) - r + r**2 / 2) / r**3 - sum(c * r**k for k, c in fixed.items()) for r in points]
        weights = [abs(r**3 / log1p(r)) for r in points]
        return lawson(rows, goals, weights)[0]

    p = one_by_one(range(8), fit)
    error = max(
        abs((r - r**2 / 2 + r**3 * sum(c * r**k for k, c in p.items())) / log1p(r) - 1) for r in points
    )
    return {f"L{k + 3}": c for k, c in p.items()}, error


for title, fit in (("e^r", fit_exp), ("gelu", fit_gelu), ("log(1 + r)", fit_log)):
    coefficients, error = fit()
    print(f"{title}: relative error {float(error):.2g}")
    for name, value in coefficients.items():
        print(f"  {name} = {float(value)!r} = {float(value).hex()}")
