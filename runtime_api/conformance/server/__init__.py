"""The side that judges servers: the kit is the bootstrap, the extensions and the invoker.

    side.py       runs a case against a server and turns the result into a judgement
    sessions.py   running servers: one that a case leaves waiting for an event serves the next case
    remote.py     a server that the kit has not started
    template.py   a server's command line           launch.py    starts it          server.py   one running server
    log.py        what it writes                    ports.py     free ports         features.py its optional parts
    puppet.py     the program that the server runs as its bootstrap and as extensions
    puppets.py    the kit's end of that program
    script.py     runs the steps of a case          steps/       the steps          walk.py     a random walk
    case_run.py   what the steps share              telemetry.py receives telemetry
    connection.py one raw connection                request.py   bytes of a request expect.py   judges an answer

The processes that the server starts are *puppets*: they take orders from the kit over a unix socket, and do nothing
else. The kit itself makes every call of the Runtime API over raw sockets, so that it can judge answers byte by byte.
"""
