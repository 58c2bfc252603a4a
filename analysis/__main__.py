"""
fsyncstorm's analysis: python3 analysis report|compare|plots ... See cli.py.
"""
import os
import sys

try:
    import cli
    status = cli.main(sys.argv[1:])
    sys.stdout.flush()
except ModuleNotFoundError as e:
    print(f"fsyncstorm: Python's {e.name} is missing; scripts/deps installs it", file=sys.stderr)
    status = 2
except BrokenPipeError:  # who read it has gone; and nothing more is to be flushed to it
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    status = 2
sys.exit(status)
