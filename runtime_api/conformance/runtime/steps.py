"""The steps of runtime cases, each with a function of its name in STEPS.

event       wait for a /next, and answer it with an event
result      wait for a response or an error, and answer it
invoke      event and result, `times` in a row
take_result wait for a result, and end its connection without an answer
next        wait for a /next, and leave it waiting
polls       wait until several /next are waiting
raw         answer the waiting /next with a text that need not be HTTP
parallel    answer several waiting /next with events, and accept their results in any order
init_error, restore_next, restore_error
            wait for this call, and answer it
exit        wait for the end of the process
any         wait for the first of several alternatives
until_exit  answer all calls in the same way until the process ends
quiet       see that nothing happens for some seconds
idle        see that nothing happens, and that the processes sleep
output      wait until the process has written a text
signal      send a signal to the process
refuse      refuse connections from now on
hang_up     close every connection
connections count the connections
"""

from __future__ import annotations

import signal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from runtime_api.conformance.matching import filled, shown

from .answers import ACCEPTED
from .calls import Call, ProcessExit
from .case_run import Deviated
from .expect import described, differs_from
from .processes import are_running, processes_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .case_run import CaseRun

__all__ = ["STEPS"]

MOST_LAST_CALLS = 50  # on the way out of a process
LOOKS = 20  # how often `idle` looks at the processes


async def event(run: CaseRun, step: Mapping[str, Any]) -> None:
    call = await run.next_poll(step)
    await run.deliver(call, step)


async def result(run: CaseRun, step: Mapping[str, Any]) -> None:
    await run.accept(step, ACCEPTED)


async def invoke(run: CaseRun, step: Mapping[str, Any]) -> None:
    for _ in range(step.get("times", 1)):
        await event(run, step)
        wanted = {key: step[key] for key in ("want", "answer") if key in step}
        await result(run, {"do": "result", "id": run.names["id"], **filled(wanted, run.names)})


async def take_result(run: CaseRun, step: Mapping[str, Any]) -> None:
    found = await run.expect_call({"do": "result", "id": step["id"]})
    await run.harness.api.send(found, (), then=step["then"])


async def next_call(run: CaseRun, step: Mapping[str, Any]) -> None:
    if not run.waiting:
        run.waiting.append(await run.expect_call(step))


async def polls(run: CaseRun, step: Mapping[str, Any]) -> None:
    while len(run.waiting) < step["count"]:
        run.waiting.append(await run.expect_call({"do": "next"}, or_sleeps=bool(run.waiting)))


async def raw(run: CaseRun, step: Mapping[str, Any]) -> None:
    call = run.waiting.pop(0)
    run.harness.recorder.note("api", "runtime", "characters", body=step["text"].encode(), connection=call.connection)
    await run.harness.api.send(call, [step["text"].encode()], then=step["then"])


async def parallel(run: CaseRun, step: Mapping[str, Any]) -> None:
    events: dict[str, Any] = {}
    for table in step["events"]:
        request_id = await run.deliver(run.waiting.pop(0), {**step, **table})
        events[request_id] = table
    order = list(events) if "order" in step else []
    for place in range(len(step["events"])):
        found = await run.take()
        while isinstance(found, Call) and found.kind == "next":  # a worker polls again after its result is accepted
            run.waiting.append(found)
            found = await run.take()
        table = events.pop(getattr(found, "request_id", ""), None)
        if order and getattr(found, "request_id", "") != order[step["order"][place]]:
            raise Deviated("the result of the quick invocation before that of the slow one", str(found))
        if table is None:
            raise Deviated("a result of one of the running invocations", str(found))
        assert isinstance(found, Call), "nothing but a call has a request id"
        run.judge({"do": "result", "id": found.request_id, "want": table.get("want", {})}, found)
        await run.send(found, ACCEPTED)


async def restore_next(run: CaseRun, step: Mapping[str, Any]) -> None:
    await run.accept(step, {"status": 200, "headers": []})


async def process_exit(run: CaseRun, step: Mapping[str, Any]) -> None:
    """Accept the `calls` that the process makes on its way out; a poll among them stays without an answer."""
    for _ in range(MOST_LAST_CALLS):
        found = await run.take(step)
        if not isinstance(found, Call) or found.kind not in step.get("calls", ()):
            break
        if found.kind != "next":
            await run.send(found, ACCEPTED)
    run.judge(step, found)


async def first_of(run: CaseRun, step: Mapping[str, Any]) -> None:
    found = await run.take(step)
    ways = [{"id": step["id"], **way} for way in step["of"]]
    way = next((way for way in ways if differs_from(way, found) is None), None)
    if way is None:
        raise Deviated(described(step), str(found))
    if isinstance(found, Call):
        if way["do"] == "next":
            run.waiting.append(found)
        else:
            await run.send(found, {**ACCEPTED, **way.get("answer", {})})


async def until_exit(run: CaseRun, step: Mapping[str, Any]) -> None:
    expected = "the end of the process"
    for _ in range(step.get("most", 50)):
        found = run.waiting.pop(0) if run.waiting else await run.take(step, expected)
        if isinstance(found, ProcessExit):
            run.judge({"do": "exit", "want": step.get("want", {})}, found)
            return
        if found.kind not in step.get("calls", ["next"]):
            raise Deviated(expected, str(found))
        await run.send(found, step.get("answer", {}))
    raise Deviated(expected, f"{step.get('most', 50)} more calls")


async def quiet(run: CaseRun, step: Mapping[str, Any]) -> None:
    await run.expect_nothing(step["seconds"])


async def idle(run: CaseRun, step: Mapping[str, Any]) -> None:
    processes = processes_of(run.harness.api.address)
    running = 0
    for _ in range(LOOKS):
        await run.expect_nothing(step["seconds"] / LOOKS)
        running += are_running(processes)
    if running > LOOKS / 2:
        raise Deviated("a sleeping process", f"the process was running in {running} of {LOOKS} samples")


async def output(run: CaseRun, step: Mapping[str, Any]) -> None:
    wanted = str(step["has"])
    if not await run.harness.wait_output(wanted.encode(), run.timeout_s):
        raise Deviated(f"the process writes {shown(wanted)}", f"it wrote {shown(run.harness.output)}")


async def send_signal(run: CaseRun, step: Mapping[str, Any]) -> None:
    run.harness.recorder.note("kit", "process", f"SIG{step['name']}")
    run.harness.signal(signal.Signals[f"SIG{step['name']}"])


async def refuse(run: CaseRun, _step: Mapping[str, Any]) -> None:
    run.harness.recorder.note("kit", "api", "refuse connections")
    run.harness.api.refuse()


async def hang_up(run: CaseRun, step: Mapping[str, Any]) -> None:
    how = step.get("how", "close")
    run.harness.recorder.note("kit", "api", f"{how} every connection")
    run.waiting.clear()
    run.harness.api.hang_up(reset=how == "reset")


async def connections(run: CaseRun, step: Mapping[str, Any]) -> None:
    api = run.harness.api
    for what, count in (("ever", api.connected), ("open", api.connections)):
        if what in step and count > step[what]:
            raise Deviated(f"at most {step[what]} connections ({what})", f"{count} connections")


STEPS: Mapping[str, Callable[[CaseRun, Mapping[str, Any]], Awaitable[None]]] = MappingProxyType(
    {
        "event": event,
        "result": result,
        "invoke": invoke,
        "take_result": take_result,
        "next": next_call,
        "polls": polls,
        "raw": raw,
        "parallel": parallel,
        "init_error": result,
        "restore_next": restore_next,
        "restore_error": result,
        "exit": process_exit,
        "any": first_of,
        "until_exit": until_exit,
        "quiet": quiet,
        "idle": idle,
        "output": output,
        "signal": send_signal,
        "refuse": refuse,
        "hang_up": hang_up,
        "connections": connections,
    }
)
