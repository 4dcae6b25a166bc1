"""Stores that take no key with two slashes in a row: nothing can be misplaced there."""

from cloudhoard.domain.archive_layout import keep_key
from cloudhoard.domain.control_data import ControlData
from tests.services.juicefs import juicefs_endpoint
from tests.services.seaweedfs import ADMIN
from tests.support.barman_backups import CONTROL, BarmanBackup
from tests.support.fault_proxy import FaultProxy
from tests.support.made_up_backups import put_identity
from tests.support.s3_commands import S3Commands
from tests.support.s3_store import Bucket
from tests.support.stored_backup import BACKUP_ID


def test_backups_are_listed_kept_and_deleted_all_the_same() -> None:
    bucket = Bucket(juicefs_endpoint(), ADMIN)
    storage = bucket.open("pg/main")
    put_identity(storage, ControlData.parse(CONTROL).system_identifier)
    BarmanBackup().store(storage)

    with FaultProxy(bucket.endpoint) as proxy:
        s3 = S3Commands(bucket, proxy)
        s3.asked("backup-list")
        s3.asked("backup-keep", BACKUP_ID, options=["--target", "full"])
        assert keep_key(BACKUP_ID) in s3.stored()
        s3.asked("backup-delete", options=["-b", BACKUP_ID], exit_code=1)
        s3.asked("backup-keep", BACKUP_ID, options=["--release"])
        s3.asked("backup-delete", options=["-b", BACKUP_ID])
        assert not [key for key in s3.stored() if key.startswith("base/")]
