"""A thin HTTP/1.1 server on httptools.

`parser.py` turns bytes into the events of `events.py`; `heads.py` caches heads that have come before. `connection.py`
makes exchanges (`exchange.py`) of the events and lets a handler (`handler.py`) answer them; the states of an exchange
are tables in `states.py`. `server.py` is the listener. `outbox.py` writes small replies to several peers together,
`forwarding.py` writes a request out again for another protocol.
"""
