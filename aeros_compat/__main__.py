"""``python -m aeros_compat``: the command line."""

from .command import main

if __name__ == "__main__":  # workers import this module too
    main(prog_name="python -m aeros_compat")
