"""How objects are read: decrypted, then decompressed, nothing unchecked given out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cloudhoard.codec.compression import decompressed
from cloudhoard.codec.encoding import ENCRYPTED
from cloudhoard.codec.errors import PlainRefused
from cloudhoard.streams import ByteSource

if TYPE_CHECKING:
    from cloudhoard.codec.keys import PrivateKey, TrustedSigner


@dataclass(frozen=True, slots=True)
class Decoding:
    """Which keys open objects, and whose objects are accepted."""

    private_keys: tuple["PrivateKey", ...] = ()
    trusted_signers: tuple["TrustedSigner", ...] = ()
    """Where there are some, only what one of them signed is accepted."""
    accept_plain: bool = False
    """Whether unencrypted objects are accepted although keys or signers are given."""

    @property
    def refuses_plain(self) -> bool:
        """Whether an unencrypted object is an error."""
        return not self.accept_plain and bool(self.private_keys or self.trusted_signers)


@contextmanager
def decoded(
    source: ByteSource,
    suffix: str,
    decoding: Decoding,
    *,
    name: str,
    system_identifier: int | None,
    at_most: int,
) -> Iterator[ByteSource]:
    """Read the plain bytes of the object in source, of which only name is known.

    suffix is what its name ends in, as Encoding.suffix. name is its key below the
    server's prefix; an encrypted object must have been made under that name, and for
    the cluster with that system identifier unless it is None. More than at_most
    plain bytes are an error. Reading to b"" proves that the object is whole and
    sound, as far as its format can tell; leaving the block checks nothing more.

    Raises, here or when read:
        PlainRefused: it is not encrypted, and decoding accepts only what is.
        NoPrivateKey, NotTrusted, WrongObject, CutShort, Damaged, UnknownFormat.
    """
    extension = suffix.removesuffix(ENCRYPTED)
    if extension != suffix:
        source = _decrypted(source, decoding, name, system_identifier)
    elif decoding.refuses_plain:
        raise PlainRefused(
            f"{name} is not encrypted",
            hint="--accept-plain accepts it: anyone could have put it there",
        )
    with decompressed(source, extension, at_most=at_most, name=name) as plain:
        yield plain


def _decrypted(
    source: ByteSource, decoding: Decoding, name: str, system_identifier: int | None
) -> ByteSource:
    # Imported here, as unencrypted objects do without.
    from cloudhoard.codec.container_opening import Opening  # noqa: PLC0415
    from cloudhoard.codec.container_reader import ContainerReader  # noqa: PLC0415

    opening = Opening(
        private_keys=decoding.private_keys,
        trusted_signers=decoding.trusted_signers,
        name=name,
        system_identifier=system_identifier,
    )
    return ContainerReader(source, opening)
