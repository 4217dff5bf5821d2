"""Self-distillation of networks: teacher and students for any ``torch.nn.Module``.

Needs the extra ``torch``. What `sdbook.distill` does with fixed features and an exact solver, this
does with features that move and an optimiser that stops when it is told to: same rounds, same
refinements, same losses, same meaning of lambda.

From the outside in: `loop` (rounds), `fitting` (epochs of one round), `recipe` (how to train),
`checkpoints` (what survives a kill), `identity` (of which run it is), `data` (batches), `device`
(where, and with which random numbers).
"""

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError(
        "sdbook.training needs PyTorch, which is not installed: pip install 'sdbook[torch]'"
    ) from error

from sdbook.training.fitting import Epoch, outputs_of
from sdbook.training.loop import Round, Run, distill
from sdbook.training.recipe import Recipe

__all__ = ["Epoch", "Recipe", "Round", "Run", "distill", "outputs_of"]
