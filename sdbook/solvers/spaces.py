"""Where parameters live: coordinates in which the linearised Hessian is diagonal, or nearly so.

Logits are a matrix times coordinates x, and x is as long as theta. The linearised Hessian, ``h
Phi^T Phi / N + lambda I``, is exact for the curvature h = 1/K, where outputs are uniform, and a
good guess elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from array_api_compat import is_numpy_array

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation
from sdbook.solvers.products import product, row_chunks, transposed_product

__all__ = ["FeatureSpace", "InstanceSpace", "Space"]

CHUNK = 2**21
"""Bytes of a chunk: few enough for the processor's cache, many enough for fast products."""

DEVICE_CHUNK = 2**28
"""The same for libraries other than NumPy: a GPU is fast with many rows alone."""


class _Space:
    """Logits are the `matrix` (N, r) times `turned` coordinates (r, K)."""

    basis: Array | None = None  # what turns coordinates, if the matrix is not turned itself

    def __init__(self, fact: Factorisation, matrix: Array, squares: Array, dtype: Any) -> None:
        xp = self.xp = _validate.namespace("features", fact.features)
        self.fact, self.matrix, self.dtype = fact, matrix, dtype
        self.squares = xp.astype(squares, dtype, copy=False)[:, None]  # diagonal of Phi^T Phi here
        self.N, self.height = (int(size) for size in matrix.shape)
        self.eps = float(xp.finfo(dtype).eps)
        norms = (xp.vecdot(part, part) for part in map(self.rows, self.chunks(0)))
        self.longest = math.sqrt(max(float(xp.max(each)) for each in norms))  # row
        # Exponentials of logits up to here, and sums of them, neither overflow nor vanish.
        self.safe = 0.5 * math.log(float(xp.finfo(dtype).max))

    def chunks(self, columns: int) -> Iterator[slice]:
        """Cut the rows into chunks, for as many columns of logits."""
        item = 4 if self.eps > 1e-10 else 8
        limit = CHUNK if is_numpy_array(self.matrix) else DEVICE_CHUNK
        return row_chunks(self.N, (self.height + columns) * item, limit)

    def rows(self, rows: slice) -> Array:
        """Return some rows of the matrix."""
        return self.xp.asarray(self.matrix[rows], dtype=self.dtype)

    def turned(self, x: Array, *, back: bool = False) -> Array:
        """Turn coordinates to where the matrix is, or back."""
        if self.basis is None:
            return x
        return (self.basis.T if back else self.basis) @ x

    def hessian(self, curvature: float, lam: float) -> Array:
        """Return the diagonal of the linearised Hessian, (r, 1)."""
        return curvature / self.N * self.squares + lam


class FeatureSpace(_Space):
    """Coordinates ``x = V^T theta``, (d, K), along the eigenvectors V of the covariance.

    Either the features are `turned` there, which takes memory once, or the coordinates in each
    pass.
    """

    def __init__(self, fact: Factorisation, dtype: Any, *, turned: bool) -> None:
        xp = _validate.namespace("features", fact.features)
        matrix, basis = fact.features, xp.astype(fact.basis, dtype, copy=False)
        if not isinstance(matrix, np.memmap):  # of which a chunk at a time is converted
            matrix = xp.astype(matrix, dtype, copy=False)
            matrix, basis = (matrix @ basis, None) if turned else (matrix, basis)
        self.basis = basis
        super().__init__(fact, matrix, fact.eigenvalues, dtype)

    def coordinates(self, coef: Array) -> Array:
        """Return x of theta (d, K)."""
        return self.fact.basis.T @ coef

    def coef(self, x: Array) -> Array:
        """Return theta (d, K) of x."""
        return self.fact.basis @ x


class InstanceSpace(_Space):
    """Coordinates ``x = A^T a``, (N, K), of ``theta = Phi^T a``, with the Gram matrix ``A A^T``.

    For fewer instances than features. With an eigendecomposition the Hessian is diagonal. A
    Cholesky factor A takes a tenth of the time, but more passes: it pays for one model alone.
    """

    def __init__(self, fact: Factorisation, dtype: Any, *, cholesky: bool) -> None:
        xp = _validate.namespace("features", fact.features)
        self.cholesky = cholesky
        A = fact.cholesky if cholesky else fact.basis * xp.sqrt(fact.eigenvalues)
        super().__init__(fact, xp.astype(A, dtype, copy=False), xp.vecdot(A, A, axis=0), dtype)

    def coordinates(self, coef: Array) -> Array:
        """Return x of theta (d, K), or of what of it the features see."""
        logits = product(self.fact.features, coef)
        if self.cholesky:
            return self.xp.linalg.solve(self.fact.cholesky, logits)
        return self._roots(self.fact.basis.T @ logits)

    def coef(self, x: Array) -> Array:
        """Return theta (d, K) of x."""
        if self.cholesky:
            a = self.xp.linalg.solve(self.fact.cholesky.T, x)
        else:
            a = self.fact.basis @ self._roots(x)
        return transposed_product(self.fact.features, a)

    def _roots(self, rows: Array) -> Array:
        """Divide by the singular values, where they are not zero."""
        xp, s = self.xp, self.fact.eigenvalues[:, None]
        return xp.where(s > 0, rows / xp.sqrt(xp.where(s > 0, s, 1.0)), 0.0)


Space = FeatureSpace | InstanceSpace
