"""Numbers as they are written in pictures and sentences, in one style everywhere."""

from __future__ import annotations

import math

from micrograd_plus._tools.figures import Figure
from micrograd_plus._tools.text import RAISED, short


def text_number(x: float, digits: int = 4, decimals: int = 0) -> str:
    """A number with so many significant digits, and at least two decimal places where it has them.

    Zeros at its end are left out. Below 0.0001 and from a million on, powers of ten are written.

    Args:
        x: the number.
        digits: the number of significant digits, 1 to 17.
        decimals: the number of decimal places that are kept even if they are zeros.

    >>> text_number(-3.0), text_number(0.196611933), text_number(123456.789)
    ('−3', '0.1966', '123456.79')
    >>> text_number(1.0, digits=2, decimals=2), text_number(-1.9e-124), text_number(1e9)
    ('1.00', '−1.9·10⁻¹²⁴', '10⁹')
    """
    if isinstance(x, Figure):
        return x.written("number", digits, decimals)
    mantissa, exponent = parts(x, digits, decimals)
    if not exponent:
        return mantissa
    power = f"10{''.join(map(RAISED.__getitem__, str(exponent)))}"
    return {"1": power, "−1": f"−{power}"}.get(mantissa, f"{mantissa}·{power}")


def latex_number(x: float, digits: int = 4) -> str:
    r"""A number for LaTeX's math mode, as `text_number` writes it.

    >>> latex_number(-1.9e-124), latex_number(1e9), latex_number(-math.inf)
    ('-1.9 \\cdot 10^{-124}', '10^{9}', '-\\infty')
    """
    mantissa, exponent = parts(x, digits)
    mantissa = mantissa.replace("−", "-").replace("∞", r"\infty")
    if not exponent:
        return mantissa
    power = f"10^{{{exponent}}}"
    return {"1": power, "-1": f"-{power}"}.get(mantissa, rf"{mantissa} \cdot {power}")


def parts(x: float, digits: int, decimals: int = 0) -> tuple[str, int]:
    """A number as text, and the exponent of the power of ten that it is multiplied by; 0 for none.

    Args: as for `text_number`.
    """
    if not math.isfinite(x):
        return {math.inf: "∞", -math.inf: "−∞"}.get(x, "nan"), 0
    scientific, exponent = f"{x or 0.0:.{digits - 1}e}".split("e")  # never −0
    if x == 0 or 1e-4 <= abs(x) < 1e6:
        places = max(digits - 1 - int(exponent), min(digits, 2))
        whole, _, fraction = f"{x or 0.0:.{places}f}".partition(".")
        fraction = fraction.rstrip("0").ljust(decimals, "0")
        text, power = f"{whole}.{fraction}" if fraction else whole, 0
    else:
        text, power = (
            scientific.rstrip("0").rstrip(".") if "." in scientific else scientific,
            int(exponent),
        )
    return text.replace("-", "−"), power


def checked_digits(digits: int) -> int:
    """The same number, if so many significant digits can be written.

    Raises:
        ValueError: it is not a whole number from 1 to 17, which tell any two floats apart.
    """
    if type(digits) is not int or not 1 <= digits <= 17:
        raise ValueError(f"digits must be a whole number from 1 to 17, not {short(digits)}")
    return digits
