"""What one would write without this library: the same loop with PyTorch's L-BFGS, run by run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch


class Reached(Exception):
    """The objective is as low as it was to be."""


@dataclass(frozen=True)
class Trained:
    """Where L-BFGS stopped."""

    coef: torch.Tensor
    objective: float
    evaluations: int
    reached: bool


def cross_entropy(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy with soft targets, from the logarithms of the outputs."""
    return -(targets * outputs).sum(dim=1).mean()


def generalised(q: float) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
    """Mean generalised cross-entropy, from the logarithms of the outputs."""

    def loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return (targets * -torch.expm1(q * outputs) / q).sum(dim=1).mean()

    return loss


def train(
    features: torch.Tensor,
    targets: torch.Tensor,
    lam: float,
    goal: float,
    *,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] = cross_entropy,
    start: torch.Tensor | None = None,
    tolerance: float = 0.0,
    max_evaluations: int = 5000,
) -> Trained:
    """Run L-BFGS with a strong Wolfe search until the objective is at most `goal`.

    It stops there at once, which no stopping rule could: in practice nobody knows the optimum. Or,
    before that, when no entry of the gradient is larger than the tolerance, as in practice.
    """
    shape = (features.shape[1], targets.shape[1])
    theta = torch.zeros(shape, dtype=features.dtype, device=features.device)
    if start is not None:
        theta.copy_(start)
    theta.requires_grad_(True)
    optimiser = torch.optim.LBFGS(
        [theta],
        max_iter=max_evaluations,
        max_eval=max_evaluations,
        history_size=10,
        tolerance_grad=tolerance,
        tolerance_change=0.0,
        line_search_fn="strong_wolfe",
    )
    state: dict[str, Any] = {"evaluations": 0}

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        outputs = torch.log_softmax(features @ theta, dim=1)
        value = loss(outputs, targets) + lam / 2 * theta.square().sum()
        state["evaluations"] += 1
        state["objective"] = float(value.detach())
        if state["objective"] <= goal:
            raise Reached
        value.backward()
        return value

    with contextlib.suppress(Reached):
        optimiser.step(closure)
    reached = state["objective"] <= goal
    return Trained(theta.detach(), state["objective"], state["evaluations"], reached)
