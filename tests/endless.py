"""A worker that does not listen: it loops in Python, sleeps, or stays in machine code that lets no other thread run."""

import ctypes
import os
import sys
import time
from multiprocessing.connection import Connection

from simcore.processes import follow_caller

WAYS = {
    "loops": lambda: sum(range(10**12)),
    "sleeps": lambda: time.sleep(1000.0),
    "holds the lock": lambda: ctypes.PyDLL(None).sleep(1000),
}

if __name__ == "__main__":
    follow_caller(int(sys.argv[2]))
    Connection(int(sys.argv[1])).send(os.getpid())
    WAYS[os.environ["ENDLESS"]]()
