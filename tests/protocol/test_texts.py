"""What is written: log lines, refusals, documents and headers, to the byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime_api.protocol import platform_events as log
from runtime_api.protocol import wire
from runtime_api.protocol.errors import Fault, Refusal, error_category
from runtime_api.protocol.events import Invocation


def test_log_lines_are_lambdas() -> None:
    assert log.log_bytes([log.Start("r1", "$LATEST", "", None)]).decode() == "START RequestId: r1 Version: $LATEST\n"
    assert log.log_bytes([log.End("r1")]).decode() == "END RequestId: r1\n"
    report = log.Report("r1", "success", None, 1.234, 2, 128, 30, 48.256, "")
    assert log.log_bytes([report]).decode() == (
        "REPORT RequestId: r1\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 30 MB\tInit Duration: 48.26 ms\t\n"
    )


def test_a_failed_report_says_how() -> None:
    timeout = log.Report("r1", "timeout", "Sandbox.Timedout", 3000, 3000, 128, 30, None, "")
    assert log.log_bytes([timeout]).decode().endswith("Max Memory Used: 30 MB\tStatus: timeout\n")
    error = log.Report("r1", "error", "Runtime.ExitError", 3, 3, 128, 30, None, "")
    assert (
        log.log_bytes([error])
        .decode()
        .endswith("Max Memory Used: 30 MB\tStatus: error\tError Type: Runtime.ExitError\n")
    )


def test_a_failed_init_is_reported_and_a_good_one_is_not() -> None:
    failed = log.InitReport("init", "error", "Runtime.ExitError", 1236.04)
    assert log.log_bytes([failed]).decode() == (
        "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: error\tError Type: Runtime.ExitError\n"
    )
    assert log.log_bytes([log.InitReport("init", "success", None, 5)]).decode() == ""


@pytest.mark.parametrize(
    ("duration", "step", "billed"), [(237.17, 100, 300), (237.17, 1, 238), (0, 1, 1), (100, 100, 100), (3, 1, 3)]
)
def test_billing_rounds_up_to_the_step_of_the_profile(duration: float, step: int, billed: int) -> None:
    assert log.billed_ms(duration, step) == billed


def test_a_refusal_is_printed_as_go_does() -> None:
    refusal = Refusal(403, "Type", 'a <b> & "c"')
    assert wire.refusal_body(refusal) == (
        b'{"errorMessage":"a \\u003cb\\u003e \\u0026 \\"c\\"","errorType":"Type"}\n'
    )


def test_a_fault_names_its_type_first() -> None:
    fault = Fault("Runtime.ExitError", "RequestId: r1 Error: x")
    assert wire.fault_document(fault) == b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: x"}'


def test_a_fault_may_name_a_path_that_is_not_utf8() -> None:
    fault = Fault("Runtime.InvalidEntrypoint", "fork/exec /caf\udce9/bootstrap: permission denied")
    assert json.loads(wire.fault_document(fault))["errorMessage"].startswith("fork/exec /caf\\udce9/bootstrap")
    line = log.FaultLine(None, fault.error_type, fault.message)
    assert log.log_bytes([line]).startswith(b"fork/exec /caf\xe9/bootstrap")
    assert log.log_bytes([log.FaultLine(None, "Type", "a lone \ud800")]) == b"a lone \\ud800\nType\n"


def test_an_error_body_is_passed_on_as_it_is() -> None:
    assert wire.error_body(b"{not json", "application/json", "X") == b"{not json"


def test_an_empty_error_body_becomes_the_default_document() -> None:
    assert wire.error_body(b"", None, None) == b'{"errorMessage":"Unknown application error occurred"}'
    assert json.loads(wire.error_body(b"", None, "Function.X")) == {
        "errorMessage": "Unknown application error occurred",
        "errorType": "Function.X",
    }


def test_of_an_error_cause_only_the_callers_part_is_kept() -> None:
    body = b'{"errorCause":{"x":1},"stackTrace":["a"],"errorType":"T","errorMessage":"\xc3\xa9"}'
    kept = wire.error_body(body, wire.ERROR_CAUSE_TYPE, None)
    assert kept == '{"errorMessage":"é","errorType":"T","stackTrace":["a"]}'.encode()
    assert wire.error_body(b"oops", wire.ERROR_CAUSE_TYPE, None) == b'"Invalid error body"'
    assert wire.error_body(b"[" * 100_000, wire.ERROR_CAUSE_TYPE, None) == b'"Invalid error body"'


@pytest.mark.parametrize(
    ("given_type", "kept"),
    [
        ("Runtime.ImportModuleError", "Runtime.ImportModuleError"),
        ("my Function.Broken thing", "my Function.Broken thing"),
        ("Function.lower", "Function.Unknown"),
        ("Unhandled", "Runtime.Unknown"),
        (None, "Runtime.Unknown"),
    ],
)
def test_error_types_are_sorted_into_categories(given_type: str | None, kept: str) -> None:
    assert error_category(given_type) == kept


@given(st.text(), st.text(), st.text())
def test_no_value_can_start_a_header_of_its_own(trace: str, context: str, tenant: str) -> None:
    invocation = Invocation("r", "i", "arn", b"{}", trace, client_context=context, tenant_id=tenant)
    head = wire.event_headers(invocation, 1)
    names = [line.partition(":")[0] for line in head.removesuffix("\r\n").split("\r\n")]
    assert "\n" not in head.replace("\r\n", "")
    assert names == [
        "Lambda-Runtime-Aws-Request-Id",
        "Lambda-Runtime-Deadline-Ms",
        "Lambda-Runtime-Invoked-Function-Arn",
        "Lambda-Runtime-Trace-Id",
        "Lambda-Runtime-Invocation-Id",
        "Content-Type",
        *(["Lambda-Runtime-Client-Context"] if context else []),
        *(["Lambda-Runtime-Aws-Tenant-Id"] if tenant else []),
    ]
