"""Why a measurement fails."""


class Unmeasured(RuntimeError):
    """One figure cannot be measured; the table shows the reason instead."""


class Unusable(RuntimeError):
    """Nothing can be measured; the message says what is missing."""
