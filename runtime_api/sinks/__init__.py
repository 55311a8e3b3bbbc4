"""Layer 3: where logs go (later: metrics and traces). A sink never makes an invocation wait."""
