"""The header of an encrypted object: who can open it, and what it says it is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NoReturn, Self

from cloudhoard.codec.container_layout import (
    AES_256_GCM,
    CHUNK_LOG2_RANGE,
    ED25519,
    FIXED_SIZE,
    HMAC_SIZE,
    LARGEST_HEADER,
    MAGIC,
    MOST_RECIPIENTS,
    NO_SIGNATURE,
    SIGNATURE_SIZE,
    VERSION,
)
from cloudhoard.codec.errors import Damaged, UnknownFormat
from cloudhoard.codec.key_id import is_key_id

_FINGERPRINT_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class Recipient:
    """One key pair whose private half opens the object."""

    algorithm: int
    fingerprint: bytes
    """SHA-256 of the public key's DER SubjectPublicKeyInfo, 32 bytes."""
    key_id: str
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class FixedFields:
    """The first 48 bytes of an encrypted object."""

    chunk_log2: int
    recipients: int
    header_size: int
    salt: bytes

    @classmethod
    def parse(cls, data: bytes, name: str) -> Self:
        """Read the first 48 bytes; name is the object's, for messages.

        Raises:
            Damaged: they are out of bounds.
            UnknownFormat: their version or cipher is one of a later format.
        """
        if data[:8] != MAGIC:
            raise Damaged(f"{name} is damaged: it does not begin with {MAGIC.decode()}")
        if data[8] != VERSION or data[9] != AES_256_GCM:
            raise UnknownFormat(
                f"{name} has format version {data[8]} with cipher {data[9]}, which is"
                " not known",
                hint="a later version of CloudHoard may have written it",
            )
        fixed = cls(
            data[10], data[11], int.from_bytes(data[12:16], "big"), data[16:FIXED_SIZE]
        )
        lowest, highest = CHUNK_LOG2_RANGE
        if not lowest <= fixed.chunk_log2 <= highest:
            _refuse(name, "the chunk size is out of bounds")
        if not 1 <= fixed.recipients <= MOST_RECIPIENTS:
            _refuse(name, "the number of recipients is out of bounds")
        if not FIXED_SIZE < fixed.header_size <= LARGEST_HEADER:
            _refuse(name, "the header's length is out of bounds")
        return fixed

    def render(self) -> bytes:
        """Return the 48 bytes."""
        numbers = bytes([VERSION, AES_256_GCM, self.chunk_log2, self.recipients])
        return MAGIC + numbers + self.header_size.to_bytes(4, "big") + self.salt


@dataclass(frozen=True, slots=True)
class ContainerHeader:
    """What an encrypted object says about itself.

    Read without a key it is unauthenticated: good for finding the key, for listing,
    and for comparing with what is expected, no more. Print nothing of it unescaped.
    """

    data: bytes = field(repr=False)
    """The header as stored, to the end of its HMAC."""
    chunk_size: int
    """Plain bytes of every chunk but the last."""
    salt: bytes = field(repr=False)
    recipients: tuple[Recipient, ...]
    attributes: Mapping[str, object]
    signed_size: int
    """Length of what is before the signature field, which is what is signed."""
    signer_fingerprint: bytes | None = None
    signature: bytes | None = None

    @property
    def name(self) -> str:
        """The key, below the server's prefix, under which the object was made."""
        return str(self.attributes["name"])

    @property
    def system(self) -> str:
        """The system identifier of the cluster it was made for, in decimal digits."""
        return str(self.attributes["system"])

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The key ids of the recipients."""
        return tuple(recipient.key_id for recipient in self.recipients)

    @property
    def fingerprints(self) -> tuple[bytes, ...]:
        """The fingerprints of the recipients, in the same order."""
        return tuple(recipient.fingerprint for recipient in self.recipients)

    @property
    def signed_part(self) -> bytes:
        """What the signature is over, without its context."""
        return self.data[: self.signed_size]

    @property
    def authenticated_part(self) -> bytes:
        """What the HMAC is over."""
        return self.data[:-HMAC_SIZE]

    @property
    def hmac(self) -> bytes:
        """The HMAC, 32 bytes."""
        return self.data[-HMAC_SIZE:]

    @classmethod
    def parse(cls, data: bytes, name: str) -> Self:
        """Read a whole header; name is the object's, for messages.

        Raises:
            Damaged: it is not laid out as it must be.
            UnknownFormat: it is of a later format.
        """
        fixed = FixedFields.parse(data, name)
        if len(data) != fixed.header_size:
            _refuse(name, "the header's length is wrong")
        fields = _Fields(data[:-HMAC_SIZE], FIXED_SIZE, name)
        recipients = tuple(_recipient(fields) for _ in range(fixed.recipients))
        if len({recipient.fingerprint for recipient in recipients}) < len(recipients):
            _refuse(name, "two recipients have the same key")
        attributes = _attributes(fields.sized(2), name)
        signed_size = fields.position
        signer, signature = _signature(fields)
        if fields.position != len(data) - HMAC_SIZE:
            _refuse(name, "the header has bytes that mean nothing")
        return cls(
            data=data,
            chunk_size=1 << fixed.chunk_log2,
            salt=fixed.salt,
            recipients=recipients,
            attributes=attributes,
            signed_size=signed_size,
            signer_fingerprint=signer,
            signature=signature,
        )


def render_recipient(recipient: Recipient) -> bytes:
    """Return a recipient's bytes in the header."""
    key_id = recipient.key_id.encode("ascii")
    return (
        bytes([recipient.algorithm])
        + recipient.fingerprint
        + bytes([len(key_id)])
        + key_id
        + len(recipient.wrapped_key).to_bytes(2, "big")
        + recipient.wrapped_key
    )


def render_signed_part(
    chunk_log2: int,
    salt: bytes,
    recipients: Sequence[Recipient],
    attributes: Mapping[str, object],
    *,
    is_signed: bool,
) -> bytes:
    """Return a header up to its signature field.

    Raises:
        ValueError: the header would be longer than the format allows, or lacks name
            or system.
    """
    text = json.dumps(attributes, ensure_ascii=False, separators=(",", ":"))
    _check_attributes(attributes)
    encoded = text.encode("utf-8")
    rest = b"".join(map(render_recipient, recipients))
    # The length has only two bytes; that it fits follows from the check below.
    rest += (len(encoded) & 0xFFFF).to_bytes(2, "big") + encoded
    after = 1 + is_signed * (_FINGERPRINT_SIZE + SIGNATURE_SIZE) + HMAC_SIZE
    header_size = FIXED_SIZE + len(rest) + after
    if header_size > LARGEST_HEADER:
        raise ValueError(f"a header of {header_size} bytes is too long")
    fixed = FixedFields(chunk_log2, len(recipients), header_size, salt)
    return fixed.render() + rest


class _Fields:
    """Takes a header's fields one after the other, never past its end."""

    def __init__(self, data: bytes, position: int, name: str) -> None:
        self._data = data
        self.position = position
        self.name = name

    def take(self, size: int) -> bytes:
        taken = self._data[self.position : self.position + size]
        if len(taken) < size:
            _refuse(self.name, "a field passes the end of the header")
        self.position += size
        return taken

    def sized(self, width: int) -> bytes:
        """Take a length of width bytes, and that many bytes."""
        return self.take(int.from_bytes(self.take(width), "big"))


def _recipient(fields: _Fields) -> Recipient:
    algorithm = fields.take(1)[0]
    fingerprint = fields.take(_FINGERPRINT_SIZE)
    key_id = fields.sized(1).decode("latin-1")
    if not is_key_id(key_id):
        _refuse(fields.name, "a key id has bytes that it cannot have")
    return Recipient(algorithm, fingerprint, key_id, fields.sized(2))


def _signature(fields: _Fields) -> tuple[bytes, bytes] | tuple[None, None]:
    kind = fields.take(1)[0]
    if kind == NO_SIGNATURE:
        return None, None
    if kind != ED25519:
        _refuse(fields.name, f"signature kind {kind} is not known")
    return fields.take(_FINGERPRINT_SIZE), fields.take(SIGNATURE_SIZE)


def _attributes(data: bytes, name: str) -> Mapping[str, object]:
    try:
        attributes = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_duplicates,
            parse_constant=_no_constant,
        )
        _check_attributes(attributes)
    except (ValueError, RecursionError):
        _refuse(name, "the attributes are not what they must be")
    return dict(attributes)


def _check_attributes(attributes: object) -> None:
    if not isinstance(attributes, Mapping):
        raise ValueError("attributes are a mapping")  # noqa: TRY004 - from a file
    system = attributes.get("system")
    if not isinstance(attributes.get("name"), str) or not isinstance(system, str):
        raise ValueError("attributes have a name and a system")  # noqa: TRY004
    if not (system.isascii() and system.isdecimal() and len(system) <= 20):  # noqa: PLR2004
        raise ValueError("a system identifier is a decimal number of 64 bits")


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _refuse(name: str, reason: str) -> NoReturn:
    raise Damaged(f"{name} is damaged: {reason}")
