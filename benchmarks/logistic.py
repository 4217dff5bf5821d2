"""The softmax solver against scikit-learn's LogisticRegression at equal objective.

Both minimise the same regularised cross-entropy (``C = 1 / (lambda N)``, no intercept) in float32.
Each runs just long enough that its objective, evaluated in float64, is within the same relative
distance of the optimum: of a grid of tolerances the loosest that gets there is timed, for both.
The third thing timed is what no gradient method can do without: the solver's own matrix products
(of N x d x K, one for each gradient and one for each step, and once the features' covariance).

    python benchmarks/logistic.py
    python benchmarks/logistic.py --instances 2000 --width 64 --classes 10   # a quick look
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from machine import best_time, describe
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from sdbook import datasets, noise
from sdbook.solvers import NotConverged, solve

TOLERANCES = [1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-6, 1e-7]


def realistic(instances, width, classes, rng):
    """Features as a network gives them: anisotropic, unit norm, centred, classes that overlap."""
    spectrum = np.arange(1, width + 1) ** -0.5
    centres = rng.standard_normal((classes, width)) * spectrum
    labels = np.arange(instances) % classes
    inside = rng.standard_normal((instances, width)) * spectrum
    features = datasets.centre(0.27 * centres[labels] + inside)
    return datasets.normalise(features), labels


def objective(features, labels, lam, weights):
    """The objective in float64, whatever the weights' precision."""
    theta = np.asarray(weights, dtype=np.float64)
    logits = features @ theta
    top = logits.max(axis=1)
    log_norm = top + np.log(np.exp(logits - top[:, None]).sum(axis=1))
    loss = np.mean(log_norm - logits[np.arange(len(labels)), labels])
    return loss + lam / 2 * np.sum(theta**2)


def loosest(fit, value, goal):
    """Return the first tolerance whose weights reach the goal, or None."""
    for tolerance in TOLERANCES:
        if value(fit(tolerance)[0]) <= goal:
            return tolerance
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--lam", type=float, default=1e-4)
    parser.add_argument("--rate", type=float, default=0.4, help="share of wrong labels")
    parser.add_argument("--gap", type=float, default=1e-6, help="relative objective gap to reach")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    N, d, K, lam = options.instances, options.width, options.classes, options.lam
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.simplefilter("ignore", NotConverged)

    rng = np.random.default_rng(0)
    double, true = realistic(N, d, K, rng)
    labels = noise.corrupt(true, noise.symmetric(K, options.rate), rng=rng)
    targets = datasets.one_hot(labels, K)
    single, single_targets = double.astype(np.float32), targets.astype(np.float32)
    print(describe("numpy", "scikit-learn", "scipy", "sdbook"))
    print(f"N = {N}, d = {d}, K = {K}, lambda = {lam:g}, {options.rate:.0%} wrong labels, float32")

    reference = solve(double, targets, lam)
    best = objective(double, labels, lam, reference.weights)
    bound = reference.certificate.gap_bound
    accuracy = np.mean(reference.outputs.argmax(axis=1) == true)
    print(f"optimum {best:.10f} (certified to {bound:.0e}), accuracy {accuracy:.1%} of true labels")
    print(f"goal: objective within {options.gap:g} of it, relatively\n")
    goal = best * (1 + options.gap)

    def value(weights):
        return objective(double, labels, lam, weights)

    def ours(tolerance):
        solution = solve(single, single_targets, lam, tolerance=tolerance)
        return solution.weights, solution.certificate.evaluations

    def theirs(solver):
        def fit(tolerance):
            model = LogisticRegression(
                C=1 / (lam * N), fit_intercept=False, solver=solver, tol=tolerance, max_iter=10_000
            ).fit(single, labels)
            weights = model.coef_.T
            if K == 2:  # scikit-learn keeps one column: the same model with columns -w/2, w/2
                weights = np.hstack([-weights, weights]) / 2
            return weights, int(model.n_iter_.max())

        return fit

    print(f"{'':26}{'seconds':>9}{'steps':>7}{'tolerance':>11}{'relative gap':>14}{'ratio':>8}")
    base = None
    for name, fit in {
        "sdbook": ours,
        "scikit-learn lbfgs": theirs("lbfgs"),
        "scikit-learn newton-cg": theirs("newton-cg"),
    }.items():
        tolerance = loosest(fit, value, goal)  # which is a warm-up as well
        if tolerance is None:
            print(f"{name:26}  did not reach the goal with any tolerance")
            continue
        seconds, (weights, steps) = best_time(lambda: fit(tolerance), options.repeats)  # noqa: B023
        gap = value(weights) / best - 1
        base = base or (seconds, steps)
        ratio = f"{seconds / base[0]:8.1f}"
        print(f"{name:26}{seconds:9.2f}{steps:7d}{tolerance:11.0e}{gap:14.1e}{ratio}")

    seconds, evaluations = base
    weights = np.zeros((d, K), dtype=np.float32)

    def products():
        single.T @ single
        for _ in range(evaluations):
            single.T @ single_targets
        for _ in range(evaluations - 1):  # the gradient at zero needs no step
            single @ weights

    def eigenvectors():
        return np.linalg.eigh(covariance)

    covariance = single.T @ single
    product_time, _ = best_time(products, options.repeats)
    eigen_time, _ = best_time(eigenvectors, options.repeats)
    flops = 2 * N * d * (d + K * (2 * evaluations - 1))
    print(
        f"\nits matrix products alone: {product_time:.2f} s "
        f"({flops / product_time / 1e9:.0f} Gflop/s); eigendecomposition: {eigen_time:.2f} s\n"
        f"sdbook takes {seconds / product_time:.2f} times its matrix products"
    )


if __name__ == "__main__":
    main()
