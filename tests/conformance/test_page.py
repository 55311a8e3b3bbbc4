"""The HTML report: its sources and its folding, and its layout and filter in a browser."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from runtime_api.conformance.cases import Case, load_cases
from runtime_api.conformance.exchange import Message
from runtime_api.conformance.reports import render
from runtime_api.conformance.reports.sources import address
from runtime_api.conformance.verdicts import Findings, Judgement, Verdict

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium")
LONG = "x" * 500
EXCHANGE = (
    Message(0, "kit", "kit", f"start /{LONG}"),
    Message(0.1, "runtime", "api", f"GET /{LONG}", f"Host: {LONG}"),
    Message(0.2, "api", "runtime", "200 OK", f"Header: {LONG}", LONG.encode(), 500),
    Message(0.3, "invoker", "api", "POST /", "", b"{}", 2),
    Message(0.4, "extension a", "api", "GET /next"),
    Message(0.5, "kit", "process", "SIGTERM"),
)
CITES = ("RFC 9112, 6.3: message body length", "observed <once>")


def judgement(name: str, verdict: Verdict) -> Judgement:
    case = Case(name, f"It is {LONG}.", CITES, ())
    return Judgement(case, verdict, f"{LONG} & more", "<b>", f"no {verdict}", EXCHANGE)


def page() -> str:
    made = [judgement(f"runtime/group-{verdict.lower()}/{number}", verdict) for verdict in Verdict for number in "ab"]
    return render("html", Findings(f"./{LONG}", "runtime", "wire", False, 0, tuple(made)))


def test_failures_come_first_and_what_is_missing_is_folded() -> None:
    heads = re.findall(r'<summary><b class="([\w-]+)">\1</b> ([^<:]*)', page())
    assert [place for _, place in heads[:2]] == ["runtime/group-failed/a", "runtime/group-failed/b"]
    assert ("UNIMPLEMENTED", "runtime/group-unimplemented, 2 cases") in heads
    assert heads[-1] == ("OK", "runtime/group-ok/b")


def test_sources_are_links_and_texts_are_escaped() -> None:
    shown = page()
    link = '<a href="https://www.rfc-editor.org/rfc/rfc9112.html#section-6.3">RFC 9112, 6.3: message body length</a>'
    assert f"{link}; observed &lt;once&gt;" in shown
    assert "<dd>&lt;b&gt;</dd>" in shown


@pytest.mark.parametrize(
    ("cite", "url"),
    [
        ("RFC 8259", "https://www.rfc-editor.org/rfc/rfc8259.html"),
        ("RFC 9110 5.1", "https://www.rfc-editor.org/rfc/rfc9110.html#section-5.1"),
        ("aws-lambda-rust-runtime#517", "https://github.com/aws/aws-lambda-rust-runtime/issues/517"),
        (
            "Lambda developer guide, Using the Lambda runtime API: Next invocation",
            "https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html",
        ),
        ("no further event can be served", None),
    ],
)
def test_a_source_has_the_address_of_its_page(cite: str, url: str | None) -> None:
    assert address(cite) == url


def test_every_cited_page_of_aws_has_an_address() -> None:
    cites = {cite for case in load_cases("runtime", "server", "extensions") for cite in case.cite}
    assert [cite for cite in cites if cite.startswith(("Lambda ", "RFC ", "AWS RIE")) and not address(cite)] == []


MEASURE = """<script>
for (const details of document.querySelectorAll("details")) details.open = true;
const seen = () => [...document.querySelectorAll("[data-of]")].filter((one) => one.offsetParent).length;
const measured = {page: document.documentElement.scrollWidth, window: innerWidth, all: seen()};
const wide = [...document.querySelectorAll(".wide")];
measured.scrolling = wide.filter((one) => one.scrollWidth > one.clientWidth).length;
document.querySelector('button[data-verdict="OK"]').click();
measured.without_ok = seen();
document.querySelector('button[data-verdict="OK"]').click();
measured.again = seen();
parent.postMessage(JSON.stringify(measured), "*");
</script>"""
# A browser's own window is never as narrow as that of a telephone.
FRAME = """<!doctype html><pre id="measured"></pre>
<script>onmessage = (message) => { document.getElementById("measured").textContent = message.data; };</script>
<iframe src="page.html" width="{width}" height="900" style="border:0"></iframe>"""


def measured(folder: Path, width: int) -> dict[str, Any]:
    """What a browser with a window of this width says of the page with everything open."""
    assert CHROMIUM is not None
    (folder / "page.html").write_text(page().replace("</body>", f"{MEASURE}</body>"))
    file = folder / "frame.html"
    file.write_text(FRAME.replace("{width}", str(width)))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--dump-dom"]
    flags += [f"--user-data-dir={folder}/browser", "--window-size=1400,900", "--virtual-time-budget=5000"]
    command = [CHROMIUM, *flags, file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    found = re.search("<pre id=.measured.>(.+)</pre>", done.stdout)
    assert found is not None, done.stdout[-500:]
    result: dict[str, Any] = json.loads(html.unescape(found[1]))
    return result


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
@pytest.mark.parametrize("width", [400, 1280])
def test_a_page_fits_the_window_and_hides_the_verdicts_that_are_filtered_out(tmp_path: Path, width: int) -> None:
    found = measured(tmp_path, width)
    assert found["page"] <= found["window"] == width
    assert found["scrolling"] == 0
    assert found["without_ok"] == found["all"] - 2
    assert found["again"] == found["all"]
