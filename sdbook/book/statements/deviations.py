"""By how much the two sides of each statement differ on a random problem.

Equations return the largest difference, bounds by how much they are exceeded, and statements of the
kind "if and only if" 1 for a problem in which the two sides disagree, else 0. One side is the
library's, the other is computed by brute force.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from sdbook import datasets, distillation, noise, solvers, theory
from sdbook.book import curvature, filters, pairs, tangent
from sdbook.book.statements.problems import (
    Blocks,
    Floats,
    averaging_matrix,
    blocks,
    credit,
    problem,
    softmax,
    top,
)


def _largest(*differences: float | Floats) -> float:
    return max(float(np.max(np.abs(difference))) for difference in differences)


def _exceeds(left: ArrayLike, right: ArrayLike) -> float:
    return max(float(np.max(np.subtract(left, right))), 0.0)


def _factors(block: Blocks) -> theory.BlockSpectrum:
    eigenvalues = theory.block_eigenvalues(
        block.K, block.n, n_superclasses=block.S, c=block.c, d=block.d, e=block.e
    )
    return theory.block_shrinkage(eigenvalues, block.ridge)


# --- I The question -------------------------------------------------------------------------------


def self_distillation(rng: Generator) -> float:
    """Each round's targets are the outputs of the round before."""
    drawn = problem(rng)
    labels = rng.integers(drawn.K, size=drawn.N)
    run = distillation.distill(drawn.features, labels, drawn.lam, n_classes=drawn.K, rounds=3)
    taught = [np.eye(drawn.K)[labels], *(each.outputs for each in run.rounds[:-1])]
    return _largest(*(a - b.targets for a, b in zip(taught, run.rounds, strict=True)))


def probe(rng: Generator) -> float:
    """No step away from the solution lowers the objective."""
    drawn = problem(rng)
    best = solvers.solve(drawn.features, drawn.targets, drawn.lam).coef
    steps = rng.standard_normal((20, *best.shape)) * 10.0 ** rng.uniform(-4, 0, (20, 1, 1))
    return _exceeds(drawn.objective(best), min(drawn.objective(best + step) for step in steps))


def gram(rng: Generator) -> float:
    """Entries are inner products, one at a time."""
    features = problem(rng).features
    labels = np.zeros(len(features), dtype=np.int64)
    data = datasets.Dataset("drawn", features, labels, np.zeros(1, dtype=np.int64), ("a",))
    products = [[sum(a * b for a, b in zip(x, y, strict=True)) for y in features] for x in features]
    return _largest(data.gram() - np.array(products))


def corruption(rng: Generator) -> float:
    """Rows are probabilities, and exact proportions are within one instance of them."""
    K, n = int(rng.integers(2, 7)), int(rng.integers(1, 40))
    kind = (noise.symmetric, noise.asymmetric, noise.pair_flip)[rng.integers(3)]
    C = noise.corruption_matrix(kind(K, float(rng.uniform())))
    true = np.repeat(np.arange(K), n)
    given = noise.corrupt(true, C, rng=rng, exact=True)
    shares = np.array([np.bincount(given[true == k], minlength=K) / n for k in range(K)])
    excess = _exceeds(np.abs(shares - C), 1 / n)
    return max(_largest(C.sum(axis=1) - 1), _exceeds(-C, 0), excess)


def population_accuracy(rng: Generator) -> float:
    """Shares of all, clean and corrupted pairs that are right, pair by pair."""
    K = int(rng.integers(2, 6))
    C = rng.dirichlet(np.ones(K), K)
    outputs = rng.integers(0, 4, (K, K, K)) / 4  # with many ties
    found = theory.population_accuracy(outputs, C)
    kinds = list(itertools.product(range(K), repeat=2))
    best = {pair: outputs[pair] == outputs[pair].max() for pair in kinds}
    right = {(k, j): best[k, j][k] / best[k, j].sum() for k, j in kinds}
    of_all = sum(C[pair] * hit for pair, hit in right.items()) / K
    clean = sum(C[k, k] * right[k, k] for k in range(K)) / C.trace()
    rest = sum(C[k, j] * hit for (k, j), hit in right.items() if k != j) / (K - C.trace())
    return _largest(found.all - of_all, found.clean - clean, found.corrupted - rest)


def gap(rng: Generator) -> float:
    """The least lead, label by label."""
    K = int(rng.integers(2, 7))
    C = rng.dirichlet(np.ones(K), K)
    leads = [C[k, k] - C[k, j] for k in range(K) for j in range(K) if j != k]
    return _largest(theory.gap(C) - min(leads))


def votes(rng: Generator) -> float:
    """Class means within Hoeffding's width, and failures as rare as the bound says."""
    n = int(rng.integers(1, 8))
    row = rng.dirichlet(np.ones(3))
    row = np.sort(row)[::-1]  # the truth in front
    failing = 0.0
    for heap in itertools.product(range(n + 1), repeat=3):
        if sum(heap) == n and heap[0] <= max(heap[1:]):
            ways = math.factorial(n) // math.prod(map(math.factorial, heap))
            failing += ways * math.prod(row**heap)
    bound = ((1 - (np.sqrt(row[0]) - np.sqrt(row[1:])) ** 2) ** n).sum()
    many = 5000
    C = rng.dirichlet(np.ones(3), 3)
    true = np.repeat(np.arange(3), many)
    given = noise.corrupt(true, C, rng=rng)
    means = np.array([np.bincount(given[true == k], minlength=3) / many for k in range(3)])
    width = math.sqrt(math.log(2e12) / (2 * many))  # missed once in 10^12
    return max(_exceeds(failing, bound), _exceeds(np.abs(means - C), width))


# --- II One round ---------------------------------------------------------------------------------


def fixed_point(rng: Generator) -> float:
    """What the solver finds solves the equation, and gives the parameters."""
    drawn = problem(rng, 1e-2)
    found = solvers.solve(drawn.features, drawn.targets, drawn.lam, tolerance=1e-12)
    right = theory.fixed_point(drawn.gram, drawn.targets, found.outputs, drawn.lam)
    theta = drawn.features.T @ (drawn.targets - found.outputs) / (drawn.N * drawn.lam)
    return _largest(found.outputs - right, found.coef - theta)


def certificate(rng: Generator) -> float:
    """From random parameters: how far the objective and the outputs are from the optimum."""
    drawn = problem(rng)
    few = int(rng.integers(2, 6))  # stopped early on purpose
    early = solvers.solve(drawn.features, drawn.targets, drawn.lam, max_evaluations=few, warn=False)
    best = solvers.solve(drawn.features, drawn.targets, drawn.lam, tolerance=1e-12)
    slope = float(np.linalg.norm(drawn.gradient(early.coef)))
    above = drawn.objective(early.coef) - drawn.objective(best.coef)
    assert early.certificate is not None
    promised = early.certificate.gap_bound
    assert promised is not None
    return max(
        _exceeds(above, promised),
        _largest(promised - slope**2 / (2 * drawn.lam)),
        _exceeds(np.abs(early.outputs - best.outputs), slope / (2 * drawn.lam)),
    )


def linearised(rng: Generator) -> float:
    """Put back into the equation that it solves, divided by nothing."""
    drawn = problem(rng)
    Y = theory.linearised(drawn.gram, drawn.targets, drawn.lam)
    sides = drawn.ridge * (Y - 1 / drawn.K) - drawn.gram @ (drawn.targets - Y)
    return _largest(sides, Y.sum(axis=1) - 1)


def tangent_error(rng: Generator) -> float:
    """The two forms of the error, both bounds, and the answers that are vouched for."""
    drawn = problem(rng, 1e-2)
    Y = solvers.solve(drawn.features, drawn.targets, drawn.lam, tolerance=1e-12).outputs
    Z = drawn.gram @ (drawn.targets - Y) / (drawn.N * drawn.lam)
    line = theory.linearised(drawn.gram, drawn.targets, drawn.lam)
    E, H = tangent.tangent_error(Z), averaging_matrix(drawn.gram, drawn.ridge)
    safe = tangent.same_argmax(drawn.gram, Z, drawn.lam)
    lead = np.diff(np.sort(Z, axis=1)[:, -2:], axis=1)[:, 0]
    changed = Y.argmax(axis=1) != line.argmax(axis=1)
    return max(
        _largest(line - (Y - E + H @ E), line - (1 / drawn.K + Z / drawn.K + H @ E)),
        _exceeds(np.abs(E).sum(axis=1), tangent.tangent_error_bound(Z)),
        _exceeds(np.linalg.norm(Y - line), np.linalg.norm(E)),
        _exceeds(np.linalg.norm(E), np.sqrt((np.ptp(Z, axis=1) ** 4).sum() / 32)),
        float((changed & safe & (lead > 1e-6)).any()),
    )


def averaging(rng: Generator) -> float:
    """The filter on eigenvectors against a power of the matrix."""
    drawn, t = problem(rng), int(rng.integers(1, 13))
    model = solvers.LabelAveraging(drawn.features, drawn.lam, drawn.K)
    H = averaging_matrix(drawn.gram, drawn.ridge, t)
    i = int(rng.integers(drawn.N))
    outputs = 1 / drawn.K + H @ (drawn.targets - 1 / drawn.K)
    weights = model.averaging_weights(i, t)
    return _largest(model.outputs(drawn.targets, t) - outputs, weights - H[i])


# --- III Counting rounds --------------------------------------------------------------------------


def block_model(rng: Generator) -> float:
    """Vectors have the inner products that were asked for."""
    drawn = blocks(rng)
    data = datasets.block_correlated(
        drawn.K, drawn.n, n_superclasses=drawn.S, c=drawn.c, d=drawn.d, e=drawn.e
    )
    return _largest(data.gram() - drawn.gram)


def block_spectrum(rng: Generator) -> float:
    """Eigenvalues, as often as they occur, of the matrix itself."""
    drawn = blocks(rng)
    K, n, S = drawn.K, drawn.n, drawn.S
    values = theory.block_eigenvalues(K, n, n_superclasses=S, c=drawn.c, d=drawn.d, e=drawn.e)
    number = theory.block_multiplicities(K, n, n_superclasses=S)
    repeated = np.repeat(np.array(values), np.array(number))
    return _largest(np.linalg.eigvalsh(drawn.gram) - np.sort(repeated))


def block_averaging(rng: Generator) -> float:
    """The five parts of an output against a power of the matrix, for any labels and targets."""
    drawn, t = blocks(rng), int(rng.integers(1, 16))
    found = []
    for targets in (np.eye(drawn.K)[drawn.given], rng.dirichlet(np.ones(drawn.K), len(drawn.true))):
        ours = theory.block_outputs(
            _factors(drawn), targets, drawn.true, t, superclasses=drawn.superclasses
        )
        found.append(ours - drawn.outputs(t, targets))
    weights = theory.block_weights(_factors(drawn), t)
    return _largest(*found, sum(weights) - 1.0)


def clustering(rng: Generator) -> float:
    """Differences inside a class, between classes and between superclasses, after t rounds."""
    drawn, t = blocks(rng), int(rng.integers(1, 13))
    p, q, r, _ = _factors(drawn)
    told, outputs = np.eye(drawn.K)[drawn.given], drawn.outputs(t)

    def means(rows: Floats) -> tuple[Floats, Floats]:
        of_class = np.array([rows[drawn.true == k].mean(axis=0) for k in range(drawn.K)])
        groups = [of_class[drawn.superclasses == s].mean(axis=0) for s in range(drawn.S)]
        return of_class, np.array(groups)[drawn.superclasses]

    (class_told, group_told), (class_out, group_out) = means(told), means(outputs)
    return max(
        _largest(
            (outputs - class_out[drawn.true]) - p**t * (told - class_told[drawn.true]),
            (class_out - group_out) - q**t * (class_told - group_told),
            (group_out - group_out[0]) - r**t * (group_told - group_told[0]),
        ),
        float(not p < q <= r),
    )


def clean_margins(rng: Generator) -> float:
    """Margins with right labels against a power of the matrix."""
    drawn, t = blocks(rng), int(rng.integers(1, 13))
    right = drawn.outputs(t, np.eye(drawn.K)[drawn.true])
    m = drawn.K // drawn.S
    relative, stranger = filters.clean_margins(_factors(drawn), t, superclass_size=m)
    group = drawn.superclasses[drawn.true][:, None] == drawn.superclasses
    own = np.eye(drawn.K, dtype=bool)[drawn.true]
    margins = right[own][:, None] - right
    differences = [margins[group & ~own] - relative, margins[~group] - stranger, np.zeros(1)]
    return _largest(*(difference for difference in differences if difference.size))


def ridge_of_rounds(rng: Generator) -> float:
    """One round at the equivalent ridge, and whether this ridge falls with the eigenvalue."""
    s = np.sort(10 ** rng.uniform(-3, 3, 8))
    a, t = 10 ** rng.uniform(-2, 2), float(rng.uniform(1.1, 8))
    b = theory.equivalent_ridge(s, a, t)
    return max(_largest(s / (b + s) - (s / (a + s)) ** t), float((np.diff(b) >= 0).any()))


def same_proportions(rng: Generator) -> float:
    """Two directions can be matched where the ratio allows it, three directions never."""
    s, middle, large = np.sort(10 ** rng.uniform(-1.5, 1.5, 3))
    a, t = 10 ** rng.uniform(-2, 2), float(rng.uniform(1.1, 6))
    ratio = ((large / (a + large)) / (s / (a + s))) ** t
    b = filters.same_ratio_ridge(s, large, a, t)
    if np.isinf(b):
        return float(ratio < large / s)
    once = [value / (b + value) for value in (s, middle, large)]
    wanted = [(value / (a + value)) ** t for value in (s, middle, large)]
    off = [x / y * once[2] / wanted[2] for x, y in zip(wanted, once, strict=True)]
    third = abs(off[1] - 1) < 1e-12 and min(middle / s, large / middle) > 1.01
    return max(_largest(off[0] - 1), float(third), float(ratio >= large / s))


def rounds(rng: Generator) -> float:
    """Who is right, pair by pair, and when everybody is: theorem against brute force."""
    while not (drawn := blocks(rng, balanced=True)).resolves(t := int(rng.integers(1, 10))):
        pass
    right = credit(drawn.outputs(t), drawn.true) == 1
    promised = pairs.pair_recovers(_factors(drawn), drawn.C, t)[drawn.true, drawn.given]
    bound = float(theory.rounds_bound(_factors(drawn), drawn.C))
    everybody = bool(right.all()) != bool(t > bound) and abs(bound - t) > 1e-9
    return float((right != promised).any() or everybody)


def even_noise(rng: Generator) -> float:
    """The gap in closed form, and the threshold in the rate."""
    S, m = int(rng.integers(1, 4)), int(rng.integers(2, 6))
    rate = float(rng.uniform())
    C = noise.superclass(np.repeat(np.arange(S), m), rate)
    found = float(theory.gap(C))
    threshold = (found > 0) != (rate < (m - 1) / m) and abs(rate - (m - 1) / m) > 1e-9
    return max(_largest(found - (1 - m / (m - 1) * rate)), float(threshold))


def no_gap(rng: Generator) -> float:
    """Without a gap somebody is wrong in every round; behind a lie soon the whole class is."""
    while True:
        drawn = blocks(rng, balanced=True)
        if _lead_of_truth(drawn) <= 0 and drawn.resolves(8):
            break
    rivals = np.where(np.eye(drawn.K, dtype=bool), -1, drawn.C).max(axis=1)
    lead = -_lead_of_truth(drawn)
    p, q, _, _ = _factors(drawn)
    behind = (rivals > drawn.C.diagonal())[drawn.true]
    wrong = drawn.true != drawn.given
    for t in range(1, 9):
        right = credit(drawn.outputs(t), drawn.true)
        lost = behind & wrong
        if lead > 0 and t > math.log1p(1 / lead) / math.log(q / p) + 1e-9:
            worst = (rivals - drawn.C.diagonal() >= lead - 1e-12)[drawn.true]
            lost = lost | worst
        if right.min() == 1 or right[lost].any():
            return 1.0
    return 0.0


def candidate_sets(rng: Generator) -> float:
    """A student's targets are its teacher's largest outputs, with equal shares."""
    drawn = problem(rng)
    labels, k = rng.integers(drawn.K, size=drawn.N), int(rng.integers(1, drawn.K + 1))
    run = distillation.partial_label(drawn.features, labels, drawn.lam, k=k, n_classes=drawn.K)
    return _largest(run.last.targets - top(run.teacher.outputs, k))


def partial_label(rng: Generator) -> float:
    """Conditions on candidate sets against a student that is taught them, and who is in them.

    Balanced sets are put to the short condition. Any noise, ties and favourites of all classes
    included, is put to the one that compares outputs.
    """
    while True:
        drawn, k = _distinct_blocks(rng), int(rng.integers(2, 4))
        sets = top(drawn.outputs(), k)
        if _balanced(drawn, sets) and drawn.resolves(2):
            break
    right = credit(drawn.outputs(targets=sets), drawn.true).min() == 1
    held = np.stack([(sets[drawn.true == i] > 0).all(axis=0) for i in range(drawn.K)])
    says = np.array_equal(held, np.eye(drawn.K, dtype=bool))
    lead = _lead_of_truth(drawn)
    off = says != right or (lead > 0 and not held.diagonal().all()) or (lead < 0 and right)
    while not (free := blocks(rng, balanced=bool(rng.integers(2)))).resolves(2):
        pass
    for each, size in ((drawn, k), (free, int(rng.integers(2, free.K + 1)))):
        student = each.outputs(targets=top(each.outputs(), size))
        kind = {"superclasses": each.superclasses}
        says = bool(theory.partial_label_recovers(_factors(each), each.C, size, **kind))
        off |= says != (credit(student, each.true).min() == 1)
    return float(off)


def one_partner(rng: Generator) -> float:
    """Whose own label pushes the favourite out, against a student of two candidates."""
    while True:
        drawn = _distinct_blocks(rng, truth_in_front=True)
        sets = top(drawn.outputs(), 2)
        if _balanced(drawn, sets) and drawn.resolves(2):
            break
    p, q, _, _ = _factors(drawn)
    others = np.where(np.eye(drawn.K, dtype=bool), 0, drawn.C)
    favourite = others.max(axis=1, keepdims=True)
    pushes = (others > 0) & (others < favourite) & (favourite - others < 1 / (q / p - 1))
    right = credit(drawn.outputs(targets=sets), drawn.true)
    tossed = right[~pushes.any(axis=1)[drawn.true]]
    return float((right.min() == 1) != pushes.any(axis=1).all() or bool((tossed != 0.5).any()))


def more_than_two(rng: Generator) -> float:
    """Whether the favourite is in all sets of three or more, and the student is not all right."""
    while True:
        drawn = blocks(rng, balanced=True, per_superclass=int(rng.integers(3, 5)))
        k = int(rng.integers(3, drawn.K // drawn.S + 1))
        sets = top(drawn.outputs(), k)
        if _inside(drawn, sets) and drawn.resolves(2):
            break
    kindred = drawn.superclasses[:, None] == drawn.superclasses
    others = np.where(kindred & ~np.eye(drawn.K, dtype=bool), drawn.C, -1)
    with_favourite = sets[np.arange(len(sets)), others.argmax(axis=1)[drawn.true]] > 0
    right = credit(drawn.outputs(targets=sets), drawn.true).min() == 1
    return float(right or not with_favourite.all())


def one_or_two(rng: Generator) -> float:
    """A student of one candidate where the teacher leads by more than p, else two."""
    while True:
        drawn = _distinct_blocks(rng, truth_in_front=True)
        outputs = drawn.outputs()
        second, first = np.sort(outputs, axis=1)[:, -2:].T
        sure = first - second > float(_factors(drawn).instance) * (1 + 1e-9)
        sets = np.where(sure[:, None], top(outputs, 1), top(outputs, 2))
        if _balanced(drawn, sets) and drawn.resolves(2):
            break
    student = drawn.outputs(targets=sets)
    kind = {"superclasses": drawn.superclasses}
    ours = theory.one_or_two_outputs(_factors(drawn), drawn.C, **kind)[drawn.true, drawn.given]
    wrong = credit(student, drawn.true).min() < 1
    return float(wrong or _largest(ours - student) > 1e-9)


def _lead_of_truth(drawn: Blocks) -> float:
    rivals = np.where(np.eye(drawn.K, dtype=bool), -1, drawn.C).max(axis=1)
    return float((drawn.C.diagonal() - rivals).min())


def _inside(drawn: Blocks, targets: Floats) -> bool:
    """Whether targets stay inside superclasses."""
    group = drawn.superclasses
    return bool(targets[group[drawn.true][:, None] != group].max(initial=0) <= 1e-12)


def _balanced(drawn: Blocks, targets: Floats) -> bool:
    """Whether targets stay inside superclasses, and favour no class there."""
    means = [targets[drawn.superclasses[drawn.true] == s].mean(axis=0) for s in range(drawn.S)]
    inside = [mean[drawn.superclasses == s] for s, mean in enumerate(means)]
    return _inside(drawn, targets) and max(map(np.ptp, inside)) <= 1e-12


def _distinct_blocks(rng: Generator, truth_in_front: bool = False) -> Blocks:
    """Balanced blocks where no two classes get as many labels, so that no candidate set ties."""
    S, m = [(1, 3), (1, 4), (1, 5), (2, 3), (2, 4)][rng.integers(5)]
    shared = rng.permutation(m + 2)[:m]
    if truth_in_front or rng.random() < 0.7:
        shared[0] = shared.max() + rng.integers(1, 5)
    superclasses = np.repeat(np.arange(S), m)
    counts = np.zeros((S * m, S * m), dtype=np.int64)
    for k, group in enumerate(superclasses):
        counts[k, np.roll(np.flatnonzero(superclasses == group), -(k % m))] = shared
    c = rng.uniform(0.2, 0.9)
    d = c * rng.uniform(0, 0.95)
    ridge = float(10 ** rng.uniform(-2, 1.5))
    return Blocks(int(shared.sum()), c, d, d / 2, superclasses, counts, ridge)


def preconditioner(rng: Generator) -> float:
    """Eigenvalues inside the interval, equal matrices at uniform outputs, the first Newton step."""
    drawn = problem(rng)
    Z = rng.standard_normal((drawn.N, drawn.K)) * 10 ** rng.uniform(-2, 1)
    Y = softmax(Z)
    low, high = curvature.eigenvalue_interval(Y)
    values = curvature.preconditioned_eigenvalues(drawn.features, Y, drawn.lam)
    spread = float(np.ptp(Z, axis=1).max())
    M = curvature.linearised_hessian(drawn.features, drawn.K, drawn.lam)
    uniform = np.full_like(Y, 1 / drawn.K)
    H = curvature.hessian(drawn.features, uniform, drawn.lam)
    step = -np.linalg.solve(M, drawn.gradient(np.zeros((drawn.features.shape[1], drawn.K))))
    newton = drawn.features @ step - drawn.K * (
        theory.linearised(drawn.gram, drawn.targets, drawn.lam) - 1 / drawn.K
    )
    return max(
        _exceeds(low, values),
        _exceeds(values, high),
        _exceeds(math.exp(-spread), low),
        _exceeds(high, math.exp(spread)),
        _largest(H - np.kron(np.eye(drawn.K - 1), M), newton),
    )
