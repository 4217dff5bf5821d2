"""Solvers: the linearised model in closed form, the softmax model to its exact optimum.

Both are written against the array API standard: NumPy arrays in, NumPy arrays out; PyTorch
tensors in, PyTorch tensors out, on the device they are on.
"""

from sdbook.solvers.factorisation import Factorisation, factorise
from sdbook.solvers.linearised import LabelAveraging
from sdbook.solvers.losses import CrossEntropy, GeneralisedCrossEntropy, Loss
from sdbook.solvers.softmax import solve, solve_all
from sdbook.solvers.solution import Certificate, NotConverged, Solution, softmax

__all__ = [
    "Certificate",
    "CrossEntropy",
    "Factorisation",
    "GeneralisedCrossEntropy",
    "LabelAveraging",
    "Loss",
    "NotConverged",
    "Solution",
    "factorise",
    "softmax",
    "solve",
    "solve_all",
]
