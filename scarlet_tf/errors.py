"""The error that a user can mend."""


class InputError(ValueError):
    """Bad input: one line that says what was expected, what was received and what to do.

    Commands print it and leave with exit code 2, having changed nothing on disk.
    """
