"""Whether backup_label and pg_control are those that backup.info speaks of."""

from cloudhoard.domain.backup_label import BackupLabel
from cloudhoard.domain.control_data import ControlData
from cloudhoard.errors import DamagedError, InvalidFormat
from cloudhoard.operations.read_stored_backup import Commit


def check_label(content: bytes | None, commit: Commit) -> None:
    """Return normally when content, the file backup_label, is the backup's.

    Raises:
        DamagedError: there is none, or it is another backup's: recovery would begin
            at the wrong place.
    """
    if content is None:
        raise DamagedError(
            "backup_label is in no volume, so that the last of the data directory is"
            " missing"
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidFormat("backup_label is not UTF-8") from error
    label, info = BackupLabel.parse(text), commit.info
    if label.start_lsn != info.begin_xlog:
        raise DamagedError(
            f"backup_label begins at {label.start_lsn}, backup.info at"
            f" {info.begin_xlog}: a volume of the data directory is another's"
        )
    if info.backup_label is not None and info.backup_label != text:
        raise DamagedError("backup_label is not the one that backup.info has")


def check_control(content: bytes, commit: Commit) -> None:
    """Return normally when content, the file pg_control, is the cluster's.

    Raises:
        DamagedError: its checksum is wrong, or it is another cluster's.
    """
    control, info = ControlData.parse(content), commit.info
    if control.system_identifier != info.systemid:
        raise DamagedError(
            f"global/pg_control is of the cluster {control.system_identifier},"
            f" backup.info of {info.systemid}"
        )
    if control.major != info.major:
        raise DamagedError(
            f"global/pg_control is of PostgreSQL {control.major}, backup.info of"
            f" {info.version}"
        )
