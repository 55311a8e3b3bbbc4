"""The side that judges servers: we are the bootstrap, the extensions and the invoker."""
