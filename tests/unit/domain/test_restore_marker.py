import pytest

from cloudhoard.domain.restore_marker import RestoreMarker
from cloudhoard.errors import InvalidFormat

MARKER = RestoreMarker(
    backup_id="20261121T052227",
    control_sha256="ab" * 32,
    directories=("/srv/ts", "/srv/odd \udcff\n"),
)


def test_what_is_written_is_read_back() -> None:
    assert RestoreMarker.from_json(MARKER.to_json()) == MARKER


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", MARKER.to_json()[:-9], b'{"directories": [1]}']
)
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidFormat):
        RestoreMarker.from_json(data)
