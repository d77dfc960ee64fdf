"""The process that runs a page's blocks of Python, one after the other, in the names of its ``__main__``.

A request is a line of JSON on stdin, its answer one on stdout; what the blocks print goes to stderr.
"""

from __future__ import annotations

import json
import linecache
import os
import sys
import traceback


def main() -> None:
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    sys.path[0] = os.getcwd()
    names = sys.modules["__main__"].__dict__
    # Flask looks for templates and static files beside the module that makes the application.
    names["__file__"] = os.path.join(os.getcwd(), "page.py")
    for line in requests:
        answers.write(json.dumps(failure(names, **json.loads(line))) + "\n")
        answers.flush()


def failure(names: dict[str, object], text: str, file: str, line: int) -> str:
    """Run ``text``, which begins after ``line`` lines of the page; its traceback, or an empty string."""
    source = "\n" * line + text
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    try:
        exec(compile(source, file, "exec", dont_inherit=True), names)
    except BaseException as error:
        return "".join(traceback.format_exception(error))
    return ""


if __name__ == "__main__":
    main()
