"""Functions see and change their own files only."""

from pathlib import Path

from tests.security.conftest import NODE_SECRET, Attack
from tests.support.invoking import succeed
from tests.support.server import Server, zip_of

_REFUSED = {"EROFS", "EACCES", "EPERM", "ENOENT", "EXDEV", "EBUSY", "ETXTBSY", "ENXIO"}
_DESCRIPTORS_MAX = 8


def test_nothing_outside_tmp_can_be_written(node: Server, attack: Attack) -> None:
    outcomes = attack(node, "files.write_outside_tmp").value
    assert {place: outcome for place, outcome in outcomes.items() if outcome not in _REFUSED} == {}


def test_the_files_of_the_host_are_not_there(node: Server, attack: Attack) -> None:
    data = node.data_directory
    places = [
        "/etc/shadow", "/etc/hostname", "/etc/machine-id", "/etc/ssl/private", "/root", "/home", "/mnt", "/srv", "/work", "/sys",
        "/run", "/boot",
        "/var/log", "/var/run", "/dev/shm", "/proc/1/environ", "/proc/1/root", "/proc/1/cwd", "/proc/1/maps", "/proc/kcore", "/proc/kmsg",
        str(Path(__file__)), str(Path.home()), str(data), str(data / "code"), str(data / "store" / "nats-server.conf"),
        "/.alonzo/code", "/.alonzo/tmp", "/.alonzo/dev", "/proc/self/cwd/../../../etc/shadow", "/tmp/../../../root",
    ]  # fmt: skip
    outcomes = attack(node, "files.read", places).value
    empty = {"/proc/kcore"}  # replaced by /dev/null
    assert {place: outcome for place, outcome in outcomes.items() if outcome not in _REFUSED and place not in empty} == {}


def test_another_functions_code_is_not_to_be_found(node: Server, attack: Attack) -> None:
    mark = "marked-for-the-search"
    node.client("lambda").create_function(
        FunctionName=mark,
        Runtime="python3.11",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/test",
        Code={"ZipFile": zip_of({"app.py": "def handler(event, context):\n    return 1\n", f"{mark}.txt": "secret"})},
        Environment={"Variables": {"MARK": mark}},
    )
    node.wait_until_settled(mark)
    assert succeed(node, mark) == 1
    assert attack(node, "files.find", mark).value == []


def test_the_environment_of_the_node_is_nowhere(host_network: Server, attack: Attack) -> None:
    assert attack(host_network, "files.find", NODE_SECRET).value == []


def test_a_sandbox_has_what_it_needs_and_no_privilege(node: Server, attack: Attack) -> None:
    seen = attack(node, "files.look_around").value
    assert seen["processes"] == [seen["own"]]
    status = seen["status"]
    assert {name: int(status[name], 16) for name in status if name.startswith("Cap")} == dict.fromkeys(
        ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0
    )
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert status["Uid"].split() == ["993"] * 4
    assert set(seen["devices"]) <= {"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr"}
    assert all(line.endswith(":/") for line in seen["cgroup"].splitlines())
    assert set(seen["descriptors"]) >= {"0", "1", "2", "62"}
    assert len(seen["descriptors"]) <= _DESCRIPTORS_MAX
    assert not any("alonzo" in target for target in seen["descriptors"].values())
    assert "ALONZO_TEST_SECRET" not in seen["variables"]


def test_every_mount_but_tmp_is_read_only_and_none_honours_set_user_id(node: Server, attack: Attack) -> None:
    mounts = {fields[4]: set(fields[5].split(",")) for fields in attack(node, "files.look_around").value["mounts"]}
    places = {place: options for place, options in mounts.items() if not place.startswith("/dev/")}
    assert {place for place, options in places.items() if "nosuid" not in options} == set()
    assert {place for place, options in places.items() if "ro" not in options} <= {"/tmp", "/proc"}


def test_links_in_tmp_lead_nowhere(node: Server, attack: Attack) -> None:
    outcomes = attack(node, "files.follow_links").value
    assert {target: outcome for target, outcome in outcomes.items() if outcome not in _REFUSED} == {}


def test_set_user_id_programs_give_nothing(node: Server, attack: Attack) -> None:
    outcome = attack(node, "files.become_root").value
    assert outcome["own"] == "993"
    assert outcome["su"] != 0
    assert {outcome[name] for name in ("setuid", "setgid", "chown")} <= {"EPERM", "EINVAL"}
    assert outcome["setgroups"] == "EPERM"


def test_there_are_no_devices(node: Server, attack: Attack) -> None:
    outcomes = attack(node, "files.open_devices").value
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in {"ENOENT", "EPERM", "EACCES", "ENXIO"}} == {}


def test_poisoning_the_memory_that_came_from_the_zygote_hurts_oneself_only(node: Server, attack: Attack) -> None:
    poisoned = attack(node, "files.poison_memory")
    assert poisoned.error or poisoned.value["now"] == "poisoned"
    assert all(text.startswith("3.11.") for text in attack(node, "files.tell_version").value)
