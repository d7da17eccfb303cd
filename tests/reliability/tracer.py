"""A syscall tracer in plain Python, for machines without root and without strace: `python tracer.py OUT COMMAND…`.

It runs a command and writes, in the order in which they happened, its calls that receive, send and flush. A parent may
trace its children without any right (Yama's default included). A seccomp filter lets all other calls run at full
speed; PTRACE_GET_SYSCALL_INFO (Linux 5.3) reads arguments alike on every architecture.

A line of OUT is `{"call", "path", "data"}`: what was received, at the end of the call; what is about to be sent, at its
beginning; and for a flush both, as `fsync begins` and `fsync` (or fdatasync).
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import signal
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

CALLS = {
    "x86_64": {44: "sendto", 45: "recvfrom", 46: "sendmsg", 74: "fsync", 75: "fdatasync"},
    "aarch64": {206: "sendto", 207: "recvfrom", 211: "sendmsg", 82: "fsync", 83: "fdatasync"},
}
"""The numbers of the calls that are traced (asm/unistd_64.h, asm-generic/unistd.h)."""

DATA_BYTES = 1 << 16

TRACEME, CONT, SYSCALL, SETOPTIONS, SYSCALL_INFO = 0, 7, 24, 0x4200, 0x420E
SYSGOOD, FORK, VFORK, CLONE, SECCOMP, EXITKILL = 1, 2, 4, 8, 0x80, 0x100000
EVENT_SECCOMP = 7
SET_NO_NEW_PRIVS, SET_SECCOMP, MODE_FILTER = 38, 22, 2
RET_TRACE, RET_ALLOW = 0x7FF00000, 0x7FFF0000
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def _ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> None:
    """Raises OSError; ESRCH where the thread has just been killed."""
    if libc.ptrace(request, pid, address, data) == -1:
        raise OSError(ctypes.get_errno(), f"ptrace {request:#x} of {pid}")


def _filter(numbers: list[int]) -> None:
    """Have these calls of this process, and of all that it becomes, reported to its tracer."""

    def statement(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("HBBI", code, if_true, if_false, value)

    program = statement(LOAD_NUMBER, 0)
    for place, number in enumerate(numbers):
        program += statement(JUMP_IF_EQUAL, number, if_true=len(numbers) - place)
    program += statement(RETURN, RET_ALLOW) + statement(RETURN, RET_TRACE)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(buffer))
    for arguments in ((SET_NO_NEW_PRIVS, 1, 0), (SET_SECCOMP, MODE_FILTER, ctypes.c_char_p(header))):
        if libc.prctl(*arguments, 0, 0) == -1:
            raise OSError(ctypes.get_errno(), "prctl")


@dataclass(slots=True)
class Call:
    """A call under way."""

    name: str
    descriptor: int
    address: int
    path: str


class Tracer:
    """Traces one process with all its threads and children."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._names = CALLS[platform.machine()]
        self._under_way: dict[int, Call] = {}
        self._info = ctypes.create_string_buffer(88)

    def run(self, command: list[str]) -> int:
        """Its exit status, as `subprocess` gives it."""
        root = os.fork()
        if root == 0:
            self._become(command)
        os.waitpid(root, WALL)
        _ptrace(SETOPTIONS, root, 0, SYSGOOD | FORK | VFORK | CLONE | SECCOMP | EXITKILL)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda given, _frame: os.kill(root, given))
        _ptrace(CONT, root)
        while True:
            pid, status = os.waitpid(-1, WALL)
            if os.WIFSTOPPED(status):
                self._stopped(pid, status)
            else:
                self._under_way.pop(pid, None)
                if pid == root:
                    return os.waitstatus_to_exitcode(status)

    def _become(self, command: list[str]) -> None:
        try:
            _ptrace(TRACEME, 0)
            os.kill(os.getpid(), signal.SIGSTOP)
            _filter(list(self._names))
            os.execvp(command[0], command)  # noqa: S606 (no shell: the command is the caller's own)
        finally:
            os._exit(127)

    def _stopped(self, pid: int, status: int) -> None:
        number, event = os.WSTOPSIG(status), status >> 16
        try:
            if event == EVENT_SECCOMP:
                self._begins(pid)
                _ptrace(SYSCALL, pid)
            elif number == signal.SIGTRAP | 0x80:
                self._ends(pid)
                _ptrace(CONT, pid)
            else:
                ours = event or number in (signal.SIGTRAP, signal.SIGSTOP)
                _ptrace(CONT, pid, 0, 0 if ours else number)
        except ProcessLookupError:
            pass

    def _begins(self, pid: int) -> None:
        _ptrace(SYSCALL_INFO, pid, len(self._info), ctypes.addressof(self._info))
        number, descriptor, address, length = struct.unpack_from("QQQQ", self._info, 24)
        try:
            path = str(Path(f"/proc/{pid}/fd/{descriptor}").readlink())
        except OSError:
            path = ""
        call = Call(self._names[number], descriptor, address, path)
        self._under_way[pid] = call
        if call.name == "sendto":
            self._write(call.name, path, _read(pid, address, length))
        elif call.name == "sendmsg":
            vectors, count = struct.unpack_from("QQ", _read(pid, address, 56), 16)
            pieces = struct.iter_unpack("QQ", _read(pid, vectors, 16 * count))
            self._write(call.name, path, b"".join(_read(pid, at, size) for at, size in pieces))
        elif call.name != "recvfrom":
            self._write(f"{call.name} begins", path)

    def _ends(self, pid: int) -> None:
        call = self._under_way.pop(pid, None)
        if call is None:
            return
        _ptrace(SYSCALL_INFO, pid, len(self._info), ctypes.addressof(self._info))
        (result,) = struct.unpack_from("q", self._info, 24)
        if call.name == "recvfrom" and result > 0:
            self._write(call.name, call.path, _read(pid, call.address, result))
        elif call.name in ("fsync", "fdatasync") and result == 0:
            self._write(call.name, call.path)

    def _write(self, name: str, path: str, data: bytes = b"") -> None:
        self._out.write(json.dumps({"call": name, "path": path, "data": data.decode("latin-1")}) + "\n")
        self._out.flush()


def _read(pid: int, address: int, length: int) -> bytes:
    """Another process's memory, `DATA_BYTES` at most."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(min(length, DATA_BYTES))


def missing() -> str | None:
    """Why nothing can be traced here; None where it can."""
    if platform.machine() not in CALLS:
        return f"the tracer does not know the calls of {platform.machine()}"
    nothing = [sys.executable, "-I", "-S", "-c", ""]
    tried = subprocess.run([sys.executable, "-I", __file__, os.devnull, *nothing], capture_output=True, text=True)
    return f"this system lets nobody trace: {tried.stderr.strip()[-300:]}" if tried.returncode else None


def main() -> int:
    """Trace the command."""
    with Path(sys.argv[1]).open("w", encoding="utf-8") as out:
        return Tracer(out).run(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
