"""A corpus of odd and malformed HTTP, as data: what is sent, and how it may be answered.

Every case begins on a connection of its own. Behind it, in the same write, comes a good request, the canary: a server
that takes bytes of the case for a request answers once too often, and one that takes the canary for part of it does
not answer it.
"""
