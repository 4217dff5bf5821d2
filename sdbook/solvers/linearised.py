"""The linearised model in closed form: every round from one eigendecomposition.

With the softmax replaced by its tangent at uniform outputs, round t multiplies each
eigen-direction of the Gram matrix G by ``(s / (K N lambda + s))^t`` (Proposition 2 and Theorem 1
of the book; Jeong & Chung, 2024): outputs are averages of the given labels.
"""

from __future__ import annotations

from dataclasses import dataclass

from sdbook import _validate
from sdbook._validate import Array
from sdbook.solvers.factorisation import Factorisation, factorise
from sdbook.solvers.products import product, transposed_product
from sdbook.solvers.solution import Solution

__all__ = ["LabelAveraging"]


@dataclass(frozen=True, eq=False)
class LabelAveraging:
    """The linearised model on fixed features.

    Parameters
    ----------
    features : array of shape (N, d) or Factorisation
        Unit-norm features, or their factorisation (see `factorise`).
    lam : float
        L2 strength lambda of the mean loss, > 0.
    n_classes : int
        Number of classes K, >= 2.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as described.

    Notes
    -----
    Rounds `t` may be real numbers: the filter is a power. Round 0 is the given labels untouched,
    round 1 the teacher, round t >= 2 the (t - 1)-th student.

    Examples
    --------
    >>> from sdbook import datasets
    >>> from sdbook.solvers import LabelAveraging
    >>> data = datasets.block_correlated(3, 2, c=0.5, d=0.1)
    >>> model = LabelAveraging(data.features, lam=0.05, n_classes=3)
    >>> targets = datasets.one_hot(data.labels, 3)
    >>> model.outputs(targets, t=2)[0].round(3)
    array([0.566, 0.217, 0.217])
    """

    features: Array | Factorisation
    lam: float
    n_classes: int

    def __post_init__(self) -> None:
        _validate.regularisation(self.lam)
        _validate.count("n_classes", self.n_classes, 2)
        object.__setattr__(self, "features", factorise(self.features))

    @property
    def factorisation(self) -> Factorisation:
        """The factorised features."""
        return self.features

    @property
    def ridge(self) -> float:
        """``K N lambda``: eigenvalues well above it pass, those well below are damped."""
        return self.n_classes * self.factorisation.n_samples * self.lam

    @property
    def shrinkage(self) -> Array:
        """What one round leaves of each direction, ``s / (K N lambda + s)`` in [0, 1), (r,)."""
        s = self.factorisation.eigenvalues
        return s / (self.ridge + s)

    def outputs(self, targets: Array, t: float = 1) -> Array:
        """Return the outputs after t rounds.

        Parameters
        ----------
        targets : array of shape (N, K)
            Targets of round 1, rows summing to one: one-hot given labels, soft ones, or outputs of
            this model, whose entries can be below 0.
        t : float
            Rounds, >= 0, a real number.

        Returns
        -------
        array of shape (N, K)
            Rows sum to one. The linearised model knows no bounds: entries can be below 0 or above
            1.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described.
        """
        t = _validate.real("t", t, 0)
        _validate.targets(
            "targets", targets, self.factorisation.features, self.n_classes, signed=True
        )
        uniform = 1 / self.n_classes
        return uniform + self._apply_filter(targets - uniform, t)

    def averaging_weights(self, instance: int, t: float = 1) -> Array:
        """Return how much each given label counts in one instance's output: a row of the filter.

        Parameters
        ----------
        instance : int
            Which instance, 0 to N - 1.
        t : float
            Rounds, >= 0.

        Returns
        -------
        array of shape (N,)
            Weights w. The output is ``w @ targets + (1 - sum(w)) / K``; what is missing to one
            goes to the uniform distribution. Weights can be negative.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described.
        """
        fact = self.factorisation
        t = _validate.real("t", t, 0)
        instance = _validate.count("instance", instance, 0, fact.n_samples - 1)
        xp = _validate.namespace("features", fact.features)
        one = xp.zeros((fact.n_samples, 1), dtype=fact.features.dtype, device=fact.features.device)
        one[instance, 0] = 1.0
        return self._apply_filter(one, t)[:, 0]  # the filter is symmetric: a column is a row

    def coef(self, targets: Array, t: float = 1) -> Array:
        """Return the parameters theta of the round-t model.

        Parameters
        ----------
        targets : array of shape (N, K)
            Targets of round 1.
        t : float
            Rounds, >= 1: before round 1 there is no model.

        Returns
        -------
        array of shape (d, K)
            The outputs are ``1/K + features @ theta``; each row of theta sums to zero.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described.
        """
        t = _validate.real("t", t, 1)
        fact = self.factorisation
        _validate.targets("targets", targets, fact.features, self.n_classes, signed=True)
        centred = targets - 1 / self.n_classes
        factors = (self.shrinkage ** (t - 1) / (self.ridge + fact.eigenvalues))[:, None]
        V, phi = fact.basis, fact.features
        if fact.space == "feature":
            return V @ (factors * (V.T @ transposed_product(phi, centred)))
        return transposed_product(phi, V @ (factors * (V.T @ centred)))

    def solution(self, targets: Array, t: float = 1) -> Solution:
        """Return the model of round t, in the same form as one of the softmax model.

        Parameters
        ----------
        targets, t
            As in `coef`.

        Returns
        -------
        Solution
            Without a certificate, because the closed form is exact.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described.
        """
        return Solution(self.coef(targets, t), self.factorisation.features, "linearised")

    def _apply_filter(self, rows: Array, t: float) -> Array:
        """Multiply by the t-th power of ``G (K N lambda I + G)^-1``."""
        if t == 0:
            return rows
        fact = self.factorisation
        V, phi = fact.basis, fact.features
        if fact.space == "instance":
            return V @ ((self.shrinkage**t)[:, None] * (V.T @ rows))
        # Left singular vectors are phi @ V / sqrt(s): the filter is phi V (h^t / s) V^T phi^T.
        # Where s is zero, phi V is zero as well and nothing is left to scale.
        xp = _validate.namespace("features", phi)
        s = fact.eigenvalues
        present = s > 0
        factors = xp.where(present, self.shrinkage**t / xp.where(present, s, 1.0), 0.0)
        inside = V @ (factors[:, None] * (V.T @ transposed_product(phi, rows)))
        return product(phi, inside)
