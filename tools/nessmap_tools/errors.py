"""The one error of this package."""


class Refused(ValueError):
    """What is wrong with a file, a folder or a request, in one sentence."""
