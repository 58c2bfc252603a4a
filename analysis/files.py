"""
files.py: how an output file comes into being; engine/base/replace.h says the same of the program's own.

A regular file, or one that is not there yet, is written under a new name beside it, and renamed when it is whole. A
symbolic link is followed: what it names is replaced. Anything else (a pipe, /dev/null, /dev/full), and the file that
our own stdout or stderr goes to, is opened and written in place. A block device is refused.

Called by all here that write a file.
"""
import errno
import os
import stat
import sys
import tempfile

import runs


def ours(st):
    """The descriptor of ours that goes to this file, or None."""
    for fd in (1, 2):
        try:
            own = os.fstat(fd)
        except OSError:
            continue
        if (own.st_dev, own.st_ino) == (st.st_dev, st.st_ino):
            return fd
    return None


def put(path, data):
    """Raises OSError."""
    try:
        st = os.stat(path)
    except FileNotFoundError:
        st = None
    if st and stat.S_ISDIR(st.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if st and stat.S_ISBLK(st.st_mode):
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    own = ours(st) if st else None
    if own is not None:
        sys.stdout.flush()
    if own is not None or (st and not stat.S_ISREG(st.st_mode)):
        with os.fdopen(os.dup(own) if own else os.open(path, os.O_WRONLY | os.O_NOCTTY), "wb") as f:
            f.write(data)
        return
    real = os.path.realpath(path)
    if os.path.islink(real):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if st and not os.access(real, os.W_OK):  # as the shell's > has it
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))
    mask = os.umask(0)
    os.umask(mask)
    fd, temp = tempfile.mkstemp(prefix=os.path.basename(real) + ".new-", dir=os.path.dirname(real))
    try:
        with os.fdopen(fd, "wb") as f:
            os.fchmod(fd, stat.S_IMODE(st.st_mode) if st else 0o666 & ~mask)
            f.write(data)
        os.rename(temp, real)
    except BaseException:  # Ctrl-C, too, leaves nothing behind
        os.unlink(temp)
        raise


def write(path, data):
    """Text or bytes. Raises Bad."""
    try:
        put(path, data.encode() if isinstance(data, str) else data)
    except OSError as e:
        raise runs.Bad(f"{path}: {e.strerror}") from None
