"""Reading the control file of a data directory whose server may be running."""

from pathlib import Path
from time import sleep
from typing import Final

from cloudhoard.domain.control_data import ControlData
from cloudhoard.errors import InvalidFormat
from cloudhoard.streams import read_exactly

CONTROL_FILE: Final = Path("global", "pg_control")
"""Its place in a data directory."""

_SIZE: Final = 8192  # PG_CONTROL_FILE_SIZE, which initdb fills up with zeros
_ATTEMPTS: Final = 10
_PAUSE: Final = 0.01
"""Seconds.  A write takes microseconds; PostgreSQL's own readers wait as long."""


def read_control_data(data_directory: Path) -> ControlData:
    """What the control file says.

    Raises:
        InvalidFormat: it is damaged, or of a version that we do not know.
        OSError: it cannot be read.
    """
    return _read(data_directory)[1]


def read_control_bytes(data_directory: Path) -> bytes:
    """The control file's 8,192 bytes, of one moment: its checksum holds.

    Raises:
        InvalidFormat: it is damaged, or of a version that we do not know.
        OSError: it cannot be read.
    """
    return _read(data_directory)[0]


def _read(data_directory: Path) -> tuple[bytes, ControlData]:
    """Read until the checksum holds, a bounded number of times.

    The server overwrites the file in place, so a reader may see half of a write
    (src/common/controldata_utils.c, ``get_controlfile``).
    """
    path = data_directory / CONTROL_FILE
    attempts = _ATTEMPTS
    while True:
        with path.open("rb", buffering=0) as file:
            data = read_exactly(file, _SIZE)
        try:
            return data, ControlData.parse(data)
        except InvalidFormat as error:
            attempts -= 1
            if not attempts:
                raise InvalidFormat(f"{path}: {error}") from error
        sleep(_PAUSE)
