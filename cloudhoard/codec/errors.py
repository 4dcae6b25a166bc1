"""Why an object cannot be read: one class for each thing the operator does next."""

from cloudhoard.errors import DamagedError


class CutShort(DamagedError):
    """The object does not end where it must: its end is missing, or bytes follow it."""


class Damaged(DamagedError):
    """Bytes of the object are not those that were stored."""


class NoPrivateKey(DamagedError):
    """None of the private keys at hand opens the object."""


class NotTrusted(DamagedError):
    """No trusted key has signed the object: anyone who may write could have made it."""


class WrongObject(DamagedError):
    """The object is sound, but was made under another name or for another cluster."""


class PlainRefused(DamagedError):
    """The object is not encrypted, and only encrypted ones are accepted."""


class UnknownFormat(DamagedError):
    """The object is of a kind or version that this program does not know."""
