"""
fsyncstorm's analysis: python3 analysis report|compare|merge|story|plots|finish ... See cli.py.
"""
import os
import signal
import sys

try:
    import cli
    status = cli.main(sys.argv[1:])
    sys.stdout.flush()
except ModuleNotFoundError as e:
    print(f"fsyncstorm: Python's {e.name} is missing; scripts/deps installs it", file=sys.stderr)
    status = 2
except BrokenPipeError:  # the reader has gone, and nothing more is to be flushed to it; as if the signal had ended us
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    status = 128 + signal.SIGPIPE
except OSError as e:  # of a file that the user named, runs.Bad tells
    print(f"fsyncstorm: {e.filename or 'stdout'}: {e.strerror}", file=sys.stderr)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    status = 2
except KeyboardInterrupt:
    status = 128 + signal.SIGINT
sys.exit(status)
