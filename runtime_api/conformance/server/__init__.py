"""The side that judges servers: we are the bootstrap, the extensions and the invoker.

    side.py         plays a case against a server and makes a judgement of it
    sessions.py     running servers: one that a case leaves waiting for an event serves the next case
    launching.py    how a server is started, from a template; its log
    processes.py    the kit's end of a process that the server started
    puppet.py       that process: the bootstrap, and extensions; does what it is told, speaks no Runtime API
    script.py       plays the steps of a case          walk.py      the step that walks at random
    connection.py   one raw connection                 request.py   the bytes of a request
    expect.py       what a case wants of an answer     features.py  which optional parts a server has

Every call of the Runtime API is made by the kit, over raw sockets, so that an answer is judged byte by byte; the
puppet only lives and dies. Cases are played in threads, since all they do is wait on sockets.
"""
