"""The conformance kit: judges any bootstrap, and any Runtime API server.

Theory. A case is data (`cases/**.json`, in the form of `case-schema.json`): one sentence that states a requirement,
its sources, and the steps that show whether a subject meets it. A *side* runs cases against a subject on the other
side of the Runtime API:

    runtime   the kit is the Runtime API, scripted and faulty on purpose; it judges a bootstrap
    server    the kit is the bootstrap, the extensions and the invoker; it judges a Runtime API server

What a case expects is literal data, written here a second time on purpose: of this project's own code the kit imports
only `sandbox`, which starts processes. So the kit never judges bootjack by bootjack's own tables.

    cases.py      loads and selects cases          verdicts.py   judgements and findings
    matching.py   bytes and patterns in cases      exchange.py   the recorded exchange, as values
    judge.py      runs the selected cases          baseline.py   known deviations, with reasons
    reports/      one file for each format         runtime/, server/   the two sides

A case is `strict` unless a source says MUST; its `reason` says why a subject may ignore it.

A case marked `basic` checks something that other cases depend on: when it fails, they are skipped with its id as the
reason, so one fault is reported once. The first case of a `feature` of bootstraps is its probe: when it is
UNIMPLEMENTED, so are the others. Nothing sleeps to synchronise: a step ends when what it waits for happens, and
fails when that does not happen within the timeout, which is generous.
"""
