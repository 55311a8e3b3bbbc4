"""Layer 3: what is kept. `memory_catalog.py` has the functions and `memory_queue.py` the events of one process."""
