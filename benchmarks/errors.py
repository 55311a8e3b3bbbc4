"""The two ways a measurement does not come about."""


class Unmeasured(RuntimeError):
    """One figure can not be had; the table says why in its place."""


class Unusable(RuntimeError):
    """Nothing can be measured here; the message says what is missing."""
