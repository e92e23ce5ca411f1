"""What every command shares: flags, `--help`, and errors as one line with exit code 2."""

import os
import sys
from collections.abc import Callable, Mapping

from absl import flags

from scarlet_tf.errors import InputError

INPUT_ERROR_EXIT_CODE = 2


def _help(scope: Mapping) -> str:
    # absl files the flags of the program that runs under argv[0], those of any other module under its name
    module = sys.argv[0] if scope["__name__"] == "__main__" else scope["__name__"]
    ours = flags.FLAGS.flags_by_module_dict().get(module, [])
    spec = scope.get("__spec__")  # None where a file was run, not a module
    usage = f"python -m {spec.name.removesuffix('.__main__')}" if spec else f"python {sys.argv[0]}"
    lines = [usage, "", scope["__doc__"].strip(), "", "Flags:"]
    for flag in sorted(ours, key=lambda flag: flag.name):
        default = "" if flag.default is None else f" (default: {flag.default_as_str})"
        lines.append(f"  --{flag.name}: {flag.help}{default}")
    return "\n".join([*lines, "  --flagfile: a file with a flag a line."])


def _fail(message: str) -> None:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(INPUT_ERROR_EXIT_CODE)


def run(main: Callable[[], None], scope: Mapping) -> None:
    """Parses the flags defined by the calling command and runs `main`.

    `scope` is the command's `globals()`: its docstring is the help text. TensorFlow is not imported before
    `main` does so. Bad flags and `InputError` end in exit code 2 with one line on stderr.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    argv = sys.argv
    if {"-h", "-help", "--help"} & set(argv[1:]):
        print(_help(scope))
        sys.exit(0)
    try:
        positional = flags.FLAGS(argv)[1:]
        if positional:
            raise InputError(f"Arguments are given as --flag=value. Received: {positional[0]!r}.")
        main()
    except (flags.Error, InputError) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
