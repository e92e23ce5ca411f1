"""What every command shares: flags, `--help`, and errors as one line with exit code 2."""

import errno
import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence

from absl import flags

from scarlet_tf import data
from scarlet_tf.data import TFDS_DATASETS, Dataset
from scarlet_tf.errors import InputError, RunError

INPUT_ERROR_EXIT_CODE = 2
RUN_ERROR_EXIT_CODE = 1
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HELP = {"-h", "-help", "--help"}
_STARTUP_NOISE = (b"cudart_stub", b"absl::InitializeLog", b"oneDNN custom operations are on")


def _usage(scope: Mapping) -> str:
    spec = scope.get("__spec__")  # None where a file was run, not a module
    return f"python -m {spec.name.removesuffix('.__main__')}" if spec else f"python {sys.argv[0]}"


def _help(scope: Mapping, usage: str) -> str:
    # absl files the flags of the program that runs under argv[0], those of any other module under its name
    module = sys.argv[0] if scope["__name__"] == "__main__" else scope["__name__"]
    ours = flags.FLAGS.flags_by_module_dict().get(module, [])
    lines = [usage, "", scope["__doc__"].strip(), "", "Flags:"]
    for flag in sorted(ours, key=lambda flag: flag.name):
        default = "" if flag.default is None else f" (default: {flag.default_as_str})"
        lines.append(f"  --{flag.name}: {flag.help}{default}")
    return "\n".join([*lines, "  --flagfile: a file with a flag a line."])


def _fail(message: str, exit_code: int) -> None:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(exit_code)


def start_tensorflow() -> None:
    """Imports TensorFlow without the lines it prints to stderr at every start; whatever else comes is passed on.

    Its C++ side writes them before its log level counts: that there is no CUDA, that oneDNN is on.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as captured:
        os.dup2(captured.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            captured.seek(0)
            for line in captured:
                if not any(noise in line for noise in _STARTUP_NOISE):
                    os.write(2, line)


def require(*needed: flags.FlagHolder) -> None:
    """Raises InputError for the first flag that was not given."""
    for flag in needed:
        if flag.value is None:
            raise InputError(f"--{flag.name} must be given: {flags.FLAGS[flag.name].help}")


def refuse(mode: str, *useless: flags.FlagHolder) -> None:
    """Raises InputError for the first flag that was given though `mode` has no use for it."""
    for flag in useless:
        if flag.present:
            raise InputError(f"--{flag.name} must be left out with {mode}. Received: {flag.value!r}.")


def load_dataset(name: str, data_dir: str | None) -> Dataset:
    """The data set that `--dataset` and `--data_dir` mean. TensorFlow is started for what TFDS has prepared only."""
    if name in TFDS_DATASETS:
        start_tensorflow()
    return data.load_dataset(name, data_dir)


def run_subcommand(modules: Mapping[str, str], scope: Mapping) -> None:
    """Runs the subcommand that the first argument names, as `run` does.

    `modules` says in which module each is: one with a docstring, flags and `main`. `scope` is the calling command's
    `globals()`.
    """
    usage = _usage(scope)
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name in modules:
        module = importlib.import_module(modules[name])
        run(module.main, vars(module), [sys.argv[0], *sys.argv[2:]], f"{usage} {name}")
    elif _HELP & set(sys.argv[1:]):
        lines = [f"{usage} {name} --help" for name in modules]
        print("\n".join([f"{usage} {'|'.join(modules)}", "", scope["__doc__"].strip(), "", "Flags:", *lines]))
    else:
        what = f"Received: {name!r}." if name else "Received: none."
        _fail(f"The first argument must be one of {', '.join(modules)}. {what}", INPUT_ERROR_EXIT_CODE)


def run(main: Callable[[], None], scope: Mapping, argv: Sequence[str] | None = None, usage: str | None = None) -> None:
    """Parses the flags defined by the calling command and runs `main`.

    `scope` is the command's `globals()`: its docstring is the help text, under the line `usage`. `argv` is by default
    the program's. TensorFlow is not imported before `main` does so. Bad flags and `InputError` end in exit code 2 with
    one line on stderr, `RunError` and a full disk in 1.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off by default on some CPUs; depthwise 5x5 and 7x7 gain most
    argv = sys.argv if argv is None else argv
    if _HELP & set(argv[1:]):
        print(_help(scope, usage or _usage(scope)))
        sys.exit(0)
    try:
        positional = flags.FLAGS(argv)[1:]
        if positional:
            raise InputError(f"Arguments are given as --flag=value. Received: {positional[0]!r}.")
        main()
    except (flags.Error, InputError) as error:
        _fail(str(error), INPUT_ERROR_EXIT_CODE)
    except RunError as error:
        _fail(str(error), RUN_ERROR_EXIT_CODE)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        _fail(f"{error}. Make room on the disk and run the same command again.", RUN_ERROR_EXIT_CODE)
    except KeyboardInterrupt:
        print("interrupted; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
