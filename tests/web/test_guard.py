"""Who may use a port: every Host and Origin that a browser, a proxy or an attacker may send, as tables."""

from __future__ import annotations

import pytest

from runtime_api.protocol.errors import FORBIDDEN_HOST, FORBIDDEN_ORIGIN
from runtime_api.web.guard import Guard, RuntimeApiGuard
from runtime_api.web.http1.headers import add_header

ALLOWED_ORIGINS = ["https://App.Example", "http://tools.example:3000"]
PUBLIC = Guard(True, ["Friend.Example"], ALLOWED_ORIGINS)
OPEN = Guard(False, ["Friend.Example"], ALLOWED_ORIGINS)
RUNTIME_API = RuntimeApiGuard(["Friend.Example", "api.internal"])
PASSES, REFUSED = True, False


def headers(*lines: str) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    for line in lines:
        name, _, value = line.partition(":")
        add_header(found, name.encode("latin-1"), value.strip().encode("latin-1"))
    return found


def passes(guard: Guard, *lines: str) -> bool:
    """Whether a request with these header lines passes, asked twice, since the guard remembers good Hosts."""
    first, second = guard.objection(headers(*lines)), guard.objection(headers(*lines))
    assert first == second
    return first is None


ORIGINS = [
    # This machine, at any port.
    ("http://localhost", PASSES),
    ("http://localhost:3000", PASSES),
    ("https://localhost:8443", PASSES),
    ("http://app.localhost:3000", PASSES),
    ("HTTP://LOCALHOST:3000", PASSES),
    ("http://127.0.0.1", PASSES),
    ("http://127.0.0.1:8080", PASSES),
    ("http://127.8.9.10:8080", PASSES),
    ("http://[::1]:8080", PASSES),
    ("http://[0:0:0:0:0:0:0:1]", PASSES),
    ("http://[::ffff:127.0.0.1]:8080", PASSES),
    # Other IP addresses are other machines.
    ("http://203.0.113.5", REFUSED),
    ("http://203.0.113.5:9000", REFUSED),
    ("http://10.0.0.1", REFUSED),
    ("http://0.0.0.0:9000", REFUSED),
    ("http://[2001:db8::1]", REFUSED),
    ("http://[::]", REFUSED),
    ("http://[::ffff:203.0.113.5]", REFUSED),
    # Spellings of 127.0.0.1 that no browser sends.
    ("http://2130706433", REFUSED),
    ("http://127.1", REFUSED),
    ("http://0x7f000001", REFUSED),
    ("http://0177.0.0.1", REFUSED),
    ("http://127.0.0.1.", REFUSED),
    ("http://127.000.000.001", REFUSED),
    # Names that look local.
    ("http://evil.example", REFUSED),
    ("http://localhost.evil.example", REFUSED),
    ("http://evil-localhost", REFUSED),
    ("http://evillocalhost", REFUSED),
    ("http://127.0.0.1.evil.example", REFUSED),
    ("http://localhost.", REFUSED),
    ("http://app.localhost.", REFUSED),
    ("http://localdomain", REFUSED),
    # Tricks with what surrounds the host.
    ("http://localhost@evil.example", REFUSED),
    ("http://localhost:80@evil.example", REFUSED),
    ("http://evil.example/localhost", REFUSED),
    ("http://localhost/", REFUSED),
    ("http://localhost?", REFUSED),
    ("http://localhost#", REFUSED),
    ("http://evil.example\\@localhost", REFUSED),
    ("http://evil.example, http://localhost", REFUSED),
    ("http://localhost, http://evil.example", REFUSED),
    ("http://localhost http://evil.example", REFUSED),
    ("http://localhost:port", REFUSED),
    ("http://[::1", REFUSED),
    ("http://::1", REFUSED),
    ("http://[localhost]", REFUSED),
    ("http://[127.0.0.1]", REFUSED),
    ("http://loc\xe4lhost", REFUSED),
    ("http://localh\xf6st.localhost", REFUSED),
    ("localhost", REFUSED),
    ("localhost:3000", REFUSED),
    ("//localhost", REFUSED),
    ("http:localhost", REFUSED),
    ("http:///localhost", REFUSED),
    ("http://", REFUSED),
    # No origin at all.
    ("", REFUSED),
    ("null", REFUSED),
    ("NULL", REFUSED),
    ("file://", REFUSED),
    ("*", REFUSED),
    ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", REFUSED),
    ("moz-extension://2e9a4f0c-8b1d-4c55-9d67-6f1f6d1c7b11", REFUSED),
    # Named by --allow-origin: scheme, host and port must all be the same.
    ("https://app.example", PASSES),
    ("https://app.example:443", PASSES),
    ("HTTPS://APP.EXAMPLE", PASSES),
    ("http://tools.example:3000", PASSES),
    ("http://app.example", REFUSED),
    ("https://app.example:8443", REFUSED),
    ("https://app.example.", REFUSED),
    ("https://sub.app.example", REFUSED),
    ("http://tools.example", REFUSED),
    # A Host that --allow-host names is no origin that may pass.
    ("http://friend.example", REFUSED),
]


@pytest.mark.parametrize(("origin", "expected"), ORIGINS)
def test_an_origin_passes_if_it_is_local_or_allowed(origin: str, expected: bool) -> None:
    assert passes(PUBLIC, "Host: localhost:9000", f"Origin: {origin}") is expected
    assert passes(PUBLIC, "Host: 127.0.0.1:9000", f"Origin: {origin}", "Sec-Fetch-Site: cross-site") is expected
    assert passes(PUBLIC, f"Origin: {origin}") is expected, "without a Host"
    assert passes(OPEN, "Host: 203.0.113.7:9000", f"Origin: {origin}") is expected, "beyond loopback"
    assert passes(OPEN, "Host: lambda:9000", f"Origin: {origin}", "Sec-Fetch-Site: cross-site") is expected


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("box:9000", "http://box:9000", PASSES),
        ("BOX:9000", "http://box:9000", PASSES),
        ("box", "http://box", PASSES),
        ("box:80", "http://box", PASSES),
        ("box", "https://box", PASSES),  # behind a proxy that ends TLS
        ("203.0.113.5:9000", "http://203.0.113.5:9000", PASSES),
        ("[2001:db8::1]:9000", "http://[2001:db8::1]:9000", PASSES),
        ("box:9000", "http://box", REFUSED),
        ("box:9000", "http://box:3000", REFUSED),
        ("box", "http://box:9000", REFUSED),
        ("box:9000", "http://other:9000", REFUSED),
        ("box:9000", "http://sub.box:9000", REFUSED),
        ("203.0.113.5:9000", "http://203.0.113.6:9000", REFUSED),
        ("", "null", REFUSED),
        ("null", "null", REFUSED),
    ],
)
def test_an_origin_passes_if_it_is_the_requests_own_host(host: str, origin: str, expected: bool) -> None:
    assert passes(OPEN, f"Host: {host}", f"Origin: {origin}") is expected
    assert passes(OPEN, f"Host: {host}", f"Origin: {origin}", "Sec-Fetch-Site: same-origin") is expected
    for other in (
        "cross-site",
        "same-site",
        "none",
    ):  # redirected by way of another site
        assert not passes(OPEN, f"Host: {host}", f"Origin: {origin}", f"Sec-Fetch-Site: {other}")


@pytest.mark.parametrize("guard", [PUBLIC, OPEN])
def test_a_rebound_page_does_not_pass_by_its_own_name(guard: Guard) -> None:
    assert not passes(guard, "Host: evil.example:9000", "Origin: http://evil.example:9000")
    assert not passes(guard, "Host: evil.example:9000", "Sec-Fetch-Site: same-origin")
    assert not passes(guard, "Host: evil.example:9000"), "browsers add nothing else to a GET of plain http"
    assert passes(guard, "Host: friend.example:9000", "Origin: http://friend.example:9000")


SITES = [
    (["Sec-Fetch-Site: cross-site"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: Cross-Site"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: cross-site", "Origin: http://evil.example"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: cross-site", "Origin: https://app.example"], PASSES, PASSES),
    (["Sec-Fetch-Site: cross-site", "Origin: http://localhost:3000"], PASSES, PASSES),
    (["Sec-Fetch-Site: none", "Origin: http://evil.example"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: none", "Origin: null"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: same-origin", "Origin: null"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: same-origin"], PASSES, PASSES),
    (["Sec-Fetch-Site: none"], PASSES, PASSES),
    (["Sec-Fetch-Site: same-site"], PASSES, REFUSED),  # beyond this machine that may be another host of a domain
    (["Sec-Fetch-Site: Same-Site"], PASSES, REFUSED),
    (["Sec-Fetch-Site: same-site", "Origin: http://other.friend.example"], REFUSED, REFUSED),
    (["Sec-Fetch-Site:"], REFUSED, REFUSED),
    (["Sec-Fetch-Site: some-site"], REFUSED, REFUSED),
    ([], PASSES, PASSES),
]


@pytest.mark.parametrize(("lines", "this_machine", "any_host"), SITES)
def test_a_page_of_another_site_needs_an_origin_that_passes(
    lines: list[str], this_machine: bool, any_host: bool
) -> None:
    for host in ("localhost:9000", "127.0.0.1:9000", "[::1]:9000", "app.localhost:9000"):
        assert passes(PUBLIC, f"Host: {host}", *lines) is this_machine
        assert passes(OPEN, f"Host: {host}", *lines) is this_machine, "a container's port published to this machine"
    for host in ("203.0.113.7:9000", "[2001:db8::1]:9000", "friend.example:9000"):
        assert passes(PUBLIC, f"Host: {host}", *lines) is any_host
        assert passes(OPEN, f"Host: {host}", *lines) is any_host
    assert passes(OPEN, "Host: box:9000", *lines) is any_host


def test_a_route_with_its_own_rules_for_pages_keeps_the_rule_for_hosts() -> None:
    page = headers("Host: localhost:9000", "Origin: http://evil.example", "Sec-Fetch-Site: cross-site")
    assert PUBLIC.host_objection(page) is None
    assert PUBLIC.page_objection(page) == PUBLIC.objection(page) is not None
    rebound = headers("Host: evil.example:9000", "Origin: http://evil.example:9000")
    assert PUBLIC.host_objection(rebound) == PUBLIC.objection(rebound) is not None


@pytest.mark.parametrize("name", ["Host", "Origin"])
def test_a_repeated_header_lets_nothing_pass(name: str) -> None:
    good = {"Host": "localhost", "Origin": "http://localhost"}
    bad = {"Host": "evil.example", "Origin": "http://evil.example"}
    for values in ((good, bad), (bad, good), (good, good)):
        assert not passes(PUBLIC, *(f"{name}: {value[name]}" for value in values))


def test_an_origin_to_let_in_is_a_whole_one() -> None:
    for text in ("null", "*", "app.example", "https://app.example/", ""):
        with pytest.raises(ValueError, match="not an origin"):
            Guard(True, (), [text])


# The same Host at the public port bound to loopback, bound to another address, and at a Runtime API.
HOSTS = [
    ("localhost", PASSES, PASSES, PASSES),
    ("localhost:9000", PASSES, PASSES, PASSES),
    ("LocalHost:9000", PASSES, PASSES, PASSES),
    ("fn.localhost", PASSES, PASSES, PASSES),
    ("a.b.localhost:9000", PASSES, PASSES, PASSES),
    ("127.0.0.1:9000", PASSES, PASSES, PASSES),
    ("203.0.113.5", PASSES, PASSES, PASSES),
    ("[::1]:9000", PASSES, PASSES, PASSES),
    ("[2001:db8::1]", PASSES, PASSES, PASSES),
    ("[fe80::1%25eth0]:9000", PASSES, PASSES, PASSES),
    ("friend.example", PASSES, PASSES, PASSES),
    ("FRIEND.example:80", PASSES, PASSES, PASSES),
    ("", PASSES, PASSES, PASSES),
    # Proxies and hand-written bootstraps send these to the Runtime API.
    ("sandbox.localdomain", REFUSED, REFUSED, PASSES),
    ("sandbox.localdomain:80", REFUSED, REFUSED, PASSES),
    ("api.internal:9001", REFUSED, PASSES, PASSES),
    ("box", REFUSED, PASSES, PASSES),
    ("my_service:9001", REFUSED, PASSES, PASSES),
    ("2130706433", REFUSED, PASSES, PASSES),
    # Containers, clusters and networks at home; none of these is a name in public DNS.
    ("host.docker.internal:9000", REFUSED, PASSES, REFUSED),
    ("host.containers.internal:9000", REFUSED, PASSES, REFUSED),
    ("ip-10-0-0-1.eu-west-1.compute.internal", REFUSED, PASSES, REFUSED),
    ("lambda.default.svc.cluster.local:9000", REFUSED, PASSES, REFUSED),
    ("box.local:9000", REFUSED, PASSES, REFUSED),
    ("box.home.arpa:9000", REFUSED, PASSES, REFUSED),
    ("lambda.test:9000", REFUSED, PASSES, REFUSED),
    ("my-stack_lambda-1:9000", REFUSED, PASSES, PASSES),
    ("internal.evil.example", REFUSED, REFUSED, REFUSED),
    ("evil.internal.example", REFUSED, REFUSED, REFUSED),
    ("evil.notinternal", REFUSED, REFUSED, REFUSED),
    ("evil.internal.", REFUSED, REFUSED, REFUSED),
    ("evil.arpa", REFUSED, REFUSED, REFUSED),
    ("evil.lan", REFUSED, REFUSED, REFUSED),
    ("evil.example", REFUSED, REFUSED, REFUSED),
    ("evil.example:9001", REFUSED, REFUSED, REFUSED),
    ("evil.", REFUSED, REFUSED, REFUSED),
    ("localhost.", REFUSED, REFUSED, REFUSED),
    ("localhost.evil.example", REFUSED, REFUSED, REFUSED),
    ("127.0.0.1.evil.example", REFUSED, REFUSED, REFUSED),
    ("127.0.0.1.", REFUSED, REFUSED, REFUSED),
    ("127.1", REFUSED, REFUSED, REFUSED),
    ("0177.0.0.1", REFUSED, REFUSED, REFUSED),
    ("sub.friend.example", REFUSED, REFUSED, REFUSED),
    ("friend.example.", REFUSED, REFUSED, REFUSED),
    ("other.localdomain", REFUSED, REFUSED, REFUSED),
    ("localhost:80@evil.example", REFUSED, REFUSED, REFUSED),
    ("localhost@evil.example", REFUSED, REFUSED, REFUSED),
    ("localhost, evil.example", REFUSED, REFUSED, REFUSED),
    ("localhost:80, evil.example", REFUSED, REFUSED, REFUSED),
    ("http://localhost", REFUSED, REFUSED, REFUSED),
    ("localhost/", REFUSED, REFUSED, REFUSED),
    ("[::1", REFUSED, REFUSED, REFUSED),
    ("::1", REFUSED, REFUSED, REFUSED),
    ("[evil.example]", REFUSED, REFUSED, REFUSED),
]


@pytest.mark.parametrize(("host", "on_loopback", "beyond", "runtime_api"), HOSTS)
def test_a_host_passes_if_no_dns_answer_can_forge_it(
    host: str, on_loopback: bool, beyond: bool, runtime_api: bool
) -> None:
    assert passes(PUBLIC, f"Host: {host}") is on_loopback
    assert passes(OPEN, f"Host: {host}") is beyond
    for _ in range(2):
        assert RUNTIME_API.refusal(headers(f"Host: {host}")) is (None if runtime_api else FORBIDDEN_HOST)


def test_a_request_without_a_host_passes() -> None:
    assert passes(PUBLIC)
    assert RUNTIME_API.refusal({}) is None


@pytest.mark.parametrize("line", ["Origin: http://localhost", "Origin: null", "Origin:", "Sec-Fetch-Site: none"])
def test_no_browser_passes_at_the_runtime_api(line: str) -> None:
    assert RUNTIME_API.refusal(headers("Host: localhost", line)) is FORBIDDEN_ORIGIN
