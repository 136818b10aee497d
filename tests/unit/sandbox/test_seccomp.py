"""The system call filter, run by a small interpreter of classic BPF as the kernel would run it (seccomp(2), linux/filter.h)."""

import errno
import struct

import pytest

from alonzo.errors import SetupError
from alonzo.sandbox.seccomp import filter_program

ALLOWED, KILLED = "allowed", "killed"
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
MAX_INSTRUCTIONS = 4_096

CALLS = {
    "x86_64": {
        "read": 0, "write": 1, "mmap": 9, "ioctl": 16, "socket": 41, "clone": 56, "fork": 57, "execve": 59, "kill": 62,
        "ptrace": 101, "mount": 165, "reboot": 169, "keyctl": 250, "unshare": 272, "setns": 308, "process_vm_readv": 310,
        "bpf": 321, "io_uring_setup": 425, "clone3": 435, "openat2": 437, "futex": 202, "getrandom": 318,
        "memfd_create": 319, "seccomp": 317, "mseal": 462,
    },
    "aarch64": {
        "read": 63, "write": 64, "mmap": 222, "ioctl": 29, "socket": 198, "clone": 220, "execve": 221, "kill": 129,
        "ptrace": 117, "mount": 40, "reboot": 142, "keyctl": 219, "unshare": 97, "setns": 268, "process_vm_readv": 270,
        "bpf": 280, "io_uring_setup": 425, "clone3": 435, "openat2": 437, "futex": 98, "getrandom": 278,
        "memfd_create": 279, "seccomp": 277, "mseal": 462,
    },
}  # fmt: skip
"""Numbers from Linux's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h."""

ORDINARY = ("read", "write", "mmap", "execve", "kill", "openat2", "futex", "getrandom", "memfd_create", "seccomp", "mseal")
REFUSED = ("ptrace", "mount", "reboot", "keyctl", "unshare", "setns", "process_vm_readv", "bpf", "io_uring_setup")
THREAD_FLAGS, FORK_FLAGS = 0x003D0F00, 0x01200011
NEW_NAMESPACES = {"time": 0x80, "mount": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000, "user": 0x10000000}
NEW_NAMESPACES |= {"pid": 0x20000000, "net": 0x40000000}


def run(machine: str, number: int, *arguments: int, architecture: int | None = None) -> str | int:
    """What the filter answers a call: allowed, killed, or the error number."""
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("<iIQ6Q", number, ARCHITECTURES[machine] if architecture is None else architecture, 0, *given)
    program = [struct.unpack_from("<HBBI", filter_program(machine), offset) for offset in range(0, len(filter_program(machine)), 8)]
    position, accumulator = 0, 0
    while True:
        code, on_true, on_false, operand = program[position]
        position += 1
        if code == 0x20:
            accumulator = struct.unpack_from("<I", data, operand)[0]
        elif code == 0x06:
            return {0x7FFF0000: ALLOWED, 0x80000000: KILLED}.get(operand) or operand & 0xFFFF
        else:
            tests = {0x15: accumulator == operand, 0x35: accumulator >= operand, 0x45: bool(accumulator & operand)}
            position += on_true if tests[code] else on_false


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_the_program_is_one_the_kernel_takes(machine: str) -> None:
    program = filter_program(machine)
    assert len(program) % 8 == 0
    assert 0 < len(program) // 8 <= MAX_INSTRUCTIONS
    for index in range(len(program) // 8):
        code, on_true, on_false, _ = struct.unpack_from("<HBBI", program, index * 8)
        assert code in {0x20, 0x15, 0x35, 0x45, 0x06}
        if code in {0x15, 0x35, 0x45}:
            assert index + 1 + max(on_true, on_false) < len(program) // 8
    assert code == 0x06


def test_calls_of_another_architecture_kill(machine: str) -> None:
    assert run(machine, 0, architecture=0x40000003) == KILLED  # AUDIT_ARCH_I386: the other numbering of system calls


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_calls_are_allowed(machine: str, name: str) -> None:
    assert run(machine, CALLS[machine][name]) == ALLOWED


@pytest.mark.parametrize("name", REFUSED)
def test_calls_to_the_kernels_administration_are_refused(machine: str, name: str) -> None:
    assert run(machine, CALLS[machine][name]) == errno.EPERM


def test_calls_newer_than_the_list_do_not_exist(machine: str) -> None:
    assert [run(machine, number) for number in (463, 500, 0x3FFFFFFF)] == [errno.ENOSYS] * 3


def test_the_x32_numbering_does_not_exist() -> None:
    for name in ("read", "ptrace", "mount"):
        assert run("x86_64", 0x40000000 | CALLS["x86_64"][name]) == errno.ENOSYS


def test_a_negative_number_does_not_exist(machine: str) -> None:
    assert run(machine, -1) == errno.ENOSYS


def test_threads_and_forks_are_allowed(machine: str) -> None:
    assert run(machine, CALLS[machine]["clone"], THREAD_FLAGS) == ALLOWED
    assert run(machine, CALLS[machine]["clone"], FORK_FLAGS) == ALLOWED
    assert run(machine, CALLS[machine]["clone3"]) == errno.ENOSYS


@pytest.mark.parametrize("kind", NEW_NAMESPACES)
def test_new_namespaces_are_refused(machine: str, kind: str) -> None:
    assert run(machine, CALLS[machine]["clone"], FORK_FLAGS | NEW_NAMESPACES[kind]) == errno.EPERM


FAMILIES = {1: ALLOWED, 2: ALLOWED, 10: ALLOWED, 16: ALLOWED, 0: 97, 17: 97, 38: 97, 40: 97}


@pytest.mark.parametrize(("family", "answer"), FAMILIES.items())
def test_sockets_are_those_of_ordinary_programs(machine: str, family: int, answer: str | int) -> None:
    assert run(machine, CALLS[machine]["socket"], family, 3) == answer


@pytest.mark.parametrize(("request_number", "answer"), [(0x5401, ALLOWED), (0x5412, 1), (0x541C, 1), (0x401C5820, 1), (0x5413, ALLOWED)])
def test_terminals_cannot_be_typed_into(machine: str, request_number: int, answer: str | int) -> None:
    assert run(machine, CALLS[machine]["ioctl"], 0, request_number) == answer


def test_the_upper_half_of_an_argument_does_not_hide_the_lower(machine: str) -> None:
    """The kernel itself looks at the lower 32 bits of these arguments only."""
    assert run(machine, CALLS[machine]["ioctl"], 0, (1 << 32) | 0x5412) == errno.EPERM
    assert run(machine, CALLS[machine]["socket"], (1 << 32) | 17) == errno.EAFNOSUPPORT
    assert run(machine, CALLS[machine]["clone"], (1 << 32) | NEW_NAMESPACES["user"]) == errno.EPERM


def test_what_follows_an_argument_check_sees_the_number_again(machine: str) -> None:
    """The checks of arguments stand one after the other: one must not leave its argument for the next to take for a number."""
    numbers = CALLS[machine]
    for argument in (numbers["socket"], numbers["ioctl"], numbers["ptrace"]):
        assert run(machine, numbers["clone"], argument & ~0x7E020080, 0x5412) == ALLOWED
    assert run(machine, numbers["socket"], 2, 0x5412) == ALLOWED


def test_an_architecture_without_a_table_is_said() -> None:
    with pytest.raises(SetupError, match="riscv64"):
        filter_program("riscv64")
