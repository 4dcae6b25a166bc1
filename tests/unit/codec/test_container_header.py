"""The header: every bound is checked, and nothing in it makes the reader stumble."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.codec.container_header import (
    ContainerHeader,
    Recipient,
    render_signed_part,
)
from cloudhoard.codec.container_layout import HMAC_SIZE
from cloudhoard.codec.container_reader import read_header
from cloudhoard.codec.errors import CutShort, Damaged, UnknownFormat
from cloudhoard.errors import DamagedError
from tests.support.forged_objects import Forger, forger_for
from tests.support.key_files import KeyFiles
from tests.support.sealed_objects import NAME, SYSTEM, LoadedKeys, seal

GOOD = {"name": NAME, "system": str(SYSTEM)}
RECIPIENT = bytes([1]) + bytes(32) + b"\3ops" + b"\0\4wrap"

recipients = st.lists(
    st.builds(
        Recipient,
        algorithm=st.integers(0, 255),
        fingerprint=st.binary(min_size=32, max_size=32),
        key_id=st.from_regex(r"[A-Za-z0-9._-]{1,30}", fullmatch=True),
        wrapped_key=st.binary(max_size=600),
    ),
    min_size=1,
    max_size=16,
    unique_by=lambda recipient: recipient.fingerprint,
)
attributes = st.dictionaries(
    st.text(max_size=10).filter(lambda key: key not in GOOD),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=10),
        lambda values: st.lists(values, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
).map(lambda extra: GOOD | extra)


def forged(**fields: object) -> Forger:
    return Forger(recipients=RECIPIENT, **fields)  # type: ignore[arg-type]


@given(recipients, attributes, st.integers(12, 24), st.binary(min_size=32, max_size=32))
def test_header_comes_back_as_it_was_written(
    written: list[Recipient],
    described: dict[str, object],
    chunk_log2: int,
    salt: bytes,
) -> None:
    signed = render_signed_part(chunk_log2, salt, written, described, is_signed=False)
    data = signed + b"\0" + bytes(HMAC_SIZE)

    header = ContainerHeader.parse(data, NAME)

    assert header.recipients == tuple(written)
    assert header.attributes == described
    assert (header.chunk_size, header.salt) == (1 << chunk_log2, salt)
    assert header.signed_part == signed
    assert header.authenticated_part + header.hmac == data
    assert (header.signer_fingerprint, header.signature) == (None, None)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_header_or_an_error_of_ours(data: bytes) -> None:
    for begun in (data, b"CLDHOARD\1\1" + data):
        with pytest.raises(DamagedError):
            read_header(io.BytesIO(begun))


@given(st.integers(0, 200), st.binary(min_size=1, max_size=8))
def test_header_changed_anywhere_is_a_header_or_an_error_of_ours(
    position: int, change: bytes
) -> None:
    header = bytearray(forged().header())
    header[position : position + len(change)] = change
    try:
        read = read_header(io.BytesIO(bytes(header)))
    except DamagedError:
        return
    assert read.key_ids
    assert isinstance(read.name, str)
    int(read.system)


@pytest.mark.parametrize(
    ("forger", "error"),
    [
        (forged(magic=b"CLDHOARE"), Damaged),
        (forged(version=2), UnknownFormat),
        (forged(version=0), UnknownFormat),
        (forged(cipher=2), UnknownFormat),
        (forged(chunk_log2=11), Damaged),
        (forged(chunk_log2=25), Damaged),
        (forged(chunk_log2=255), Damaged),
        (forged(recipient_count=0), Damaged),
        (forged(recipient_count=2), Damaged),
        (forged(recipient_count=17), Damaged),
        (forged(header_size=0), Damaged),
        (forged(header_size=48), Damaged),
        (forged(header_size=65_537), Damaged),
        (forged(header_size=65_536), CutShort),
        (forged(header_size=2**32 - 1), Damaged),
        (forged(signature=b"\2"), Damaged),
        (forged(signature=b"\1"), Damaged),
        (forged(behind_signature=b"x"), Damaged),
        (Forger(recipients=bytes([1]) + bytes(32) + b"\0" + b"\0\0"), Damaged),
        (Forger(recipients=bytes([1]) + bytes(32) + b"\3o\x1bs\0\0"), Damaged),
        (Forger(recipients=bytes([1]) + bytes(32) + b"\3o\xc3\xa9\0\0"), Damaged),
        (Forger(recipients=bytes([1]) + bytes(32) + b"\3ops\xff\xff"), Damaged),
    ],
)
def test_field_out_of_bounds_is_refused(
    forger: Forger, error: type[DamagedError]
) -> None:
    with pytest.raises(error, match="wals/x ") as caught:
        read_header(io.BytesIO(forger.header()), name="wals/x")

    assert type(caught.value) is error or error is Damaged


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"name": "x"}',
        b'{"system": "1"}',
        b'{"name": 1, "system": "1"}',
        b'{"name": "x", "system": 1}',
        b'{"name": "x", "system": "-1"}',
        b'{"name": "x", "system": ""}',
        '{"name": "x", "system": "\u0661"}'.encode(),
        b'{"name": "x", "system": "123456789012345678901"}',
        b'{"name": "x", "name": "y", "system": "1"}',
        b'{"name": "x", "system": "1", "a": NaN}',
        b'{"name": "x", "system": "1", "a": Infinity}',
        b'{"name": "x", "system": "1"} x',
        b'{"name": "x", "system": "1", "a": ' + b"9" * 5000 + b"}",
        b'{"name": "x", "system": "1", "a": ' + b"[" * 30_000 + b"}",
    ],
)
def test_attributes_that_are_no_attributes_are_refused(text: bytes) -> None:
    with pytest.raises(Damaged):
        read_header(io.BytesIO(forged(attributes=text).header()))


def test_longest_header_is_read_and_no_longer_one_is_written() -> None:
    empty = len(render_signed_part(20, bytes(32), [], GOOD | {"x": ""}, is_signed=True))
    room = 65_536 - empty - 97 - 32

    def rendered(length: int) -> bytes:
        described = GOOD | {"x": "y" * length}
        return render_signed_part(20, bytes(32), [], described, is_signed=True)

    assert int.from_bytes(rendered(room)[12:16], "big") == 65_536
    with pytest.raises(ValueError, match="65537"):
        rendered(room + 1)
    with pytest.raises(ValueError, match="too long"):
        rendered(200_000)


@pytest.mark.parametrize("wrong", [{}, {"name": "x"}, {"name": 1, "system": "1"}])
def test_object_without_name_and_system_is_not_written(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match="attributes have"):
        render_signed_part(20, bytes(32), [], wrong, is_signed=False)


def test_header_is_read_without_a_key_and_no_further(
    keys: LoadedKeys, other_keys: LoadedKeys
) -> None:
    source = io.BytesIO(
        seal(b"x", [keys.public, other_keys.public], signer=keys.signing)
    )

    header = read_header(source)

    assert source.tell() == len(header.data)
    assert header.key_ids == ("ops", "escrow")
    assert header.fingerprints == (
        keys.public.fingerprint,
        other_keys.public.fingerprint,
    )
    assert header.signer_fingerprint == keys.signer.fingerprint
    assert (header.name, header.system) == (NAME, str(SYSTEM))


def test_header_says_nothing_of_the_content(keys: LoadedKeys) -> None:
    header = read_header(io.BytesIO(seal(b"secret", [keys.public])))

    assert json.loads(json.dumps(dict(header.attributes))) == GOOD


def test_writer_by_hand_and_ours_make_headers_of_the_same_size(
    key_files: KeyFiles, keys: LoadedKeys
) -> None:
    compact = json.dumps(GOOD, separators=(",", ":")).encode()
    by_hand = forger_for(key_files, attributes=compact).sealed(b"payload")

    assert len(seal(b"payload", [keys.public])) == len(by_hand)
