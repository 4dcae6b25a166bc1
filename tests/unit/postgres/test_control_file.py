import threading
from pathlib import Path

import pytest

from cloudhoard.errors import InvalidFormat
from cloudhoard.postgres.control_file import read_control_bytes, read_control_data
from tests.support.golden_postgres import golden

WHOLE = golden(15, "pg_control").read_bytes()
TORN = WHOLE[:100] + bytes(100) + WHOLE[200:]


@pytest.fixture
def data_directory(tmp_path: Path) -> Path:
    (tmp_path / "global").mkdir()
    return tmp_path


def test_the_whole_file_is_returned(data_directory: Path) -> None:
    (data_directory / "global" / "pg_control").write_bytes(WHOLE)

    assert read_control_bytes(data_directory) == WHOLE
    assert read_control_data(data_directory).major == 15


def test_a_torn_file_is_read_again_until_it_is_whole(data_directory: Path) -> None:
    path = data_directory / "global" / "pg_control"
    path.write_bytes(TORN)
    # In place, as the server does, while the reader waits.
    writer = threading.Timer(0.03, path.write_bytes, [WHOLE])
    writer.start()

    data = read_control_bytes(data_directory)

    writer.join()
    assert data == WHOLE


def test_a_file_that_stays_torn_is_refused_and_named(data_directory: Path) -> None:
    path = data_directory / "global" / "pg_control"
    path.write_bytes(TORN)

    with pytest.raises(InvalidFormat) as caught:
        read_control_data(data_directory)

    assert str(caught.value) == f"{path}: the control file's checksum is wrong"


def test_a_missing_file_is_an_error_of_the_system(data_directory: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_control_data(data_directory)
