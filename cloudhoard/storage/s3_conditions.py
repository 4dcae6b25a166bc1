"""Whether nothing is overwritten is the store's work, or ours as well as we can."""

from typing import Final

from cloudhoard.storage.errors import ObjectExists
from cloudhoard.storage.s3_bucket import S3Bucket
from cloudhoard.storage.s3_errors import code_of, status_of

_IF_ABSENT: Final = {"IfNoneMatch": "*"}
_NOT_IMPLEMENTED: Final = 501


class Conditions:
    """What one store is known to do with ``If-None-Match: *``.

    The condition is always sent. Until the store is known to honour it, which many
    take and ignore, a look precedes it. What is known is known of single requests: a
    store may honour it there, and ignore it where parts are put together, as the
    gateway of Ceph 16 does.
    """

    def __init__(self) -> None:
        self._are_honoured = False
        self._are_refused = False

    def trust(self, *, honoured: bool) -> None:
        """Take note of what was learned about the store."""
        self._are_honoured = honoured

    @property
    def headers(self) -> dict[str, str]:
        """The arguments that make a request create and not replace."""
        return {} if self._are_refused else _IF_ABSENT

    def look(self, bucket: S3Bucket, key: str, *, in_parts: bool = False) -> None:
        """Raise ObjectExists if key is taken, unless the store will say so itself.

        in_parts: what comes is the commit of an upload in parts.
        """
        if self._are_honoured and not self._are_refused and not in_parts:
            return
        if bucket.find(key) is not None:
            raise ObjectExists(f"{key} is already in {bucket.location}")

    def are_refused(self, error: Exception) -> bool:
        """Tell whether error is new and says that the store takes no conditions."""
        is_new = not self._are_refused and status_of(error) == _NOT_IMPLEMENTED
        if is_new and code_of(error) == "NotImplemented":
            self._are_refused = True
            return True
        return False
