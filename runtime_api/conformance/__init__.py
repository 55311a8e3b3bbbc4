"""The conformance kit: judges any bootstrap, and any Runtime API server.

Theory. A case is data (`cases/**.json`, of the form `case-schema.json`): one sentence that states a requirement,
where it is from, and a script of steps that shows whether the subject keeps it. A *side* plays scripts:

    runtime   we are the Runtime API, scripted and, on purpose, faulty; a bootstrap is judged
    server    we are the bootstrap, the extensions and the invoker; a Runtime API server is judged

What a case expects is literal data, spelled here a second time on purpose: of this project's own code the kit sees
`sandbox` only, which starts processes. So nobody is judged by himself.

    cases.py      loads and selects cases          verdicts.py   what is found about a subject
    matching.py   bytes and patterns in cases      exchange.py   what went over the wire, as values
    judge.py      plays the selected cases         baseline.py   what is known and excused
    reports/      a file for each format           runtime/, server/   the two sides

A case that is marked `basic` tells something without which others cannot be judged: when it fails, those are skipped
with its id as the reason, and one fault is reported once. Nothing sleeps to synchronise: a step ends when what it
waits for happens, and fails when the patience is at its end, which is generous.
"""
