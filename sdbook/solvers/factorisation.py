"""One eigendecomposition per set of features, in the smaller of two spaces.

The Gram matrix ``G = Phi Phi^T`` (N x N) and the covariance ``Phi^T Phi`` (d x d) have the same
non-zero eigenvalues. Whichever matrix is smaller is factorised, once; all rounds, all
regularisation strengths and all targets on the same features share the result, and it is at the
same time the exact answer of the linearised model and the preconditioner of the softmax model.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.products import covariance

__all__ = ["Factorisation", "factorise"]


@dataclass(frozen=True, eq=False)
class Factorisation:
    """Features with the spectrum of their Gram matrix; made by `factorise`.

    Attributes
    ----------
    features : array of shape (N, d)
        The features Phi.
    eigenvalues : array of shape (r,)
        Eigenvalues s of the Gram matrix, ascending, ``r = min(N, d)`` unless the space was chosen.
        Those that are zero up to rounding are exactly zero.
    basis : array of shape (r, r)
        Eigenvectors as columns: of the Gram matrix in the instance space, of the covariance in the
        feature space.
    space : {"instance", "feature"}
        Which of the two matrices was factorised.
    """

    features: Array = field(repr=False)
    eigenvalues: Array = field(repr=False)
    basis: Array = field(repr=False)
    space: str

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
    Cost: one matrix product of ``N d min(N, d)`` multiplications and an eigendecomposition of
    ``min(N, d)`` rows.

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
        matrix = covariance(features) if space == "feature" else features @ features.T
    if not bool(xp.all(xp.isfinite(xp.linalg.diagonal(matrix)))):
        raise ValueError(
            f"features must have squares that {features.dtype} can hold, got entries up to "
            f"{float(xp.max(xp.abs(features))):.4g}. Divide them first."
        )
    eigenvalues, basis = xp.linalg.eigh(matrix)
    rounding = size * float(xp.finfo(features.dtype).eps) * float(eigenvalues[-1])
    eigenvalues = xp.where(eigenvalues > rounding, eigenvalues, xp.zeros_like(eigenvalues))
    return Factorisation(features, eigenvalues, basis, space)
