"""Numbers as a reader writes them."""

from __future__ import annotations

import math

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(value: float) -> str:
    """Write a number with one digit and a power of ten, as in a text: ``3·10⁻⁴``, but ``1``.

    Parameters
    ----------
    value : float
        Positive.

    Examples
    --------
    >>> from sdbook.book.figures import power_of_ten
    >>> power_of_ten(1e-3), power_of_ten(3e-2), power_of_ten(1)
    ('10⁻³', '3·10⁻²', '1')
    """
    if not value > 0:
        raise ValueError(f"value must be positive, got {value}")
    digit, exponent = f"{value:.0e}".split("e")
    if int(exponent) == 0:
        return digit
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPTS)
    return power if digit == "1" else f"{digit}·{power}"


def at_most(value: float) -> str:
    """Write the smallest power of ten that is not below a number: ``10⁻³`` for 0.0004.

    Parameters
    ----------
    value : float
        Positive.

    Examples
    --------
    >>> from sdbook.book.figures import at_most
    >>> at_most(4e-4), at_most(1e-3)
    ('10⁻³', '10⁻³')
    """
    if not value > 0:
        raise ValueError(f"value must be positive, got {value}")
    return power_of_ten(10.0 ** math.ceil(math.log10(value) - 1e-9))
