"""What a process that loads a model may still do: read Python's own files, compute, write to what it was given.

Loading a model may run what its author wrote. So the process that does it first gives up, for good and for all of its
threads to come, whatever would let such code reach other processes, the network, or the files of others:

- A seccomp filter refuses sockets, other programs and processes, and the memory of other processes. Without it nothing
  is loaded. It needs no privilege (Linux, Documentation/userspace-api/seccomp_filter.rst).
- Landlock refuses all files but those that Python itself consists of, all writing, and signals to others, where the
  kernel has it: Linux 5.13, with signals since 6.12 (Documentation/userspace-api/landlock.rst).
- Limits on processor time, on the size of a file, on open files; no core dump.

Descriptors that are open already stay usable. Nothing here imports what is not Python's own.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# include/uapi/linux/prctl.h
PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38
SECCOMP_MODE_FILTER = 2
EPERM, ENOSYS = 1, 38
OPEN_FILES = 256

# What is refused, and by which number it goes where (arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h); 64-bit ARM has no fork and vfork.
REFUSED: Mapping[str, tuple[int, int | None]] = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "io_uring_setup": (425, 425),  # opens sockets past this filter
    "execve": (59, 221),
    "execveat": (322, 281),
    "fork": (57, None),
    "vfork": (58, None),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
}
CLONE, CLONE3 = (56, 220), (435, 435)
CLONE_THREAD = 0x00010000


@dataclass(frozen=True)
class _Machine:
    """``column`` of the numbers above; ``arch`` as the filter sees it (include/uapi/linux/audit.h)."""

    column: int
    arch: int


MACHINES = {"x86_64": _Machine(0, 0xC000003E), "aarch64": _Machine(1, 0xC00000B7)}
_X32 = 0x40000000


class Unconfined(Exception):
    """This system cannot confine a process; the message says what is missing."""


def reason_against() -> str:
    """Why no process can be confined here; empty where one can."""
    if sys.platform != "linux" or platform.machine() not in MACHINES or struct.calcsize("P") != 8:
        return (
            f"found {sys.platform} on {platform.machine()}, expected 64-bit Linux on {' or '.join(MACHINES)}: only "
            "there can what a model runs be kept from the network and from other processes"
        )
    return ""


def keep_memory_private() -> None:
    """Let no other process of the same user read this one's memory or environment, and write no core dump.

    A program that this one is replaced by is readable again (prctl(2), PR_SET_DUMPABLE).
    """
    if sys.platform == "linux":
        _libc().prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def confine(largest_file: int, seconds: int) -> None:
    """Give up what the module's docstring says; ``largest_file`` in bytes, ``seconds`` of processor time.

    Raises:
        Unconfined: the system cannot do it.
    """
    why = reason_against()
    if why:
        raise Unconfined(why)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, seconds)
    _limit(resource.RLIMIT_FSIZE, largest_file)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    libc = _libc()
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise _failed("PR_SET_NO_NEW_PRIVS")
    _landlock(libc, pythons_own())
    _seccomp(libc, MACHINES[platform.machine()])


def pythons_own() -> list[str]:
    """What Python, its packages and the C library read."""
    of_python = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sys.path}
    of_system = {
        "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache",
        "/etc/localtime", "/dev/null", "/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo",
        "/sys/devices/system/cpu", "/sys/fs/cgroup",
    }  # fmt: skip
    return sorted(path for path in of_python | of_system if os.path.isabs(path) and os.path.exists(path))


def reason_against_beside(secret: str) -> str:
    """Why what a model runs could read this file; empty where it cannot."""
    if not landlock_version():
        return f"found no Landlock in this kernel, without which what a model runs could read {secret}"
    real = os.path.realpath(secret)
    for path in map(os.path.realpath, pythons_own()):
        if os.path.commonpath((real, path)) == path:
            return f"found {secret} within {path}, which Python reads; expected it elsewhere"
    return ""


def landlock_version() -> int:
    """Which version of Landlock the kernel has; 0 for none."""
    return max(0, int(_libc().syscall(_LANDLOCK_CREATE, None, 0, _LANDLOCK_VERSION)))


def _limit(which: int, most: int) -> None:
    _, hard = resource.getrlimit(which)
    value = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (value, value))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _failed(what: str) -> Unconfined:
    return Unconfined(f"{what} failed: {os.strerror(ctypes.get_errno())}")


# One instruction of a filter: code, jump if true, jump if false, operand (include/uapi/linux/filter.h).
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
# Where the number, the machine and the low half of the first argument are (struct seccomp_data).
_NUMBER, _ARCH, _FIRST = 0, 4, 16


def seccomp_filter(machine: _Machine) -> bytes:
    """The filter's program."""

    def step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_true, if_false, operand)

    refuse = step(_RETURN, _ERRNO | EPERM)
    program = [
        step(_LOAD, _ARCH), step(_EQUAL, machine.arch, 1), refuse,
        step(_LOAD, _NUMBER), step(_AT_LEAST, _X32, 0, 1), refuse,
    ]  # fmt: skip
    for numbers in REFUSED.values():
        number = numbers[machine.column]
        if number is not None:
            program += [step(_EQUAL, number, 0, 1), refuse]
    # Its flags lie in memory, where a filter cannot look: the C library then does the same by clone.
    program += [step(_EQUAL, CLONE3[machine.column], 0, 1), step(_RETURN, _ERRNO | ENOSYS)]
    # Threads, but no processes.
    program += [step(_EQUAL, CLONE[machine.column], 0, 3), step(_LOAD, _FIRST), step(_ANY_BIT, CLONE_THREAD, 1), refuse]
    return b"".join([*program, step(_RETURN, _ALLOW)])


def _seccomp(libc: ctypes.CDLL, machine: _Machine) -> None:
    program = seccomp_filter(machine)
    steps = ctypes.create_string_buffer(program, len(program))
    whole = struct.pack("HP", len(program) // 8, ctypes.addressof(steps))
    if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.create_string_buffer(whole, len(whole)), 0, 0):
        raise _failed("PR_SET_SECCOMP")


# include/uapi/linux/landlock.h; the numbers of these calls are the same on all machines.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_LANDLOCK_VERSION, _PATH_BENEATH = 1, 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# How many kinds of access to files each version knows, up to the fifth.
_KINDS = {1: 13, 2: 14, 3: 15, 4: 15}
_ALL_TCP, _SIGNALS_AND_ABSTRACT_SOCKETS = 0b11, 0b11


def _landlock(libc: ctypes.CDLL, readable: Iterable[str]) -> None:
    version = landlock_version()
    if not version:
        return
    handled = [(1 << _KINDS.get(version, 16)) - 1]
    handled += [_ALL_TCP] if version >= 4 else []
    handled += [_SIGNALS_AND_ABSTRACT_SOCKETS] if version >= 6 else []
    attributes = struct.pack(f"{len(handled)}Q", *handled)
    rules = int(libc.syscall(_LANDLOCK_CREATE, attributes, len(attributes), 0))
    if rules < 0:
        raise _failed("landlock_create_ruleset")
    try:
        for path in readable:
            _allow(libc, rules, path)
        if libc.syscall(_LANDLOCK_RESTRICT, rules, 0):
            raise _failed("landlock_restrict_self")
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        access = _READ_FILE | (_READ_DIR if os.path.isdir(path) else 0)
        rule = struct.pack("=Qi", access, descriptor)
        if libc.syscall(_LANDLOCK_ADD, rules, _PATH_BENEATH, rule, 0):
            raise _failed("landlock_add_rule")
    finally:
        os.close(descriptor)
