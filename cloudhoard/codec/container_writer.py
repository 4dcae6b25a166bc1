"""Encrypts a stream of bytes into one object that its recipients can open."""

import os
from collections.abc import Mapping, Sequence

from cloudhoard.codec.container_header import Recipient, render_signed_part
from cloudhoard.codec.container_keys import ContainerKeys
from cloudhoard.codec.container_layout import (
    ED25519,
    END_MARK,
    FILE_KEY_SIZE,
    NO_SIGNATURE,
    RSA_OAEP,
    SALT_SIZE,
    SIGNATURE_CONTEXT,
    WRITTEN_CHUNK_LOG2,
    chunk_nonce,
)
from cloudhoard.codec.hashing_sink import HashingSink
from cloudhoard.codec.keys import PublicKey, SigningKey
from cloudhoard.streams import BytesLike


class ContainerWriter:
    """A sink that encrypts what is written; finish() ends the object."""

    def __init__(
        self,
        sink: HashingSink,
        recipients: Sequence[PublicKey],
        signer: SigningKey | None,
        attributes: Mapping[str, object],
        *,
        chunk_log2: int = WRITTEN_CHUNK_LOG2,
    ) -> None:
        keys = ContainerKeys(os.urandom(FILE_KEY_SIZE), os.urandom(SALT_SIZE))
        wrapped = [_wrapped_for(key, keys.file_key) for key in recipients]
        signed = render_signed_part(
            chunk_log2, keys.salt, wrapped, attributes, is_signed=signer is not None
        )
        header = signed + _signature_field(signer, signed)
        sink.write(header + keys.header_hmac(header))
        self._sink = sink
        self._cipher = keys.payload_cipher()
        self._chunk_size = 1 << chunk_log2
        self._pending: bytes | bytearray = b""
        self._number = 0
        self._payload_size = 0

    def write(self, data: BytesLike, /) -> int:
        """Take all of data and return its length."""
        view = memoryview(data).cast("B")
        size = len(view)
        # A full chunk waits for the next byte, as only the last one is marked so.
        while len(view):
            if len(self._pending) == self._chunk_size:
                self._seal(is_last=False)
            view = view[self._take(view, data) :]
        self._payload_size += size
        return size

    def finish(self) -> None:
        """Write the last chunk and the trailer."""
        self._seal(is_last=True)
        self._sink.write(END_MARK + self._payload_size.to_bytes(8, "big"))
        self._sink.write(self._sink.digest())

    def _take(self, view: memoryview, data: BytesLike) -> int:
        """Add the beginning of view, which is the rest of data, to the chunk."""
        is_whole = isinstance(data, bytes) and len(view) == len(data)
        if not self._pending and is_whole and len(data) <= self._chunk_size:
            self._pending = bytes(data)  # immutable: this does not copy it
            return len(data)
        if isinstance(self._pending, bytes):
            self._pending = bytearray(self._pending)
        taken = min(len(view), self._chunk_size - len(self._pending))
        self._pending += view[:taken]
        return taken

    def _seal(self, *, is_last: bool) -> None:
        nonce = chunk_nonce(self._number, is_last=is_last)
        self._sink.write(self._cipher.encrypt(nonce, self._pending, None))
        self._pending = b""
        self._number += 1


def _wrapped_for(key: PublicKey, file_key: bytes) -> Recipient:
    return Recipient(RSA_OAEP, key.fingerprint, key.key_id, key.wrap(file_key))


def _signature_field(signer: SigningKey | None, signed: bytes) -> bytes:
    if signer is None:
        return bytes([NO_SIGNATURE])
    signature = signer.sign(signed, SIGNATURE_CONTEXT)
    return bytes([ED25519]) + signer.fingerprint + signature
