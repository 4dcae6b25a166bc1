import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.archive_identity import ArchiveIdentity
from cloudhoard.errors import InvalidFormat

IDENTITY = ArchiveIdentity(system_identifier=7710490735113798557, segment_size=16 << 20)
TEXT = (
    b'{"layout_version":1,"system_identifier":"7710490735113798557",'
    b'"segment_size":16777216}\n'
)


def test_identity_is_one_line_of_json_with_the_identifier_as_a_string() -> None:
    assert IDENTITY.to_json() == TEXT


@given(st.integers(0, 2**64 - 1), st.integers(20, 30))
def test_identity_reads_what_it_wrote(system_identifier: int, power: int) -> None:
    identity = ArchiveIdentity(
        system_identifier=system_identifier, segment_size=1 << power
    )

    assert ArchiveIdentity.from_json(identity.to_json()) == identity


def test_unknown_members_are_for_newer_versions() -> None:
    newer = TEXT.replace(b'{"', b'{"note":[1,{}],"', 1)

    assert ArchiveIdentity.from_json(newer) == IDENTITY


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not valid JSON"),
        (b"[]", "is not a JSON object"),
        (b"\xff", "is not valid JSON"),
        (b"[" * 60000, "is not valid JSON"),
        (b" " * 70000, "is longer than"),
        (TEXT.replace(b":1,", b":2,"), "layout version 2, newer than 1"),
        (TEXT.replace(b":1,", b":true,"), "is not an integer"),
        (TEXT.replace(b'"7710490735113798557"', b"7710490735113798557"), "a string"),
        (TEXT.replace(b'"7710490735113798557"', b'"18446744073709551616"'), "64-bit"),
        (TEXT.replace(b"16777216", b"16777215"), "has segment size 16777215"),
        (TEXT.replace(b"16777216", b"1" * 5000), "is not valid JSON"),
        (TEXT.replace(b"16777216", b"NaN"), "is not valid JSON"),
        (TEXT.replace(b"segment_size", b"layout_version"), "is not valid JSON"),
        (TEXT.replace(b"segment_size", b"segment"), "has no 'segment_size'"),
    ],
)
def test_forged_identities_are_refused_in_one_line(data: bytes, message: str) -> None:
    with pytest.raises(InvalidFormat, match=message) as caught:
        ArchiveIdentity.from_json(data)

    assert "\n" not in caught.value.message
