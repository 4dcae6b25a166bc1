"""From a header to the cipher of its chunks: keys, HMAC, signature, name."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloudhoard.codec.container_header import ContainerHeader
from cloudhoard.codec.container_keys import ContainerKeys
from cloudhoard.codec.container_layout import (
    FILE_KEY_SIZE,
    RSA_OAEP,
    SIGNATURE_CONTEXT,
)
from cloudhoard.codec.errors import Damaged, NoPrivateKey, NotTrusted, WrongObject
from cloudhoard.codec.keys import PrivateKey, TrustedSigner


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What is needed to open an object, and what it has to be."""

    private_keys: Sequence[PrivateKey]
    trusted_signers: Sequence[TrustedSigner]
    """One of them must have signed it; empty: anyone may have written it."""
    name: str
    """The key, below the server's prefix, at which the object was found."""
    system_identifier: int | None
    """The cluster it must be of; None: any."""


def open_header(header: ContainerHeader, opening: Opening) -> AESGCM:
    """Return the cipher of the chunks, after every check that a header allows.

    Raises:
        NoPrivateKey: it is for other keys.
        Damaged: the HMAC is not the header's.
        NotTrusted: no trusted signer signed it.
        WrongObject: it was made under another name or for another cluster.
    """
    keys = ContainerKeys(_file_key(header, opening), header.salt)
    expected = keys.header_hmac(header.authenticated_part)
    if not hmac.compare_digest(expected, header.hmac):
        raise Damaged(
            f"{opening.name} is damaged or forged: the header's HMAC is wrong"
        )
    if opening.trusted_signers:
        _check_signature(header, opening)
    _check_identity(header, opening)
    return keys.payload_cipher()


def _file_key(header: ContainerHeader, opening: Opening) -> bytes:
    by_fingerprint = {key.fingerprint: key for key in opening.private_keys}
    is_for_us = False
    for recipient in header.recipients:
        key = by_fingerprint.get(recipient.fingerprint)
        if key is None or recipient.algorithm != RSA_OAEP:
            continue
        is_for_us = True
        file_key = key.unwrap(recipient.wrapped_key)
        if file_key is not None and len(file_key) == FILE_KEY_SIZE:
            return file_key
    if is_for_us:
        raise Damaged(f"{opening.name} is damaged: its file key cannot be unwrapped")
    ids = ", ".join(header.key_ids)
    given = ", ".join(key.key_id for key in opening.private_keys)
    raise NoPrivateKey(
        f"no private key for key id {ids}, which {opening.name} is encrypted for",
        hint=f"the private keys given are: {given}"
        if given
        else f"give --private-key with the private key of {ids}",
    )


def _check_signature(header: ContainerHeader, opening: Opening) -> None:
    signature = header.signature
    for signer in opening.trusted_signers:
        if (
            signature is not None
            and signer.fingerprint == header.signer_fingerprint
            and signer.verify(signature, header.signed_part, SIGNATURE_CONTEXT)
        ):
            return
    what = "unsigned" if signature is None else "signed by another"
    raise NotTrusted(
        f"{opening.name} is not signed by a trusted key: it is {what}",
        hint="anyone who may write to the archive could have put it there",
    )


def _check_identity(header: ContainerHeader, opening: Opening) -> None:
    if header.name != opening.name:
        raise WrongObject(
            f"{opening.name} is another object: it was stored as {header.name[:300]!r}",
            hint="it was renamed or copied in the store",
        )
    expected = opening.system_identifier
    if expected is not None and int(header.system) != expected:
        raise WrongObject(
            f"{opening.name} is of another cluster: its system identifier is"
            f" {header.system}, not {expected}",
        )
