"""Layer 3: what is kept. `trees.py` has the shared temporary directories, `archives.py` unpacks into them.

`memory_catalog.py` keeps functions and `memory_queue.py` events, both as long as the process runs.
"""
