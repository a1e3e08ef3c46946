"""System calls that a child may not make, as a filter of the kernel's own (classic BPF), for x86_64 and aarch64.

Denied is what a reader of documents has no use for: the network, other processes, mounts and namespaces, the kernel's
larger doors (bpf, io_uring, userfaultfd, keys), and what outlives a process group or a process. A denied call fails
with EPERM, so that a library which tries goes on as it does where a container refuses. The filter is inherited by all
that the child starts, tesseract and LibreOffice included, and nobody can take it off.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_ALLOW = 0x7FFF0000
_EPERM = 0x00050000 | 1
# glibc asks clone3 first, whose flags a filter cannot see, and takes clone where there is none.
_ENOSYS = 0x00050000 | 38
_LOAD, _EQUALS, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
# CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. NEWTIME shares its bit with the signal sent
# at the end, and is of use to unshare and clone3 alone.
_NAMESPACES = 0x7E020000
_NEGATIVE = 0x80000000

# Number on x86_64, number on aarch64; None: not there.
_NETWORK = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
}
_DENIED: dict[str, tuple[int | None, int | None]] = {
    # other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "kcmp": (312, 272),
    "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240),
    # Their share of the processor, of the disk and of memory nodes: those of the same user may be starved by it.
    "setpriority": (141, 140), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "ioprio_set": (251, 30), "migrate_pages": (256, 238), "move_pages": (279, 239),
    # Leaving the process group, by which a child and all that it started are killed.
    "setsid": (112, 157), "setpgid": (109, 154),
    # mounts and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    # the kernel's larger doors
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "memfd_secret": (447, 447), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "modify_ldt": (154, None), "iopl": (172, None),
    "ioperm": (173, None), "uselib": (134, None), "personality": (135, 92), "lookup_dcookie": (212, 18),
    # Files by handle go round directories that are closed.
    "open_by_handle_at": (304, 265), "name_to_handle_at": (303, 264), "fanotify_init": (300, 262),
    # Whose a file is and who may use it: Landlock does not hold these.
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16), "setxattrat": (463, 463), "removexattrat": (466, 466),
    # the machine
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273),
    "delete_module": (176, 106), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225), "acct": (163, 89),
    "quotactl": (179, 60), "quotactl_fd": (443, 443), "syslog": (103, 116), "vhangup": (153, 58),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "sethostname": (170, 161), "setdomainname": (171, 162),
    # Memory and queues that stay when the process is gone, or that no bound of a process counts; devices.
    "memfd_create": (319, 279),
    "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180), "mknod": (133, None),
    "mknodat": (259, 33),
}  # fmt: skip


@dataclass(frozen=True)
class Machine:
    """A processor as filters see it: the kernel's word for it, and which column of the tables is its."""

    audit_word: int
    column: int
    x32: bool


MACHINES = {"x86_64": Machine(0xC000003E, 0, True), "aarch64": Machine(0xC00000B7, 1, False)}


@dataclass(frozen=True)
class _Rule:
    """A call that is allowed where `argument & mask == value`, and denied elsewhere."""

    numbers: tuple[int, int]
    argument: int
    mask: int
    value: int


_RULES = (
    _Rule((56, 220), 0, _NAMESPACES, 0),  # clone: threads and processes, no namespaces
    _Rule((62, 129), 0, _NEGATIVE, 0),  # kill: one process, not all that can be reached
    _Rule((302, 261), 0, 0xFFFFFFFF, 0),  # prlimit64: of this process alone
    _Rule((203, 122), 0, 0xFFFFFFFF, 0),  # sched_setaffinity: so too
)
_CLONE3 = 435


def program(machine: Machine) -> list[tuple[int, int, int, int]]:
    """The filter as instructions (code, jump if true, jump if false, operand)."""
    steps = [(_LOAD, 0, 0, _MACHINE_AT), (_EQUALS, 1, 0, machine.audit_word), (_RETURN, 0, 0, _EPERM)]
    steps.append((_LOAD, 0, 0, _NUMBER_AT))
    if machine.x32:
        steps += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _EPERM)]
    for numbers in (_DENIED | _NETWORK).values():
        number = numbers[machine.column]
        if number is not None:
            steps += [(_EQUALS, 0, 1, number), (_RETURN, 0, 0, _EPERM)]
    for rule in _RULES:
        steps += _steps(rule, machine)
    return [*steps, (_EQUALS, 0, 1, _CLONE3), (_RETURN, 0, 0, _ENOSYS), (_RETURN, 0, 0, _ALLOW)]


def _steps(rule: _Rule, machine: Machine) -> list[tuple[int, int, int, int]]:
    return [
        (_EQUALS, 0, 5, rule.numbers[machine.column]),
        (_LOAD, 0, 0, _ARGUMENTS_AT + 8 * rule.argument),  # the lower half: both machines are little-endian
        (_AND, 0, 0, rule.mask),
        (_EQUALS, 0, 1, rule.value),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _EPERM),
    ]


def no_new_privileges() -> None:
    """From now on no program started here gets more rights than it has now. OSError where the kernel refuses."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def install() -> None:
    """Puts the filter on this thread and all that comes of it; OSError where the kernel has none of its kind."""
    machine = MACHINES.get(platform.machine())
    if machine is None or struct.calcsize("P") != 8:
        raise OSError(f"no filter is written for {platform.machine()}")
    put(program(machine))


def put(steps: Iterable[tuple[int, int, int, int]]) -> None:
    """Puts a filter of these instructions on this thread and all that comes of it."""
    packed = b"".join(struct.pack("=HBBI", *step) for step in steps)
    code = ctypes.create_string_buffer(packed, len(packed))
    described = struct.pack("@HP", len(packed) // 8, ctypes.addressof(code))
    _prctl(_PR_SET_SECCOMP, _MODE_FILTER, described)


def _prctl(option: int, first: int, second: bytes | None = None) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    nothing = ctypes.c_ulong(0)
    if libc.prctl(option, ctypes.c_ulong(first), second or nothing, nothing, nothing) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
