"""Numbers in files and flags that anyone may have written."""

import math


def is_number(value: object) -> bool:
    """Whether `value` is a finite number that a float can hold."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:
        return False
