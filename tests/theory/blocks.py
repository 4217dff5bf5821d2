"""Random block problems for property tests, ties and boundaries included.

What they come to by brute force (a Gram matrix and its powers, plain NumPy) is that of
`sdbook.book.statements`.
"""

from __future__ import annotations

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from sdbook.book.statements.problems import Blocks, averaging_matrix


class Block(Blocks):
    """Blocks that say what they are when a test fails, and average for any real t."""

    def __repr__(self):
        return (
            f"Block(n={self.n}, c={self.c:.3g}, d={self.d:.3g}, e={self.e:.3g}, "
            f"superclasses={self.superclasses.tolist()}, ridge={self.ridge:.4g}, "
            f"counts={self.counts.tolist()})"
        )

    def averaging_matrix(self, t=1):
        if t == int(t):
            return averaging_matrix(self.gram, self.ridge, int(t))
        s, V = np.linalg.eigh(self.gram)
        s = np.maximum(s, 0)
        return (V * (s / (self.ridge + s)) ** t) @ V.T

    def outputs(self, t=1, targets=None):
        targets = np.eye(self.K)[self.given] if targets is None else targets
        return 1 / self.K + self.averaging_matrix(t) @ (targets - 1 / self.K)


def by_pair(values, block):
    """The one value that all instances of a (true, given) pair share; NaN where there are none."""
    table = np.full((block.K, block.K, *np.shape(values)[1:]), np.nan)
    for k, j in np.argwhere(block.counts > 0):
        members = (block.true == k) & (block.given == j)
        found = values[members]
        np.testing.assert_allclose(found, np.broadcast_to(found[0], found.shape), atol=1e-10)
        table[k, j] = found[0]
    return table


@st.composite
def blocks(draw, *, balanced=False, least_classes=2, boundary_after=None):
    """Block problems with shares that often tie.

    `balanced`: noise stays inside superclasses and is balanced there (the same shares, shifted).
    `boundary_after`: choose the ridge so that after that many rounds the hardest wrong label is
    exactly on the boundary of Theorem 3, where two outputs tie.
    """
    S = draw(st.integers(1, 3))
    m = draw(st.integers(-(-least_classes // S), 6 // S + (S == 1)))
    K = S * m
    assume(K >= 2)
    n = draw(st.integers(2, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    superclasses = np.repeat(np.arange(S), m)
    if draw(st.booleans()):
        superclasses = rng.permutation(superclasses)
    counts = np.zeros((K, K), dtype=int)
    for group in range(S):
        members = np.flatnonzero(superclasses == group)
        shared = rng.multinomial(n, rng.dirichlet(np.ones(m)))
        shared = np.roll(shared, -shared.argmax()) if draw(st.booleans()) else shared
        for place, k in enumerate(members):
            if balanced:
                counts[k, np.roll(members, -place)] = shared
            elif draw(st.booleans()):
                counts[k, members] = rng.multinomial(n, rng.dirichlet(np.ones(m)))
            else:
                counts[k] = rng.multinomial(n, rng.dirichlet(np.ones(K)))
    c = draw(st.floats(0.2, 0.9))
    d = draw(st.floats(0.0, 0.95)) * c
    e = draw(st.sampled_from([1.0, 0.5, 0.0, -1.0]))
    if e < 0:  # so negative that the global eigenvalue is a hundredth of what it is for e = 0
        e = -0.99 * (1 - c + n * (c - d) + n * m * d) / (n * K - n * m) if S > 1 else d
    else:
        e = e * d
    ridge = 10.0 ** draw(st.floats(-2, 1.5))
    block = Block(n, c, d, e, superclasses, counts, ridge)
    if boundary_after is None:
        return block
    C = block.C
    rivals = np.where(np.eye(K, dtype=bool), -1, C).max(axis=1)
    gap = (C.diagonal() - rivals).min()
    instance = 1 - c
    class_ = instance + n * (c - d)
    assume(gap > 0 and (counts - np.diag(np.diag(counts))).sum() > 0)
    ratio = (1 + 1 / gap) ** (1 / boundary_after)
    assume(ratio < 0.99 * class_ / instance)
    ridge = instance * class_ * (ratio - 1) / (class_ - ratio * instance)
    return Block(n, c, d, e, superclasses, counts, ridge)


@st.composite
def distinct_blocks(draw):
    """Balanced blocks where no two classes get as many labels, so that no candidate set ties."""
    S, m = draw(st.sampled_from([(1, 3), (1, 4), (1, 5), (2, 3), (2, 4)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shared = rng.permutation(m + 2)[:m]
    if draw(st.booleans()):  # the truth in front
        shared[0] = shared.max() + draw(st.integers(1, 4))
    n, superclasses = int(shared.sum()), np.repeat(np.arange(S), m)
    counts = np.zeros((S * m, S * m), dtype=int)
    for k, group in enumerate(superclasses):
        counts[k, np.roll(np.flatnonzero(superclasses == group), -(k % m))] = shared
    c = draw(st.floats(0.2, 0.9))
    d = draw(st.floats(0.0, 0.95)) * c
    return Block(n, c, d, d / 2, superclasses, counts, ridge=10.0 ** draw(st.floats(-2, 1.5)))
