"""One eigendecomposition per set of features, in the smaller of two spaces.

The Gram matrix ``G = Phi Phi^T`` (N x N) and the covariance ``Phi^T Phi`` (d x d) have the same
non-zero eigenvalues. Whichever matrix is smaller is factorised, once; all rounds, all
regularisation strengths and all targets on the same features share the result, and it is at the
same time the exact answer of the linearised model and the preconditioner of the softmax model.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.products import transposed_product

__all__ = ["Factorisation", "factorise"]


@dataclass(frozen=True, eq=False)
class Factorisation:
    """Features with the spectrum of their Gram matrix; made by `factorise`.

    Attributes
    ----------
    features : array of shape (N, d)
        The features Phi.
    matrix : array of shape (r, r)
        The Gram matrix, r = N, in the instance space; the covariance, r = d, in the feature space.
    space : {"instance", "feature"}
        Which of the two it is.
    """

    features: Array = field(repr=False)
    matrix: Array = field(repr=False)
    space: str

    @property
    def eigenvalues(self) -> Array:
        """Eigenvalues s of the matrix, ascending, (r,). What is zero up to rounding is zero."""
        return self._spectrum[0]

    @property
    def basis(self) -> Array:
        """Eigenvectors of the matrix as columns, (r, r)."""
        return self._spectrum[1]

    @cached_property
    def cholesky(self) -> Array:
        """Lower triangular L with ``L L^T`` the matrix, (r, r), plus rounding if it is singular."""
        xp = _validate.namespace("features", self.features)
        eye = xp.eye(len(self.matrix), dtype=self.matrix.dtype, device=self.matrix.device)
        numbers = xp.finfo(self.matrix.dtype)
        largest = float(xp.max(xp.linalg.diagonal(self.matrix)))
        rounding = max(8 * float(numbers.eps) * largest, float(numbers.smallest_normal))
        while True:
            try:
                return xp.linalg.cholesky(self.matrix + rounding * eye)
            except (np.linalg.LinAlgError, RuntimeError):  # PyTorch's error is a RuntimeError
                rounding *= 4

    @cached_property
    def _spectrum(self) -> tuple[Array, Array]:
        xp = _validate.namespace("features", self.features)
        s, V = xp.linalg.eigh(self.matrix)
        rounding = self.matrix.shape[0] * float(xp.finfo(s.dtype).eps) * float(s[-1])
        return xp.where(s > rounding, s, xp.zeros_like(s)), V

    @property
    def n_samples(self) -> int:
        """Number of instances N."""
        return int(self.features.shape[0])

    def __repr__(self) -> str:
        instances, width = self.features.shape
        return f"Factorisation({instances} instances, {width} features, {self.space} space)"


def factorise(
    features: Array | Factorisation, *, space: str = "auto", unit_norm: bool = True
) -> Factorisation:
    """Factorise the Gram matrix of features.

    Parameters
    ----------
    features : array of shape (N, d) or Factorisation
        One instance per row, float32 or float64, of any array API library. What is factorised
        already is returned as it is.
    space : {"auto", "instance", "feature"}
        Factorise the N x N Gram matrix, the d x d covariance, or (auto) the smaller one.
    unit_norm : bool
        Insist on rows of unit norm, as the theory assumes. A factorisation is not checked again.

    Returns
    -------
    Factorisation

    Raises
    ------
    TypeError, ValueError
        If `features` is not a finite floating matrix, has rows that are not of unit norm (while
        `unit_norm`) or whose squares are beyond the largest number, or `space` is another.
    MemoryError
        If the matrix to factorise does not fit into the memory that is free.

    Notes
    -----
    Cost: one matrix product of ``N d min(N, d)`` multiplications, and an eigendecomposition of
    ``min(N, d)`` rows as soon as it is needed: the softmax model needs none in the instance space.

    Examples
    --------
    >>> from sdbook import datasets
    >>> from sdbook.solvers import factorise
    >>> factorise(datasets.digits().features)
    Factorisation(1797 instances, 64 features, feature space)
    """
    if space not in ("auto", "instance", "feature"):
        raise ValueError(f"space must be 'auto', 'instance' or 'feature', got {space!r}.")
    if isinstance(features, Factorisation):
        if space not in ("auto", features.space):
            raise ValueError(
                f"space must be 'auto' or {features.space!r}, where the features are factorised, "
                f"got {space!r}. Pass the features themselves to choose another."
            )
        return features
    features = _validate.matrix("features", features, "features")
    if unit_norm:
        _validate.unit_rows("features", features)
    instances, width = features.shape
    if space == "auto":
        space = "feature" if width <= instances else "instance"
    size = width if space == "feature" else instances
    item = 4 if "32" in str(features.dtype) else 8
    _validate.memory(f"factorising a {size} x {size} matrix", 3 * size**2, item)

    xp = _validate.namespace("features", features)
    with np.errstate(over="ignore", invalid="ignore"):
        wide = space == "instance"
        matrix = features @ features.T if wide else transposed_product(features, features)
    if not bool(xp.all(xp.isfinite(xp.linalg.diagonal(matrix)))):
        raise ValueError(
            f"features must have squares that {features.dtype} can hold, got entries up to "
            f"{float(xp.max(xp.abs(features))):.4g}. Divide them first."
        )
    return Factorisation(features, matrix, space)
