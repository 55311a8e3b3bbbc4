"""Who may use a port: every Host and Origin that a browser, a proxy or an attacker may send, as tables."""

from __future__ import annotations

import pytest

from runtime_api.protocol.errors import FORBIDDEN_HOST, FORBIDDEN_ORIGIN
from runtime_api.web.guard import Guard, RuntimeApiGuard
from runtime_api.web.http1.headers import add_header

ALLOWED_ORIGINS = ["https://App.Example", "http://tools.example:3000"]
PUBLIC = Guard(True, ["Friend.Example"], ALLOWED_ORIGINS)
OPEN = Guard(False, [], ALLOWED_ORIGINS)
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


def test_a_rebound_page_does_not_pass_by_its_own_name() -> None:
    assert not passes(PUBLIC, "Host: evil.example:9000", "Origin: http://evil.example:9000")
    assert passes(PUBLIC, "Host: friend.example:9000", "Origin: http://friend.example:9000")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Sec-Fetch-Site: cross-site"], REFUSED),
        (["Sec-Fetch-Site: Cross-Site"], REFUSED),
        (["Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], REFUSED),
        (["Sec-Fetch-Site: cross-site", "Origin: http://evil.example"], REFUSED),
        (["Sec-Fetch-Site: cross-site", "Origin: https://app.example"], PASSES),
        (["Sec-Fetch-Site: cross-site", "Origin: http://localhost:3000"], PASSES),
        (["Sec-Fetch-Site: same-origin"], PASSES),
        (["Sec-Fetch-Site: same-site"], PASSES),
        (["Sec-Fetch-Site: none"], PASSES),
        ([], PASSES),
    ],
)
def test_a_request_from_another_site_needs_an_origin_that_passes(lines: list[str], expected: bool) -> None:
    assert passes(PUBLIC, "Host: localhost:9000", *lines) is expected
    assert passes(OPEN, "Host: box:9000", *lines) is expected


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


# The same Host at the public port bound to loopback, and at a Runtime API.
HOSTS = [
    ("localhost", PASSES, PASSES),
    ("localhost:9000", PASSES, PASSES),
    ("LocalHost:9000", PASSES, PASSES),
    ("fn.localhost", PASSES, PASSES),
    ("a.b.localhost:9000", PASSES, PASSES),
    ("127.0.0.1:9000", PASSES, PASSES),
    ("203.0.113.5", PASSES, PASSES),
    ("[::1]:9000", PASSES, PASSES),
    ("[2001:db8::1]", PASSES, PASSES),
    ("[fe80::1%25eth0]:9000", PASSES, PASSES),
    ("friend.example", PASSES, PASSES),
    ("FRIEND.example:80", PASSES, PASSES),
    ("", PASSES, PASSES),
    # Proxies and hand-written bootstraps send these to the Runtime API.
    ("sandbox.localdomain", REFUSED, PASSES),
    ("sandbox.localdomain:80", REFUSED, PASSES),
    ("api.internal:9001", REFUSED, PASSES),
    ("box", REFUSED, PASSES),
    ("my_service:9001", REFUSED, PASSES),
    ("2130706433", REFUSED, PASSES),
    ("evil.example", REFUSED, REFUSED),
    ("evil.example:9001", REFUSED, REFUSED),
    ("evil.", REFUSED, REFUSED),
    ("localhost.", REFUSED, REFUSED),
    ("localhost.evil.example", REFUSED, REFUSED),
    ("127.0.0.1.evil.example", REFUSED, REFUSED),
    ("127.0.0.1.", REFUSED, REFUSED),
    ("127.1", REFUSED, REFUSED),
    ("0177.0.0.1", REFUSED, REFUSED),
    ("sub.friend.example", REFUSED, REFUSED),
    ("friend.example.", REFUSED, REFUSED),
    ("other.localdomain", REFUSED, REFUSED),
    ("localhost:80@evil.example", REFUSED, REFUSED),
    ("localhost@evil.example", REFUSED, REFUSED),
    ("localhost, evil.example", REFUSED, REFUSED),
    ("localhost:80, evil.example", REFUSED, REFUSED),
    ("http://localhost", REFUSED, REFUSED),
    ("localhost/", REFUSED, REFUSED),
    ("[::1", REFUSED, REFUSED),
    ("::1", REFUSED, REFUSED),
    ("[evil.example]", REFUSED, REFUSED),
]


@pytest.mark.parametrize(("host", "public", "runtime_api"), HOSTS)
def test_a_host_passes_if_no_dns_answer_can_forge_it(host: str, public: bool, runtime_api: bool) -> None:
    assert passes(PUBLIC, f"Host: {host}") is public
    assert passes(OPEN, f"Host: {host}"), "bound to another address, the port can have any name"
    for _ in range(2):
        assert RUNTIME_API.refusal(headers(f"Host: {host}")) is (None if runtime_api else FORBIDDEN_HOST)


def test_a_request_without_a_host_passes() -> None:
    assert passes(PUBLIC)
    assert RUNTIME_API.refusal({}) is None


@pytest.mark.parametrize("line", ["Origin: http://localhost", "Origin: null", "Origin:", "Sec-Fetch-Site: none"])
def test_no_browser_passes_at_the_runtime_api(line: str) -> None:
    assert RUNTIME_API.refusal(headers("Host: localhost", line)) is FORBIDDEN_ORIGIN
