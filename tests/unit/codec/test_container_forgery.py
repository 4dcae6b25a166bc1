"""What somebody does to encrypted objects on purpose, and what he gets away with."""

import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloudhoard.codec.errors import (
    CutShort,
    Damaged,
    NoPrivateKey,
    NotTrusted,
    WrongObject,
)
from tests.support.forged_objects import (
    Chunk,
    chunks_of,
    forger_for,
    last,
    middle,
    parts,
    recipient,
    rehashed,
    with_trailer,
)
from tests.support.key_files import KeyFiles
from tests.support.sealed_objects import (
    NAME,
    SMALLEST_CHUNK,
    SYSTEM,
    LoadedKeys,
    opening,
    seal,
    unseal,
)

PAYLOAD = bytes(range(256)) * 40  # two full chunks and half a one
CHUNKS = [PAYLOAD[:4096], PAYLOAD[4096:8192], PAYLOAD[8192:]]


@pytest.fixture(scope="module")
def stored(keys: LoadedKeys) -> bytes:
    return seal(PAYLOAD, [keys.public], signer=keys.signing)


class TestBytesThatAreChangedAndHashedAnew:
    @pytest.mark.parametrize("chunk", [0, 1, 2])
    def test_changed_chunk_is_not_given_out(
        self, chunk: int, stored: bytes, keys: LoadedKeys
    ) -> None:
        header, *chunks, trailer = parts(stored)
        chunks[chunk] = bytes([chunks[chunk][0] ^ 1]) + chunks[chunk][1:]
        forged = rehashed(header + b"".join(chunks) + trailer)

        outcome = unseal(forged, opening([keys.private], [keys.signer]))

        assert type(outcome.error) is Damaged
        assert outcome.released == b"".join(CHUNKS[:chunk])

    @pytest.mark.parametrize(
        "order",
        [
            pytest.param([1, 0, 2], id="swapped"),
            pytest.param([0, 0, 2], id="repeated"),
            pytest.param([0, 2], id="left out in the middle"),
            pytest.param([1, 2], id="left out at the beginning"),
            pytest.param([0, 1], id="left out at the end"),
            pytest.param([0], id="all but the first left out"),
            pytest.param([], id="all left out"),
            pytest.param([0, 1, 2, 2], id="repeated at the end"),
            pytest.param([2], id="all but the last left out"),
        ],
    )
    def test_chunks_in_another_order_are_not_given_out(
        self, order: list[int], stored: bytes, keys: LoadedKeys
    ) -> None:
        header, *chunks, _ = parts(stored)
        body = b"".join(chunks[number] for number in order)
        size = sum(len(CHUNKS[number]) for number in order)

        outcome = unseal(with_trailer(header + body, size), opening([keys.private]))

        assert type(outcome.error) is Damaged
        assert PAYLOAD.startswith(outcome.released)
        assert len(outcome.released) < len(PAYLOAD)

    def test_chunks_of_another_object_are_not_given_out(
        self, stored: bytes, keys: LoadedKeys
    ) -> None:
        other = seal(PAYLOAD, [keys.public], signer=keys.signing)
        header, *_ = parts(stored)
        _, *chunks, _ = parts(other)
        forged = with_trailer(header + b"".join(chunks), len(PAYLOAD))

        outcome = unseal(forged, opening([keys.private], [keys.signer]))

        assert type(outcome.error) is Damaged
        assert outcome.released == b""

    def test_payload_length_that_is_not_so_is_refused(
        self, stored: bytes, keys: LoadedKeys
    ) -> None:
        forged = with_trailer(stored[:-48], len(PAYLOAD) + 1)

        assert type(unseal(forged, opening([keys.private])).error) is Damaged

    def test_changed_header_is_found_by_its_hmac(
        self, stored: bytes, keys: LoadedKeys
    ) -> None:
        # The name is not checked before the header is known to be authentic.
        forged = rehashed(stored.replace(b"000001.zst", b"000002.zst"))

        outcome = unseal(forged, opening([keys.private]))

        assert type(outcome.error) is Damaged
        assert "HMAC" in str(outcome.error)


class TestObjectAtAnotherPlace:
    def test_renamed_object_is_another(self, stored: bytes, keys: LoadedKeys) -> None:
        elsewhere = NAME.replace("1.zst", "2.zst")

        outcome = unseal(stored, opening([keys.private], name=elsewhere))

        assert type(outcome.error) is WrongObject
        assert str(outcome.error) == (
            f"{elsewhere} is another object: it was stored as {NAME!r}"
        )
        assert outcome.released == b""

    def test_two_objects_that_changed_places_are_both_refused(
        self, keys: LoadedKeys
    ) -> None:
        names = ["base/1/volume.data.tar.enc", "base/1/volume.16384.tar.enc"]
        objects = [seal(PAYLOAD, [keys.public], name=name) for name in names]

        outcomes = [
            unseal(stored, opening([keys.private], name=name))
            for stored, name in zip(objects, reversed(names), strict=True)
        ]

        assert [type(outcome.error) for outcome in outcomes] == [WrongObject] * 2

    def test_object_of_another_cluster_is_refused(
        self, stored: bytes, keys: LoadedKeys
    ) -> None:
        outcome = unseal(stored, opening([keys.private], system=SYSTEM + 1))

        assert type(outcome.error) is WrongObject
        assert f"{SYSTEM}, not {SYSTEM + 1}" in str(outcome.error)

    def test_any_cluster_is_accepted_where_none_is_asked_for(
        self, stored: bytes, keys: LoadedKeys
    ) -> None:
        assert unseal(stored, opening([keys.private], system=None)).error is None

    def test_name_in_the_error_cannot_drive_a_terminal(self, keys: LoadedKeys) -> None:
        evil = "\x1b]0;owned\x07\u202e" + "x" * 1000
        stored = seal(b"", [keys.public], name=evil)

        message = str(unseal(stored, opening([keys.private])).error)

        assert message.isprintable()
        assert len(message) < 600


class TestWriterWhoHasOnlyThePublicKey:
    def test_is_found_out_where_a_signer_is_trusted(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        forged = forger_for(key_files).sealed(PAYLOAD)

        outcome = unseal(forged, opening([keys.private], [keys.signer]))

        assert type(outcome.error) is NotTrusted
        assert "not signed by a trusted key: it is unsigned" in str(outcome.error)
        assert outcome.released == b""

    def test_is_believed_where_no_signer_is_trusted(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        # docs/security.md says so; it also proves that the forger knows the format.
        forged = forger_for(key_files).sealed(PAYLOAD)

        outcome = unseal(forged, opening([keys.private]))

        assert (outcome.error, outcome.released) == (None, PAYLOAD)

    def test_cannot_sign_with_a_key_of_his_own(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        stranger = Ed25519PrivateKey.generate()
        forged = forger_for(key_files).signed_by(stranger).sealed(PAYLOAD)

        outcome = unseal(forged, opening([keys.private], [keys.signer]))

        assert type(outcome.error) is NotTrusted
        assert "signed by another" in str(outcome.error)
        assert outcome.released == b""

    def test_cannot_sign_in_the_name_of_the_trusted_key(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        stranger = Ed25519PrivateKey.generate()
        forger = forger_for(key_files).signed_by(stranger, keys.signer.fingerprint)

        outcome = unseal(forger.sealed(PAYLOAD), opening([keys.private], [keys.signer]))

        assert type(outcome.error) is NotTrusted

    def test_cannot_move_a_signature_to_another_object(
        self, stored: bytes, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        header_size = int.from_bytes(stored[12:16], "big")
        signature = stored[header_size - 32 - 97 : header_size - 32]
        forger = forger_for(key_files, signature=signature)

        outcome = unseal(forger.sealed(PAYLOAD), opening([keys.private], [keys.signer]))

        assert type(outcome.error) is NotTrusted

    def test_cannot_use_a_signature_made_for_something_else(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        signature = bytes(64)
        fields = {"signature": b"\1" + keys.signing.fingerprint + signature}
        forger = forger_for(key_files, **fields)
        other = keys.signing.sign(forger.signed_part(), b"cloudhoard backup.info v1\0")
        forger = replace(forger, signature=b"\1" + keys.signing.fingerprint + other)

        outcome = unseal(forger.sealed(PAYLOAD), opening([keys.private], [keys.signer]))

        assert type(outcome.error) is NotTrusted


class TestTrust:
    def test_any_of_several_trusted_signers_suffices(
        self, stored: bytes, keys: LoadedKeys, other_keys: LoadedKeys
    ) -> None:
        signers = [other_keys.signer, keys.signer]

        assert unseal(stored, opening([keys.private], signers)).error is None

    def test_a_signer_who_is_not_trusted_is_refused(
        self, stored: bytes, keys: LoadedKeys, other_keys: LoadedKeys
    ) -> None:
        outcome = unseal(stored, opening([keys.private], [other_keys.signer]))

        assert type(outcome.error) is NotTrusted

    def test_without_the_private_key_the_key_id_is_named(
        self, keys: LoadedKeys, other_keys: LoadedKeys
    ) -> None:
        stored = seal(PAYLOAD, [keys.public])

        outcome = unseal(stored, opening([other_keys.private]))

        assert type(outcome.error) is NoPrivateKey
        assert str(outcome.error) == (
            f"no private key for key id ops, which {NAME} is encrypted for"
        )
        assert outcome.error.hint == "the private keys given are: escrow"

    @pytest.mark.parametrize("who", ["keys", "other_keys"])
    def test_each_of_several_recipients_can_read(
        self,
        who: str,
        keys: LoadedKeys,
        other_keys: LoadedKeys,
        request: pytest.FixtureRequest,
    ) -> None:
        stored = seal(PAYLOAD, [keys.public, other_keys.public])
        reader: LoadedKeys = request.getfixturevalue(who)

        assert unseal(stored, opening([reader.private])).released == PAYLOAD


class TestLayoutThatNoWriterMakes:
    """By somebody who has the public key, so that HMAC and SHA-256 are right."""

    def test_unknown_way_to_wrap_the_key_is_passed_over(
        self, key_files: KeyFiles, other_key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        forger = forger_for(key_files)
        unknown = recipient(other_key_files, forger.file_key, algorithm=2)
        forger = replace(
            forger, recipients=unknown + forger.recipients, recipient_count=2
        )

        assert unseal(forger.sealed(b"x"), opening([keys.private])).released == b"x"

    def test_known_key_wrapped_in_an_unknown_way_is_no_key(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        forger = forger_for(key_files)
        forger = replace(
            forger, recipients=recipient(key_files, forger.file_key, algorithm=2)
        )

        outcome = unseal(forger.sealed(b"x"), opening([keys.private]))

        assert type(outcome.error) is NoPrivateKey

    def test_two_recipients_with_one_key_are_refused(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        forger = forger_for(key_files)
        forger = replace(forger, recipients=forger.recipients * 2, recipient_count=2)

        outcome = unseal(forger.sealed(b"x"), opening([keys.private]))

        assert type(outcome.error) is Damaged
        assert "two recipients" in str(outcome.error)

    @pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
    def test_file_key_of_another_size_is_refused(
        self, size: int, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        forger = forger_for(key_files)
        wrapped = recipient(key_files, bytes(size))
        forger = replace(forger, recipients=wrapped)

        assert (
            type(unseal(forger.sealed(b""), opening([keys.private])).error) is Damaged
        )

    @pytest.mark.parametrize(
        "chunks",
        [
            pytest.param(
                [middle(bytes(SMALLEST_CHUNK), 0), last(b"", 1)],
                id="empty last chunk",
            ),
            pytest.param([middle(b"half", 0), last(b"last", 1)], id="short chunk"),
            pytest.param([middle(bytes(SMALLEST_CHUNK), 0)], id="no last chunk"),
            pytest.param([last(bytes(SMALLEST_CHUNK + 1), 0)], id="chunk too long"),
            pytest.param([last(b"x", 1)], id="first chunk is not number 0"),
            pytest.param([], id="no chunk"),
        ],
    )
    def test_chunks_that_do_not_follow_the_format_are_refused(
        self, chunks: list[Chunk], key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        outcome = unseal(forger_for(key_files).object(chunks), opening([keys.private]))

        assert type(outcome.error) is Damaged

    @pytest.mark.parametrize("chunk_log2", [12, 16, 24])
    def test_every_chunk_size_of_the_format_is_read(
        self, chunk_log2: int, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        forger = forger_for(key_files, chunk_log2=chunk_log2)
        payload = bytes((1 << chunk_log2) + 1)

        assert unseal(forger.sealed(payload), opening([keys.private])).released == (
            payload
        )

    def test_attributes_that_are_not_known_are_passed_over(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        attributes = {"name": NAME, "system": str(SYSTEM), "later": {"a": [1, None]}}
        forger = forger_for(key_files, attributes=json.dumps(attributes).encode())

        assert unseal(forger.sealed(b"x"), opening([keys.private])).released == b"x"

    def test_object_that_ends_before_its_chunks_is_cut_short(
        self, key_files: KeyFiles, keys: LoadedKeys
    ) -> None:
        stored = forger_for(key_files).object(chunks_of(b"x", SMALLEST_CHUNK))

        assert type(unseal(stored[:-48], opening([keys.private])).error) is CutShort
