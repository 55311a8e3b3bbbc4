"""What a function's options and variables ask for, how names resolve, and how the way to the outside is started."""

from __future__ import annotations

import pytest

from runtime_api.sandbox.network import Network, forwarded_ports
from runtime_api.sandbox.network.names import NAMESERVER, hosts_text, name_files, resolver_text
from runtime_api.sandbox.network.outside import Given, Outside, Tool, find_tool, start_of

GIVEN = Given(network=10, users=11, ready=12, lifeline=13, said=14)


# -- loopback ports


@pytest.mark.parametrize(
    ("url", "ports"),
    [
        ("http://localhost:4566", (4566,)),
        ("http://LOCALHOST:4566/", (4566,)),
        ("https://s3.localhost:4566/path?query", (4566,)),
        ("http://127.0.0.1:4566", (4566,)),
        ("http://user:word@[::1]:4566", (4566,)),
        ("http://localhost", (80,)),
        ("https://localhost", (443,)),
        ("http://localhost:0", None),
        ("http://localhost:65536", ()),
        ("http://localhost:x", ()),
        ("http://[::1", ()),
        ("ftp://localhost:21", ()),
        ("localhost:4566", ()),
        ("http://localhost.example.com:4566", ()),
        ("http://notlocalhost:4566", ()),
        ("http://10.0.0.1:4566", ()),
        ("", ()),
    ],
)
def test_a_loopback_url_of_an_aws_service_names_its_port(url: str, ports: tuple[int, ...] | None) -> None:
    if ports is None:
        with pytest.raises(ValueError, match=r"AWS_ENDPOINT_URL names port 0, which is out of range"):
            forwarded_ports(Network.OWN, {"AWS_ENDPOINT_URL": url}, ())
    else:
        assert forwarded_ports(Network.OWN, {"AWS_ENDPOINT_URL": url}, ()) == ports


def test_every_endpoint_variable_counts_and_no_other_one() -> None:
    variables = {
        "AWS_ENDPOINT_URL": "http://localhost:1",
        "AWS_ENDPOINT_URL_S3": "http://localhost:2",
        "AWS_ENDPOINT_URLS": "http://localhost:3",
        "MY_AWS_ENDPOINT_URL": "http://localhost:4",
        "DATABASE_URL": "http://localhost:5",
    }
    assert forwarded_ports(Network.OWN, variables, (7, 2, 7)) == (1, 2, 7)


def test_without_a_way_out_only_ports_that_the_user_names_are_forwarded() -> None:
    assert forwarded_ports(Network.NONE, {"AWS_ENDPOINT_URL": "http://localhost:1"}, (2,)) == (2,)


def test_the_hosts_network_needs_no_forwarding() -> None:
    assert forwarded_ports(Network.HOST, {"AWS_ENDPOINT_URL": "http://localhost:9001"}, (9001, 70_000)) == ()


@pytest.mark.parametrize("port", [0, -1, 65_536, 9001])
def test_a_port_that_cannot_be_forwarded_is_refused_by_name(port: int) -> None:
    with pytest.raises(ValueError, match=f"port {port}, "):
        forwarded_ports(Network.NONE, {}, (port,))


def test_a_variable_that_names_the_port_of_the_runtime_api_is_named() -> None:
    variables = {"AWS_ENDPOINT_URL_S3": "http://localhost:9001"}
    with pytest.raises(ValueError, match="AWS_ENDPOINT_URL_S3 names port 9001, where a function has its Runtime API"):
        forwarded_ports(Network.OWN, variables, ())


def test_too_many_ports_are_refused() -> None:
    with pytest.raises(ValueError, match="101 loopback ports are too many to forward; name at most 100"):
        forwarded_ports(Network.OWN, {}, range(1, 102))


# -- names


@pytest.mark.parametrize(
    ("host", "servers"),
    [
        ("nameserver 192.0.2.1\n", [NAMESERVER]),
        ("nameserver 192.0.2.1\nnameserver 192.0.2.2", [NAMESERVER, "192.0.2.2"]),
        ("nameserver 127.0.0.53\n", [NAMESERVER]),
        ("nameserver 127.0.0.1\nnameserver 192.0.2.1\n", [NAMESERVER, "192.0.2.1"]),
        ("nameserver 192.0.2.1\nnameserver 127.0.0.1\n", [NAMESERVER]),
        ("nameserver ::1\nnameserver 192.0.2.1\nnameserver 192.0.2.2\n", [NAMESERVER, "192.0.2.2"]),
        ("nameserver fe80::1%eth0\n", [NAMESERVER]),
        ("nameserver\nnameserver x.example\n", [NAMESERVER]),
        ("", [NAMESERVER]),
    ],
)
def test_name_servers_are_those_that_are_reached(host: str, servers: list[str]) -> None:
    lines = resolver_text(host.encode()).decode().splitlines()
    assert [line.removeprefix("nameserver ") for line in lines] == servers


def test_the_rest_of_the_resolvers_configuration_is_kept() -> None:
    host = b"# comment\nsearch a.example b.example\noptions ndots:2 edns0\n\xff\nnameserver 127.0.0.53\n"
    text = resolver_text(host).decode()
    assert text.startswith("# comment\nsearch a.example b.example\noptions ndots:2 edns0\n")


@pytest.mark.parametrize(("network", "outside"), [("host", True), ("none", False), ("own", False)])
def test_without_a_way_out_the_resolvers_configuration_is_the_hosts(network: str, outside: bool) -> None:
    with open("/etc/resolv.conf", "rb") as file:  # noqa: PTH123
        assert name_files(Network(network), outside=outside)["/etc/resolv.conf"] == file.read()


def test_the_names_of_the_sandbox_stand_before_the_hosts_own() -> None:
    host = b"127.0.0.1 localhost\n10.0.0.1 sandbox"
    assert hosts_text(host) == b"127.0.0.1 sandbox.localdomain sandbox\n" + host
    with open("/etc/hosts", "rb") as file:  # noqa: PTH123
        assert name_files(Network.HOST, outside=False)["/etc/hosts"] == hosts_text(file.read())


# -- the program


@pytest.mark.parametrize("name", ["slirp4netns", "pasta"])
@pytest.mark.parametrize("root", [False, True])
def test_the_program_cannot_lead_to_the_hosts_loopback_or_take_orders(name: str, root: bool) -> None:
    line = " ".join(start_of(Tool(name, f"/usr/bin/{name}", "/usr/bin/nsenter"), GIVEN, root=root).command)
    wanted = {
        "slirp4netns": ["--disable-host-loopback", "--enable-sandbox", "--enable-seccomp", "--exit-fd 13"],
        "pasta": ["--no-map-gw", "-t none -u none -T none -U none", "--ipv4-only", "/proc/self/fd/13"],
    }
    assert [word for word in wanted[name] if word not in line] == []
    assert "api-socket" not in line
    assert ("--runas 0:0" in line) is (name == "pasta" and root)


def test_what_is_found_first_is_used(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("bin")
    monkeypatch.setenv("PATH", str(folder))
    assert find_tool() is None
    for name in ("pasta", "slirp4netns"):
        program = folder / name
        program.touch(0o755)
        assert find_tool() == (name, str(program), None)


def test_the_user_is_told_once_that_there_is_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    outside = Outside()
    assert "neither slirp4netns nor pasta is installed" in outside.missing()
    assert outside.missing() == ""
