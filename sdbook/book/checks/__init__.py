"""Checks of answers to the exercises: each says in a sentence what is right or wrong.

There is one module for each chapter that has such an exercise, and one function for each exercise.
It calls the reader's function on data of its own, compares what comes back with the library, and
recognises the usual slips. A wrong answer is never an error. What the reader's function raises is
not caught: it names the reader's line.
"""

import lazy_loader

# What __init__.pyi lists, each loaded when it is first used.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
