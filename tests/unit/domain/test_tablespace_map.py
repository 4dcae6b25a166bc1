import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.tablespace_map import (
    MappedTablespace,
    parse_tablespace_map,
    render_tablespace_map,
)
from cloudhoard.errors import InvalidFormat
from tests.support.golden_postgres import MAJORS, golden

tablespaces = st.lists(
    st.builds(MappedTablespace, st.integers(1, 2**32 - 1), st.text(min_size=1))
)


@pytest.mark.parametrize("major", MAJORS)
def test_maps_of_real_servers_are_read_and_written_again(major: int) -> None:
    text = golden(major, "tablespace_map").read_text()

    first, second = parse_tablespace_map(text)

    assert first.location.endswith("/first")
    assert second.location.endswith("/second one")
    assert render_tablespace_map([first, second]) == text


@given(tablespaces)
def test_map_reads_what_it_wrote(written: list[MappedTablespace]) -> None:
    assert parse_tablespace_map(render_tablespace_map(written)) == tuple(written)


def test_line_ends_and_backslashes_in_locations_are_escaped() -> None:
    mapped = MappedTablespace(16384, "/srv/a\nb\rc\\d")

    assert render_tablespace_map([mapped]) == "16384 /srv/a\\\nb\\\rc\\\\d\n"


@pytest.mark.parametrize(
    "text", ["16384\n", "16384 /srv/a", "x /srv\n", "0 /srv\n", "1 /a\\", "1 /a\n\n"]
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidFormat, match="of tablespace_map is malformed"):
        parse_tablespace_map(text)
