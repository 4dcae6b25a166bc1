"""The five kinds of storage error, of which only StorageUnavailable may be retried."""

from typing import ClassVar

from cloudhoard.errors import CloudHoardError


class StorageError(CloudHoardError):
    """A store did not do what it was asked to do."""

    retryable: ClassVar[bool] = False


class ObjectNotFound(StorageError):
    """The store answered, with authority: there is no such object."""


class ObjectExists(StorageError):
    """The object is there already, and nothing that exists is overwritten."""


class ContainerNotFound(StorageError):
    """The bucket, container or root directory itself is missing."""


class AccessDenied(StorageError):
    """Credentials are missing, expired or insufficient."""


class StorageUnavailable(StorageError):
    """The answer is not known: timeout, throttling, server error, lost connection."""

    retryable = True


class StorageFull(StorageUnavailable):
    """The store has no room left; it may have again later."""
