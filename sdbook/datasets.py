"""Data to learn on: features, true labels, superclasses.

Features have one instance per row. Labels are whole numbers ``0 ... K - 1``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook.noise import Seed

__all__ = ["Dataset", "block_correlated", "centre", "digits", "normalise", "one_hot"]


@dataclass(frozen=True)
class Dataset:
    """Features with their true labels.

    Attributes
    ----------
    name : str
        What the data are, for titles and messages.
    features : ndarray of shape (N, d)
        One instance per row.
    labels : ndarray of int, shape (N,)
        True labels, 0 to K - 1.
    superclasses : ndarray of int, shape (K,)
        The superclass of each class. All zero where there is only one.
    class_names : tuple of str
        One name per class, K in all.
    images : ndarray of shape (N, height, width) or None
        What a person would look at, where there is such a thing.

    Examples
    --------
    >>> from sdbook import datasets
    >>> data = datasets.digits()
    >>> data
    Dataset('digits': 1797 instances, 64 features, 10 classes)
    >>> train, test = data.split(test_share=1 / 3, rng=0)
    >>> len(train), len(test)
    (1198, 599)
    """

    name: str
    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    superclasses: NDArray[np.int64]
    class_names: tuple[str, ...]
    images: NDArray[np.float64] | None = field(default=None, repr=False)

    @property
    def classes(self) -> int:
        """Number of classes K."""
        return len(self.class_names)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        instances, width = self.features.shape
        return (
            f"{type(self).__name__}({self.name!r}: {instances} instances, {width} features, "
            f"{self.classes} classes)"
        )

    def gram(self) -> NDArray[np.float64]:
        """Return the Gram matrix ``features @ features.T``, of shape (N, N).

        Raises
        ------
        MemoryError
            If it does not fit into the memory that is free.
        """
        _validate.memory(f"the Gram matrix of {len(self)} instances", len(self) ** 2, 8)
        return self.features @ self.features.T

    def take(self, instances: ArrayLike) -> Dataset:
        """Return the chosen instances (indices or a mask) as a data set."""
        chosen = np.asarray(instances)
        return replace(
            self,
            features=self.features[chosen],
            labels=self.labels[chosen],
            images=None if self.images is None else self.images[chosen],
        )

    def split(self, test_share: float = 1 / 3, *, rng: Seed = None) -> tuple[Dataset, Dataset]:
        """Split into train and test, each class in the same proportion.

        Parameters
        ----------
        test_share : float
            Share of each class that goes to the test set, in (0, 1); rounded to whole instances.
        rng : int, numpy.random.Generator or None
            Source of randomness.

        Returns
        -------
        train, test : Dataset
            Instances sorted as in the original.

        Raises
        ------
        ValueError
            If `test_share` is out of range, or leaves a class without a training or test instance.
        """
        share = _validate.real("test_share", test_share, 0, 1, open_low=True, open_high=True)
        rng = np.random.default_rng(rng)
        is_test = np.zeros(len(self), dtype=bool)
        for k in range(self.classes):
            members = np.flatnonzero(self.labels == k)
            size = round(share * len(members))
            if not 0 < size < len(members):
                raise ValueError(
                    f"test_share is {test_share}, which takes {size} of the {len(members)} "
                    f"instances of class {self.class_names[k]}; accepted are shares that leave at "
                    "least one for training and one for testing"
                )
            is_test[rng.permutation(members)[:size]] = True
        return self.take(~is_test), self.take(is_test)


def block_correlated(
    classes: int,
    per_class: int,
    *,
    superclasses: int = 1,
    c: float,
    d: float,
    e: float | None = None,
    jitter: float = 0.0,
    rng: Seed = None,
) -> Dataset:
    """Unit vectors whose correlations depend only on how two instances are related.

    The inner product is 1 for an instance with itself, `c` within a class, `d` between classes of
    a superclass and `e` between superclasses: the block model of Theorem 2. They are vectors, so
    their Gram matrix is one by construction. Classes are dealt to superclasses in order, as
    evenly as possible.

    Parameters
    ----------
    classes, per_class : int
        Number of classes K (at least 2), and of instances per class n; N = K n.
    superclasses : int
        Number of superclasses S, 1 to K.
    c, d, e : float
        Correlations with ``1 > c > d >= e``. `e` is needed with two superclasses or more, and may
        be slightly negative, as in centred data.
    jitter : float
        Length of a random vector added to each instance before it is normalised again, >= 0. With
        jitter, correlations scatter around ``value / (1 + jitter**2)``; without, they are exact.
    rng : int, numpy.random.Generator or None
        Source of the jitter.

    Returns
    -------
    Dataset
        N instances in N dimensions, sorted by class.

    Raises
    ------
    ValueError
        If an argument is out of range or out of order, or if no vectors have these correlations
        (the Gram matrix would have a negative eigenvalue).

    Examples
    --------
    >>> from sdbook import datasets
    >>> data = datasets.block_correlated(4, 2, superclasses=2, c=0.5, d=0.2, e=0.1)
    >>> data.gram()[0].round(6)
    array([1. , 0.5, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1])
    """
    K = _validate.count("classes", classes, 2)
    n = _validate.count("per_class", per_class)
    S = _validate.count("superclasses", superclasses, 1, K)
    c = _validate.real("c", c, -1, 1, open_high=True)
    d = _validate.real("d", d, -1, c, open_high=True)
    if e is None and S > 1:
        raise ValueError(f"e is missing; accepted with {S} superclasses is a number of at most d")
    e = d if e is None else _validate.real("e", e, -1, d)
    jitter = _validate.real("jitter", jitter, 0)
    _validate.memory(f"block-correlated features of {K * n} instances", (K * n) ** 2, 8)

    groups = np.arange(K) * S // K
    between = np.where(groups[:, None] == groups[None, :], d, e)
    np.fill_diagonal(between, c)
    # Two orthogonal parts. The mean direction of each class carries all correlations: n times this
    # K x K matrix is the Gram matrix of the class sums. What differs inside a class carries 1 - c.
    means = n * between + (1 - c) * np.eye(K)
    values, vectors = np.linalg.eigh(means)
    if values[0] < -1e-10 * values[-1]:
        raise ValueError(
            f"no vectors have correlations c={c}, d={d}, e={e} with {n} instances in each of {K} "
            f"classes: their Gram matrix would have the eigenvalue {values[0]:.4g}; accepted are "
            "values that leave all eigenvalues at or above zero"
        )
    class_part = vectors * np.sqrt(np.maximum(values, 0) / n)
    features = np.zeros((K * n, K * n))
    features[:, :K] = np.repeat(class_part, n, axis=0)
    inside = np.sqrt(1 - c) * _contrasts(n)
    for k in range(K):
        features[k * n : (k + 1) * n, K + k * (n - 1) : K + (k + 1) * (n - 1)] = inside
    if jitter > 0:
        noise = np.random.default_rng(rng).standard_normal(features.shape)
        features = normalise(features + jitter * normalise(noise))
    return Dataset(
        name="blocks",
        features=features,
        labels=np.repeat(np.arange(K), n),
        superclasses=groups,
        class_names=tuple(f"class {k}" for k in range(K)),
    )


def _contrasts(n: int) -> NDArray[np.float64]:
    """Return an (n, n-1) basis of the vectors of length n whose entries sum to zero (Helmert)."""
    basis = np.zeros((n, n - 1))
    for j in range(1, n):
        basis[:j, j - 1] = 1
        basis[j, j - 1] = -j
        basis[:, j - 1] /= np.sqrt(j * (j + 1))
    return basis


def digits(*, centred: bool = True, normalised: bool = True) -> Dataset:
    """Handwritten digits, 8 x 8 pixels: 1797 images that come with scikit-learn.

    Parameters
    ----------
    centred : bool
        Subtract the mean image, so that correlations between classes fall to about zero.
    normalised : bool
        Scale each image to unit norm (after centring), as the theory assumes.

    Returns
    -------
    Dataset
        With ``images`` as they were, grey values from 0 to 16. All classes are one superclass.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.

    Notes
    -----
    Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits, UCI.

    Examples
    --------
    >>> from sdbook import datasets
    >>> datasets.digits().features.shape
    (1797, 64)
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            "the digits come with scikit-learn, which is not installed: pip install 'sdbook[book]'"
        ) from error
    raw = load_digits()
    features = centre(raw.data) if centred else raw.data
    return Dataset(
        name="digits",
        features=normalise(features) if normalised else features,
        labels=raw.target.astype(np.int64),
        superclasses=np.zeros(10, dtype=np.int64),
        class_names=tuple(str(k) for k in range(10)),
        images=raw.images,
    )


def centre(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the mean of all instances.

    Parameters
    ----------
    features : ndarray of shape (N, d)

    Returns
    -------
    ndarray of shape (N, d)

    Raises
    ------
    TypeError, ValueError
        If `features` is not a finite floating matrix.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import datasets
    >>> datasets.centre(np.array([[1.0, 2.0], [3.0, 6.0]]))
    array([[-1., -2.],
           [ 1.,  2.]])
    """
    _validate.matrix("features", features)
    return features - features.mean(axis=0)


def normalise(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale each instance to unit norm.

    Parameters
    ----------
    features : ndarray of shape (N, d)

    Returns
    -------
    ndarray of shape (N, d)

    Raises
    ------
    TypeError, ValueError
        If `features` is not a finite floating matrix, or an instance is the zero vector.

    Examples
    --------
    >>> import numpy as np
    >>> from sdbook import datasets
    >>> datasets.normalise(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """
    _validate.matrix("features", features)
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    if norms.min() == 0:
        raise ValueError(
            f"features has a zero vector in row {int(norms.argmin())}, which no scaling gives unit "
            "norm; accepted are rows with at least one entry other than zero"
        )
    return features / norms


def one_hot(labels: ArrayLike, classes: int) -> NDArray[np.float64]:
    """Turn labels into targets: a one at the label, zeros elsewhere.

    Parameters
    ----------
    labels : array_like of int, shape (N,)
        Labels 0 to K - 1.
    classes : int
        Number of classes K.

    Returns
    -------
    ndarray of shape (N, K)

    Raises
    ------
    TypeError, ValueError
        If a label is not a whole number from 0 to K - 1.

    Examples
    --------
    >>> from sdbook import datasets
    >>> datasets.one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    K = _validate.count("classes", classes, 2)
    return np.eye(K)[_validate.labels("labels", labels, K)]
