"""Chapter 15: check how a network without hidden layers is trained to the exact probe."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from sdbook import datasets, distill, noise
from sdbook.book.checks._answers import NOTHING

if TYPE_CHECKING:
    from sdbook.training import Recipe

__all__ = ["probe_recipe"]


def probe_recipe(recipe: Recipe | None) -> str:
    """Check whether a recipe trains a linear layer to the outputs of the exact probe.

    Needs PyTorch, once there is a recipe.

    Parameters
    ----------
    recipe : sdbook.training.Recipe or None
        None where the reader has not written one yet.

    Returns
    -------
    str
        "Yes: it is the probe." if no output is off by 0.0005 or more, or by how much they are off.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If `recipe` is something else.

    Examples
    --------
    >>> from sdbook.book import checks
    >>> checks.probe_recipe(None)
    'Nothing came back yet.'
    """
    if recipe is None:
        return NOTHING
    from sdbook import training  # not above: PyTorch takes seconds, and not everybody has it

    if not isinstance(recipe, training.Recipe):
        raise TypeError(f"recipe must be a sdbook.training.Recipe or None, got {recipe!r}.")
    import torch

    train, _ = datasets.digits().split(test_share=1 / 3, rng=0)
    given = noise.corrupt(train.labels, noise.symmetric(10, 0.5), rng=0)
    layer = partial(torch.nn.Linear, 64, 10, bias=False, dtype=torch.float64)
    features = torch.tensor(train.features)
    run = training.distill(
        layer, features, given, 1e-2, rounds=1, recipe=recipe, device="cpu", progress=False
    )
    exact = distill(train.features, given, 1e-2, rounds=1)
    off = abs(run.teacher.outputs.numpy() - exact.teacher.outputs).max()
    return "Yes: it is the probe." if off < 5e-4 else f"Outputs are still off by up to {off:.4f}."
