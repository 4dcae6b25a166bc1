"""Who vouches for a backup.info."""

from typing import TYPE_CHECKING

from cloudhoard.domain.backup_info import (
    SIGNATURE_CONTEXT,
    is_barmans,
    split_signature,
)

if TYPE_CHECKING:
    # Its import takes longer than all the rest of a plain listing.
    from cloudhoard.codec.decoding import Decoding


def check_signature(data: bytes, trust: "Decoding | None") -> bool:
    """Tell whether backup.info, the bytes data, is signed by one of trust's signers.

    False where trust has none, so that nobody's signature is asked for, and for one
    that barman-cloud wrote where trust accepts what is plain.

    Raises:
        NotTrusted: it is not signed, or by somebody else, or was changed since.
        InvalidFormat: its signature line is malformed.
    """
    if trust is None or not trust.trusted_signers:
        return False
    from cloudhoard.codec.errors import NotTrusted  # noqa: PLC0415 - as above

    body, signature = split_signature(data)
    if signature is None:
        if not is_barmans(body):
            raise NotTrusted("backup.info is not signed")
        if trust.accept_plain:
            return False
        raise NotTrusted(
            "backup.info is barman-cloud's and not signed: restore takes it with"
            " --accept-plain only"
        )
    for signer in trust.trusted_signers:
        if signer.fingerprint.hex() == signature.fingerprint:
            if signer.verify(signature.signature, body, SIGNATURE_CONTEXT):
                return True
            raise NotTrusted("the signature of backup.info does not match it")
    raise NotTrusted(
        "backup.info is not signed by a trusted key",
        hint="give the public key of the host that made it with --trusted-signer",
    )
