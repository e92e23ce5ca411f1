"""The error that a user can mend."""


class InputError(ValueError):
    """Bad input: one line that says what was expected, what was received and what to do.

    Commands print it and leave with exit code 2, having changed nothing on disk.
    """


class RunError(RuntimeError):
    """A run that cannot go on, such as a loss that is no number any more. Commands print its one line and leave with
    exit code 1; what was saved before stays."""
