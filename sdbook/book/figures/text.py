"""Numbers as text."""

from __future__ import annotations

import math

from sdbook.book.figures._check import positive

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power_of_ten(value: float) -> str:
    """Write a number with one digit and a power of ten: ``3·10⁻⁴``, but ``1``.

    Parameters
    ----------
    value : float
        Above zero.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If `value` is not above zero.

    Examples
    --------
    >>> from sdbook.book.figures import power_of_ten
    >>> power_of_ten(1e-3), power_of_ten(3e-2), power_of_ten(1)
    ('10⁻³', '3·10⁻²', '1')
    """
    positive("value", value)
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
        Above zero.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If `value` is not above zero.

    Examples
    --------
    >>> from sdbook.book.figures import at_most
    >>> at_most(4e-4), at_most(1e-3)
    ('10⁻³', '10⁻³')
    """
    positive("value", value)
    return power_of_ten(10.0 ** math.ceil(math.log10(value) - 1e-9))


def typeset(value: float, form: str) -> str:
    """Write a number with a true minus sign, and zero without one."""
    return format(value, f"z{form}").replace("-", "\N{MINUS SIGN}")
