"""The whole pipeline: plain bytes to a stored object and back."""

import hashlib
import io
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.container_reader import check_stored
from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.codec.encoding import EncodedSink, Encoding, encoded
from cloudhoard.codec.errors import (
    CutShort,
    Damaged,
    NoPrivateKey,
    NotTrusted,
    PlainRefused,
    UnknownFormat,
    WrongObject,
)
from cloudhoard.errors import UsageError
from tests.support.sealed_objects import (
    NAME,
    SYSTEM,
    LoadedKeys,
    QuickPrivateKey,
    noise,
)

ATTRIBUTES = {"name": NAME, "system": str(SYSTEM)}
PLAIN = b"".join(b"line %d\n" % number for number in range(300_000)) + noise(2_000_000)


@dataclass(frozen=True)
class Case:
    """One way to write, and the way to read what was written."""

    encoding: Encoding
    decoding: Decoding


CASES = ("none", "zstd:3", "none encrypted", "zstd:3 encrypted", "zstd:3 signed")


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, keys: LoadedKeys) -> Case:
    name, _, protection = request.param.partition(" ")
    compression = Compression.parse(name)
    if not protection:
        return Case(Encoding(compression), Decoding())
    private = QuickPrivateKey.of(keys.private)
    if protection == "encrypted":
        return Case(Encoding(compression, (keys.public,)), Decoding((private,)))
    return Case(
        Encoding(compression, (keys.public,), keys.signing),
        Decoding((private,), (keys.signer,)),
    )


def encode(plain: bytes, encoding: Encoding, *, step: int = 1 << 20) -> bytes:
    stored = io.BytesIO()
    with encoded(stored, encoding, ATTRIBUTES) as sink:
        for start in range(0, len(plain), step):
            sink.write(plain[start : start + step])
    return stored.getvalue()


def decode(
    stored: bytes,
    suffix: str,
    decoding: Decoding,
    *,
    name: str = NAME,
    system: int | None = SYSTEM,
    at_most: int = 1 << 30,
) -> bytes:
    with decoded(
        io.BytesIO(stored),
        suffix,
        decoding,
        name=name,
        system_identifier=system,
        at_most=at_most,
    ) as source:
        return source.read()


@given(size=st.integers(0, 300_000), step=st.integers(1000, 70_000))
def test_what_was_written_comes_back(case: Case, size: int, step: int) -> None:
    plain = PLAIN[-1_900_000:][:size] + PLAIN[:size]

    stored = encode(plain, case.encoding, step=step)

    assert decode(stored, case.encoding.suffix, case.decoding) == plain


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (1 << 20) + 1, len(PLAIN)])
def test_result_tells_what_was_stored(size: int, case: Case) -> None:
    stored = io.BytesIO()
    with encoded(stored, case.encoding, ATTRIBUTES) as sink:
        sink.write(PLAIN[-size:] if size else b"")
        assert sink.plain_size == size

    data = stored.getvalue()
    result = sink.result
    assert result.stored_size == len(data) <= case.encoding.at_most(size)
    assert result.stored_sha256 == hashlib.sha256(data).hexdigest()
    assert result.plain_size == size


@pytest.mark.parametrize("size", [0, 100, 1 << 20, 50 << 20])
def test_at_most_wastes_little(size: int, case: Case) -> None:
    assert size <= case.encoding.at_most(size) <= size * 1.005 + 70_000


def test_suffix_says_what_was_done(keys: LoadedKeys) -> None:
    zstd, none = Compression.parse("zstd"), Compression.parse("none")

    assert Encoding(zstd).suffix == ".zst"
    assert Encoding(none).suffix == ""
    assert Encoding(zstd, (keys.public,)).suffix == ".zst.enc"
    assert Encoding(none, (keys.public,)).suffix == ".enc"


def test_block_left_by_an_exception_leaves_no_object(case: Case) -> None:
    stored = io.BytesIO()
    kept: list[EncodedSink] = []
    with (
        pytest.raises(ZeroDivisionError),
        encoded(stored, case.encoding, ATTRIBUTES) as sink,
    ):
        kept.append(sink)
        sink.write(PLAIN)
        raise ZeroDivisionError

    with pytest.raises(RuntimeError, match="not finished"):
        _ = kept[0].result
    if case.encoding.suffix:
        with pytest.raises(CutShort):
            decode(stored.getvalue(), case.encoding.suffix, case.decoding)


def test_more_than_expected_is_not_given_out(case: Case) -> None:
    stored = encode(PLAIN, case.encoding)
    suffix, decoding = case.encoding.suffix, case.decoding

    assert decode(stored, suffix, decoding, at_most=len(PLAIN)) == PLAIN
    with pytest.raises(Damaged, match="more than"):
        decode(stored, suffix, decoding, at_most=len(PLAIN) - 1)


def test_block_left_before_the_end_checks_nothing_more(case: Case) -> None:
    stored = io.BytesIO(encode(PLAIN, case.encoding))
    with decoded(
        stored,
        case.encoding.suffix,
        case.decoding,
        name=NAME,
        system_identifier=None,
        at_most=1 << 30,
    ) as source:
        assert source.read(10) == PLAIN[:10]


class TestWhatIsAccepted:
    def test_plain_object_is_refused_where_a_private_key_is_given(
        self, keys: LoadedKeys
    ) -> None:
        stored = encode(PLAIN, Encoding(Compression.parse("zstd")))

        with pytest.raises(PlainRefused, match="is not encrypted") as caught:
            decode(stored, ".zst", Decoding((keys.private,)))
        assert "--accept-plain" in str(caught.value.hint)

    def test_plain_object_is_refused_where_a_signer_is_trusted(
        self, keys: LoadedKeys
    ) -> None:
        with pytest.raises(PlainRefused):
            decode(b"", "", Decoding((), (keys.signer,)))

    def test_plain_object_is_accepted_where_that_is_asked_for(
        self, keys: LoadedKeys
    ) -> None:
        decoding = Decoding((keys.private,), (keys.signer,), accept_plain=True)

        assert decode(b"plain", "", decoding) == b"plain"

    def test_accepting_plain_objects_accepts_no_unsigned_ones(
        self, keys: LoadedKeys
    ) -> None:
        stored = encode(PLAIN, Encoding(Compression.parse("zstd"), (keys.public,)))
        decoding = Decoding((keys.private,), (keys.signer,), accept_plain=True)

        with pytest.raises(NotTrusted):
            decode(stored, ".zst.enc", decoding)

    def test_without_a_key_the_missing_one_is_named(self, keys: LoadedKeys) -> None:
        stored = encode(PLAIN, Encoding(Compression.parse("zstd"), (keys.public,)))

        with pytest.raises(NoPrivateKey, match="key id ops") as caught:
            decode(stored, ".zst.enc", Decoding())
        assert caught.value.hint == "give --private-key with the private key of ops"

    def test_object_of_another_name_or_cluster_is_refused(
        self, keys: LoadedKeys
    ) -> None:
        stored = encode(PLAIN, Encoding(Compression.parse("zstd"), (keys.public,)))
        decoding = Decoding((keys.private,))

        with pytest.raises(WrongObject):
            decode(stored, ".zst.enc", decoding, name="wals/other.zst.enc")
        with pytest.raises(WrongObject):
            decode(stored, ".zst.enc", decoding, system=1)

    def test_compressed_object_renamed_to_another_compression_is_refused(
        self, keys: LoadedKeys
    ) -> None:
        stored = encode(PLAIN, Encoding(Compression.parse("none"), (keys.public,)))

        with pytest.raises(Damaged, match="not what zstd writes"):
            decode(stored, ".zst.enc", Decoding((keys.private,)))
        with pytest.raises(UnknownFormat):
            decode(stored, ".lzma.enc", Decoding((keys.private,)))

    def test_archive_may_mix_plain_objects_and_several_keys(
        self, keys: LoadedKeys, other_keys: LoadedKeys
    ) -> None:
        zstd = Compression.parse("zstd")
        decoding = Decoding((keys.private, other_keys.private), accept_plain=True)
        encodings = [
            Encoding(zstd),
            Encoding(zstd, (keys.public,)),
            Encoding(zstd, (other_keys.public,)),
        ]

        read = [
            decode(encode(PLAIN, encoding), encoding.suffix, decoding)
            for encoding in encodings
        ]

        assert read == [PLAIN] * 3


class TestRecipients:
    def test_one_key_given_twice_is_refused(self, keys: LoadedKeys) -> None:
        with pytest.raises(UsageError, match="public keys ops and ops are the same"):
            Encoding(Compression.parse("zstd"), (keys.public, keys.public))

    def test_more_than_sixteen_are_refused(self, keys: LoadedKeys) -> None:
        with pytest.raises(UsageError, match="more than 16"):
            Encoding(Compression.parse("zstd"), (keys.public,) * 17)


def test_stored_object_is_checked_without_a_key(keys: LoadedKeys) -> None:
    stored = encode(PLAIN, Encoding(Compression.parse("zstd"), (keys.public,)))

    assert check_stored(io.BytesIO(stored)).name == NAME
    with pytest.raises(CutShort):
        check_stored(io.BytesIO(stored[:-1]))
