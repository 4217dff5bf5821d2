"""The device on which PyTorch computes, chosen by name."""

from __future__ import annotations

import torch

__all__ = ["choose_device"]


def choose_device(device: str | torch.device = "auto") -> torch.device:
    """Return the device that a name stands for.

    Parameters
    ----------
    device : str or torch.device
        "auto" takes CUDA where there is one, else Apple's MPS, else the CPU. All else is PyTorch's
        own: "cpu", "cuda", "cuda:1", "mps".

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If there is no such device, or it is not at hand.

    Examples
    --------
    >>> from sdbook._device import choose_device
    >>> choose_device("cpu")
    device(type='cpu')
    """
    at_hand = {
        "cuda": torch.cuda.device_count(),
        "mps": int(torch.backends.mps.is_available()),
        "cpu": 1,
    }
    if device == "auto":
        return torch.device(next(name for name, devices in at_hand.items() if devices))
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        chosen = None
    if chosen is None or (chosen.index or 0) >= at_hand.get(chosen.type, 0):
        accepted = ["auto", *(name for name, devices in at_hand.items() if devices)]
        raise ValueError(
            f"device must be one of {accepted} on this computer, which has {at_hand['cuda']} CUDA "
            f"devices, got {str(device)!r}."
        )
    return chosen
