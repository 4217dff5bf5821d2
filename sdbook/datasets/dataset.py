"""What a data set is: features, true labels, superclasses, and something to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdbook import _validate
from sdbook.noise import Seed


@dataclass(frozen=True, eq=False)
class Dataset:
    """Features with their true labels.

    Attributes
    ----------
    name : str
    features : ndarray of shape (N, d)
    labels : ndarray of int, shape (N,)
        True labels, 0 to K - 1.
    superclasses : ndarray of int, shape (K,)
        The superclass of each class. All zero where there is only one.
    class_names, superclass_names : tuple of str
        One name per class; one per superclass, or None where they have no names.
    images, texts : ndarray of shape (N, height, width), tuple of str
        What a person would look at or read, one for each instance; None where there is nothing.

    Examples
    --------
    >>> from sdbook import datasets
    >>> train, test = datasets.digits().split(test_share=1 / 3, rng=0)
    >>> train
    Dataset('digits': 1198 instances, 64 features, 10 classes)
    """

    name: str
    features: NDArray[np.float64]
    labels: NDArray[np.int64]
    superclasses: NDArray[np.int64]
    class_names: tuple[str, ...]
    images: NDArray[np.float64] | None = None
    superclass_names: tuple[str, ...] | None = None
    texts: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        # A column of a data frame is indexed by its own labels; an array is, by position.
        for name in ("features", "labels", "superclasses", "images"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, np.asanyarray(getattr(self, name)))

    @property
    def n_classes(self) -> int:
        """Number of classes K."""
        return len(self.class_names)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        sizes = "{} instances, {} features".format(*self.features.shape)
        return f"{type(self).__name__}({self.name!r}: {sizes}, {self.n_classes} classes)"

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
            texts=None if self.texts is None else tuple(np.array(self.texts, object)[chosen]),
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
            Instances in the order of the original.

        Raises
        ------
        TypeError, ValueError
            If `test_share` is out of range, or leaves a class without a training or test instance.
        """
        share = _validate.real("test_share", test_share, 0, 1, open_low=True, open_high=True)
        rng = np.random.default_rng(rng)
        is_test = np.zeros(len(self), dtype=bool)
        for k in range(self.n_classes):
            members = np.flatnonzero(self.labels == k)
            size = round(share * len(members))
            if not 0 < size < len(members):
                raise ValueError(
                    "test_share must leave each class an instance to train on and one to test, "
                    f"got {test_share}, {size} of the {len(members)} of {self.class_names[k]!r}."
                )
            is_test[rng.permutation(members)[:size]] = True
        return self.take(~is_test), self.take(is_test)
