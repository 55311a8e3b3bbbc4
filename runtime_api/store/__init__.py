"""Layer 3: what is kept on disk. `trees.py` has the shared temporary directories, `archives.py` unpacks into them."""
