"""
files.py: a file that is made here comes into being whole: it is written under a temporary name and renamed.

Called by report.py, redraw.py and story.py.
"""
import os

import runs


def write(path, text):
    temp = f"{path}.{os.getpid()}.new"
    try:
        with open(temp, "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(temp, path)
    except OSError as e:
        if os.path.exists(temp):
            os.unlink(temp)
        raise runs.Bad(f"{path}: {e.strerror}") from None
