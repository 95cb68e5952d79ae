"""The one failure that is shown to the caller as a sentence instead of a trace."""


class BenchError(Exception):
    """What went wrong, in words that say what to do."""
