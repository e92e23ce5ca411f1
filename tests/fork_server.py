"""Runs commands, each in a process of its own, forked from this one, which has imported the modules named as arguments:
importing takes most of a command's start.

A line of stdin is a command, JSON of `module`, `arguments` and `cwd`; a line of stdout answers it, a JSON list of exit
code, stdout and stderr.
"""

import importlib
import json
import os
import runpy
import sys
import tempfile
import traceback


def exit_code(module: str, arguments: list[str]) -> int:
    """Runs `python -m MODULE ARGUMENTS` in this process."""
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code or 0
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def answer(module: str, arguments: list[str], cwd: str) -> tuple[int, str, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            for number, file in enumerate((out, err), start=1):
                os.dup2(file.fileno(), number)
            os.chdir(cwd)
            code = exit_code(module, arguments)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return code, out.read().decode(), err.read().decode()


if __name__ == "__main__":
    sys.path[0] = ""  # as with python -m
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        print(json.dumps(answer(**json.loads(line))), flush=True)
