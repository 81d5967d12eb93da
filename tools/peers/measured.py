#!/usr/bin/env python3
"""Runs a program and writes {"seconds", "peak"} (wall time; peak memory in bytes) to a file.

What the system says of a child's peak memory includes that of its parent when it was started. So whoever starts a
program to measure it must be small: a process of its own, which imports next to nothing.

usage: measured.py FILE PROGRAM [ARGUMENT...]
"""
import os
import sys
import time

begin = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - begin
with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write(f'{{"seconds": {seconds!r}, "peak": {usage.ru_maxrss * 1024}}}')
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
