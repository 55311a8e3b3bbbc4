"""The bubblewrap sandbox: bwrap, the supervisor inside, and the bounds that the kernel keeps."""
