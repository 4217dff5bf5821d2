"""Chapter 7: check the five averaging weights of the block model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdbook import theory
from sdbook.book.checks._answers import Answerer, ask, read, recognise

__all__ = ["block_weights"]


def block_weights(function: Answerer) -> str:
    """Check the five averaging weights of the block model.

    Parameters
    ----------
    function : callable
        From ``K``, ``n``, ``S``, ``c``, ``d``, ``e``, ``lam`` and ``t``, all by name, to the
        weights of the own label, the class, the superclass, everybody and the uniform remainder.

    Returns
    -------
    str
        "Right.", or what is wrong.

    Raises
    ------
    TypeError
        If `function` is not callable.

    Examples
    --------
    >>> from sdbook.book import checks
    >>> checks.block_weights(lambda K, n, S, c, d, e, lam, t: [0.5, 0.2, 0.2, 0.2, 0.2])
    'The weights sum to 1.300, not to one.'
    """
    K, n, S, lam = 8, 20, 2, 1e-3
    answer = ask(function, K=K, n=n, S=S, c=0.6, d=0.3, e=0.1, lam=lam, t=3)
    found, complaint = read(answer, (5,), "five weights are wanted")
    if complaint:
        return complaint
    spectrum = theory.block_eigenvalues(K, n, n_superclasses=S, c=0.6, d=0.3, e=0.1)

    def weights(forgotten: int = 1, t: int = 3) -> NDArray[Any]:
        kept = theory.block_shrinkage(spectrum, K * K * n * lam / forgotten)
        return np.array(theory.block_weights(kept, t))

    right = weights()
    known = [
        (right, "Right."),
        (weights(t=1), "These are the weights of round 1: raise the factors to the power t."),
        (weights(K), "Your ridge is N lambda. Where is K?"),
        (weights(K * K), "Your ridge is n lambda. It should be K N lambda, with N = K n."),
        (weights(K * K * n), "Your ridge is lambda. It should be K N lambda."),
    ]
    if sentence := recognise(found, known, atol=1e-9):
        return sentence
    if abs(found.sum() - 1) > 1e-9:
        return f"The weights sum to {found.sum():.3f}, not to one."
    if np.allclose(found[0], right[0]):
        return (
            "The own weight is right, the others are not yet: look at the eigenvalues "
            "s_q, s_r, s_g."
        )
    return f"Not yet: the own weight is {found[0]:.3f} and should be {right[0]:.3f}."
