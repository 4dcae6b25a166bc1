from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudhoard.domain.archive_layout import volume_key
from cloudhoard.domain.volume_list import BackupObject, ObjectKind, VolumeList
from cloudhoard.errors import InvalidFormat
from tests.support.made_up_backups import BACKUP_ID


def volume(item: str = "data", index: int = 0, codec: str = ".zst") -> BackupObject:
    return BackupObject(
        name=volume_key(BACKUP_ID, item, index, codec).rpartition("/")[2],
        kind=ObjectKind.DATA if item == "data" else ObjectKind.TABLESPACE,
        item=item,
        index=index,
        stored_size=1000 + index,
        stored_sha256="ab" * 32,
        plain_size=10_000,
        files=7,
        codec=codec,
        key_fingerprints=("cd" * 32,) if codec.endswith(".enc") else (),
    )


MANIFEST: Final = BackupObject(
    name="backup_manifest.zst",
    kind=ObjectKind.MANIFEST,
    stored_size=50,
    stored_sha256="ef" * 32,
    plain_size=500,
    codec=".zst",
)
CONFIG: Final = replace(
    MANIFEST, name="config.tar.zst", kind=ObjectKind.CONFIG, files=3
)
VOLUMES: Final = VolumeList(
    backup_id=BACKUP_ID,
    objects=(volume(), volume("16384"), MANIFEST, volume("data", 1), CONFIG),
)


def test_volumes_keep_their_order_and_totals_count_each_object_once() -> None:
    assert VOLUMES.volumes == (volume(), volume("16384"), volume("data", 1))
    assert VOLUMES.manifest == MANIFEST
    assert VOLUMES.config == CONFIG
    assert VOLUMES.files == 21
    assert VOLUMES.plain_size == 30_000
    assert VOLUMES.stored_size == 3101
    assert VOLUMES.key_of(volume("16384")) == f"base/{BACKUP_ID}/16384.tar.zst"


@given(
    st.permutations(["data", "data", "data", "16384", "1663"]),
    st.sampled_from(["", ".zst", ".zst.enc"]),
)
def test_list_reads_what_it_wrote(items: list[str], codec: str) -> None:
    volumes = [
        volume(item, items[:at].count(item), codec) for at, item in enumerate(items)
    ]
    written = VolumeList(backup_id=BACKUP_ID, objects=(*volumes, MANIFEST))

    assert VolumeList.from_json(written.to_json(), backup_id=BACKUP_ID) == written


def test_objects_stand_one_on_a_line() -> None:
    lines = VOLUMES.to_json().decode().splitlines()

    assert len(lines) == 1 + 5 + 1
    assert lines[1] == (
        '{"name":"data.tar.zst","kind":"data","item":"data","index":0,'
        f'"stored_size":1000,"stored_sha256":"{"ab" * 32}","plain_size":10000,'
        '"files":7,"codec":".zst","key_fingerprints":[]},'
    )


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ((MANIFEST,), "volumes of data are not all there"),
        ((volume(),), "does not list one manifest"),
        ((volume(), MANIFEST, MANIFEST), "does not list one manifest"),
        ((volume(), MANIFEST, CONFIG, CONFIG), "does not list one manifest"),
        ((volume(), volume("data", 2), MANIFEST), "volumes of data are not all"),
        ((volume(), volume(), MANIFEST), "volumes of data are not all"),
        ((volume(), volume("16384", 1), MANIFEST), "volumes of 16384 are not all"),
    ],
)
def test_a_list_with_something_missing_or_twice_is_never_written(
    objects: tuple[BackupObject, ...], message: str
) -> None:
    with pytest.raises(InvalidFormat, match=message):
        VolumeList(backup_id=BACKUP_ID, objects=objects).to_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "../data.tar.zst"},
        {"name": "backup.info"},
        {"name": "data_0001.tar.zst"},
        {"name": "data.tar.gz"},
        {"codec": ".gz"},
        {"codec": ".exe"},
        {"kind": ObjectKind.TABLESPACE},
        {"kind": ObjectKind.MANIFEST},
        {"item": None},
        {"item": "16384"},
        {"index": 1},
        {"files": 50_001},
        {"key_fingerprints": ("ab" * 32,)},
    ],
)
def test_an_object_whose_facts_contradict_each_other_is_refused(
    changes: dict[str, Any],
) -> None:
    forged = replace(volume(), **changes)

    with pytest.raises(InvalidFormat):
        VolumeList(backup_id=BACKUP_ID, objects=(forged, MANIFEST)).to_json()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", b""),
        (b'"format_version":1', b'"format_version":2'),
        (BACKUP_ID.encode(), b"20261121T052228"),
        (b'"kind":"data"', b'"kind":"link"'),
        (b'"kind":"data"', b'"kind":["data"]'),
        (b'"stored_size":1000', b'"stored_size":-1'),
        (b'"stored_size":1000', b'"stored_size":1e400'),
        (b'"stored_size":1000', b'"stored_size":9223372036854775808'),
        (b'"stored_sha256":"ab', b'"stored_sha256":"AB'),
        (b'"files":7', b'"files":true'),
        (b'"index":0', b'"index":1000000000'),
        (b'"item":"data"', b'"item":0'),
        (b'"name":"data', b'"name":"\\u0000data'),
        (b'"objects":[', b'"objects":[1,'),
        (b'"objects":[', b'"objects":{},"o":['),
    ],
)
def test_forged_lists_are_refused_in_one_short_line(old: bytes, new: bytes) -> None:
    data = VOLUMES.to_json().replace(old, new, 1) if old else b"[" * 10**6
    assert data != VOLUMES.to_json()

    with pytest.raises(InvalidFormat) as caught:
        VolumeList.from_json(data, backup_id=BACKUP_ID)

    assert len(caught.value.message) < 200
    assert caught.value.message.isprintable()


def test_members_of_newer_versions_are_passed_over() -> None:
    newer = VOLUMES.to_json().replace(b'{"name"', b'{"etag":"x","name"')

    assert VolumeList.from_json(newer, backup_id=BACKUP_ID) == VOLUMES
