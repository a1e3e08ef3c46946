"""The filter of system calls, run by an interpreter of its instructions for both machines."""

import errno

import pytest

from lorekeep_parser.sandbox import seccomp

_ALLOWED = 0
_X32 = 0x40000000
_I386 = 0x40000003
# Number on x86_64, number on aarch64: from the kernel's own tables, written down apart from the code.
_READ, _WRITE, _CLONE, _CLONE3 = (0, 63), (1, 64), (56, 220), (435, 435)
_SOCKET, _SOCKETPAIR, _CONNECT, _PTRACE, _KILL, _PRLIMIT = (
    (41, 198),
    (53, 199),
    (42, 203),
    (101, 117),
    (62, 129),
    (302, 261),
)
_EXECVE, _MMAP, _FUTEX, _RECVFROM = (59, 221), (9, 222), (202, 98), (45, 207)
_DENIED = [
    _PTRACE, _CONNECT, (49, 200), (50, 201), (43, 202), (288, 242),  # bind, listen, accept, accept4
    (310, 270), (311, 271), (165, 40), (166, 39), (155, 41), (161, 51), (272, 97), (308, 268),  # ... setns
    (321, 280), (298, 241), (425, 425), (426, 426), (427, 427), (250, 219), (248, 217), (249, 218),  # ... request_key
    (246, 104), (320, 294), (175, 105), (313, 273), (323, 282), (304, 265), (303, 264), (169, 142), (167, 224),
    (112, 157), (109, 154), (438, 438), (424, 424),  # setsid, setpgid, pidfd_getfd, pidfd_send_signal
    (141, 140), (144, 119), (142, 118), (314, 274), (251, 30), (256, 238), (279, 239),  # setpriority ... move_pages
    (91, 52), (268, 53), (452, 452), (93, 55), (260, 54), (188, 5), (189, 6), (190, 7), (319, 279),  # ... memfd_create
]  # fmt: skip


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> seccomp.Machine:
    return seccomp.MACHINES[request.param]


def _error(machine: seccomp.Machine, number: int, *arguments: int, audit_word: int | None = None) -> int:
    """The error number that a call gets; 0 where it is allowed."""
    data = {0: number, 4: machine.audit_word if audit_word is None else audit_word}
    for index, each in enumerate((*arguments, *[0] * (6 - len(arguments)))):
        data[16 + 8 * index], data[20 + 8 * index] = each & 0xFFFFFFFF, (each >> 32) & 0xFFFFFFFF
    steps = seccomp.program(machine)
    at, held = 0, 0
    while True:
        code, when_true, when_false, operand = steps[at]
        at += 1
        if code == 0x20:
            held = data[operand]
        elif code == 0x54:
            held &= operand
        elif code == 0x15:
            at += when_true if held == operand else when_false
        elif code == 0x35:
            at += when_true if held >= operand else when_false
        else:
            assert code == 0x06
            return operand & 0xFFFF if operand >> 16 == 0x0005 else _ALLOWED


@pytest.mark.parametrize("number", _DENIED)
def test_denied(machine: seccomp.Machine, number: tuple[int, int]) -> None:
    assert _error(machine, number[machine.column], 1) == errno.EPERM


@pytest.mark.parametrize("number", [_READ, _WRITE, _EXECVE, _MMAP, _FUTEX, _RECVFROM])
def test_what_reading_takes_is_allowed(machine: seccomp.Machine, number: tuple[int, int]) -> None:
    assert _error(machine, number[machine.column], 0xFFFFFFFF) == _ALLOWED


def test_calls_of_another_machine_are_denied(machine: seccomp.Machine) -> None:
    others = {each.audit_word for each in seccomp.MACHINES.values()} - {machine.audit_word}
    for word in (*others, _I386, 0):
        assert _error(machine, _READ[machine.column], audit_word=word) == errno.EPERM


def test_the_second_numbering_of_x86_64_is_denied() -> None:
    machine = seccomp.MACHINES["x86_64"]
    for number in (*_READ, *_SOCKET, _PTRACE[0]):
        assert _error(machine, _X32 | number) == errno.EPERM


@pytest.mark.parametrize("number", [_SOCKET, _SOCKETPAIR])
def test_no_socket_is_made(machine: seccomp.Machine, number: tuple[int, int]) -> None:
    for family in range(48):
        assert _error(machine, number[machine.column], family) == errno.EPERM


def test_threads_and_processes_but_no_namespaces(machine: seccomp.Machine) -> None:
    clone = _CLONE[machine.column]
    assert _error(machine, clone, 0x3D0F00) == _ALLOWED  # as pthread_create calls it
    assert _error(machine, clone, 17) == _ALLOWED  # as fork does: SIGCHLD
    for bit in (0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000):
        assert _error(machine, clone, bit | 17) == errno.EPERM
    assert _error(machine, _CLONE3[machine.column]) == errno.ENOSYS


def test_signals_and_limits_of_one_process(machine: seccomp.Machine) -> None:
    kill, prlimit = _KILL[machine.column], _PRLIMIT[machine.column]
    assert _error(machine, kill, 4711, 9) == _ALLOWED
    assert _error(machine, kill, 0xFFFFFFFF, 9) == errno.EPERM
    assert _error(machine, kill, 2**64 - 4711, 9) == errno.EPERM
    assert _error(machine, prlimit, 0, 7) == _ALLOWED
    assert _error(machine, prlimit, 4711, 7) == errno.EPERM
    affinity = (203, 122)[machine.column]
    assert _error(machine, affinity, 0) == _ALLOWED
    assert _error(machine, affinity, 4711) == errno.EPERM


def test_no_jump_is_too_far(machine: seccomp.Machine) -> None:
    steps = seccomp.program(machine)
    assert steps[-1][0] == 0x06
    for at, (_, when_true, when_false, _) in enumerate(steps[:-1]):
        assert at + 1 + max(when_true, when_false) < len(steps)
        assert max(when_true, when_false) < 256
