"""Whatever happens to an encrypted object by accident is found, and rightly named."""

import io
from collections.abc import Callable

import pytest

from cloudhoard.codec.container_reader import check_stored
from cloudhoard.codec.errors import CutShort, Damaged
from cloudhoard.errors import DamagedError
from tests.support.sealed_objects import (
    SMALLEST_CHUNK,
    LoadedKeys,
    Outcome,
    QuickPrivateKey,
    noise,
    opening,
    seal,
    unseal,
)

SLICES = 8
"""Parts that an exhaustive test is cut into, for several processes to share."""
PAYLOADS = {
    "empty": b"",
    "one chunk": noise(100, seed=1),
    "one full chunk": noise(SMALLEST_CHUNK, seed=2),
    "two chunks": noise(SMALLEST_CHUNK + 50, seed=3),
}

Read = Callable[[bytes], Outcome]


@pytest.fixture(scope="module", params=PAYLOADS)
def payload(request: pytest.FixtureRequest) -> bytes:
    return PAYLOADS[request.param]


@pytest.fixture(scope="module")
def stored(payload: bytes, keys: LoadedKeys, other_keys: LoadedKeys) -> bytes:
    return seal(payload, [keys.public, other_keys.public], signer=keys.signing)


@pytest.fixture(scope="module")
def read(keys: LoadedKeys) -> Read:
    """Read an object with everything that is needed, and every check."""
    wanted = opening([QuickPrivateKey.of(keys.private)], [keys.signer])
    return lambda stored: unseal(stored, wanted)


def error_of_check(stored: bytes) -> type[DamagedError] | None:
    try:
        check_stored(io.BytesIO(stored))
    except DamagedError as error:
        return type(error)
    return None


def expected_after_flip(stored: bytes, position: int) -> type[DamagedError]:
    is_end_mark = len(stored) - 48 <= position < len(stored) - 40
    return CutShort if is_end_mark else Damaged


def released_by(outcome: Outcome, payload: bytes) -> bool:
    """Whether what was given out is whole chunks, from the first, unchanged."""
    size = len(outcome.released)
    return size % SMALLEST_CHUNK == 0 and payload.startswith(outcome.released)


def test_unharmed_object_is_read(stored: bytes, payload: bytes, read: Read) -> None:
    outcome = read(stored)

    assert (outcome.error, outcome.released) == (None, payload)
    assert error_of_check(stored) is None


@pytest.mark.parametrize("part", range(SLICES))
def test_object_cut_anywhere_is_cut_short(
    part: int, stored: bytes, payload: bytes, read: Read
) -> None:
    for size in range(part, len(stored), SLICES):
        outcome = read(stored[:size])

        assert type(outcome.error) is CutShort, size
        assert released_by(outcome, payload), size
        assert error_of_check(stored[:size]) is CutShort, size


@pytest.mark.parametrize("part", range(SLICES))
def test_object_with_any_byte_flipped_is_damaged(
    part: int, stored: bytes, payload: bytes, read: Read
) -> None:
    for position in range(part, len(stored), SLICES):
        flipped = bytearray(stored)
        flipped[position] ^= 1 << position * 5 % 8
        expected = expected_after_flip(stored, position)

        outcome = read(bytes(flipped))

        assert type(outcome.error) is expected, position
        assert released_by(outcome, payload), position
        assert outcome.released != payload or not payload, position
        assert error_of_check(bytes(flipped)) is expected, position


@pytest.mark.parametrize("length", [1, 15, 16, 17, 47, 48, 49, 5000])
def test_object_with_bytes_appended_is_added_to(
    length: int, stored: bytes, payload: bytes, read: Read
) -> None:
    longer = stored + bytes(length)

    outcome = read(longer)

    assert type(outcome.error) is CutShort
    assert "cut short or added to" in str(outcome.error)
    assert released_by(outcome, payload)
    assert error_of_check(longer) is CutShort


def test_object_written_twice_into_one_is_damaged(stored: bytes, read: Read) -> None:
    # It ends in an end mark, as it must: only the hash can tell.
    assert type(read(stored + stored).error) is Damaged
    assert error_of_check(stored + stored) is Damaged


@pytest.mark.parametrize("zeros", [1, 512, 4096])
def test_object_whose_end_is_zeros_is_cut_short(
    zeros: int, stored: bytes, read: Read
) -> None:
    # What some file systems leave of a file after a power cut.
    holed = stored[:-zeros] + bytes(min(zeros, len(stored)))
    if holed == stored:
        return  # it ends in a zero as it is, once in 256 times

    expected = Damaged if zeros <= 40 else CutShort
    assert type(read(holed).error) is expected
    assert error_of_check(holed) is expected


def test_other_object_is_not_an_encrypted_one(read: Read) -> None:
    for data in (b"", b"CLDHOARD", b"\x28\xb5\x2f\xfd" + bytes(1000)):
        assert type(read(data).error) is CutShort
