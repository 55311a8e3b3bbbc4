"""The four seams: the only ways from the edges to what stores functions and runs invocations.

Theory. A caller's request is resolved to a version by the `Catalog`, and run by `Dispatch`; an Event invocation goes
through the `EventQueue` first; code comes from `Archives`. Their implementations here are this process and its disk.
A cluster is to be a second implementation, so code above a seam must not rely on a path on this disk, on a Future of
this event loop, or on being the only server.
"""
