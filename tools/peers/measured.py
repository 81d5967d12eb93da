#!/usr/bin/env python3
"""Runs a program and writes {"seconds", "peak", "busy"} to a file: wall time, peak memory in bytes, and how many cores
other programs used meanwhile.

What the system says of a child's peak memory includes that of its parent when it was started. So whoever starts a
program to measure it must be small: a process of its own, which imports next to nothing.

usage: measured.py FILE PROGRAM [ARGUMENT...]
"""
import os
import sys
import time


def used():
    """Seconds of all cores since the start of the machine, those that its host took away included."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, interrupts, soft, stolen = map(int, file.readline().split()[1:9])
    return (user + nice + system + interrupts + soft + stolen) / os.sysconf("SC_CLK_TCK")


before = used()
begin = time.perf_counter()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
seconds = time.perf_counter() - begin
busy = max(0.0, used() - before - usage.ru_utime - usage.ru_stime) / seconds
with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write(f'{{"seconds": {seconds!r}, "peak": {usage.ru_maxrss * 1024}, "busy": {busy!r}}}')
code = os.waitstatus_to_exitcode(status)
sys.exit(code if code >= 0 else 128 - code)
