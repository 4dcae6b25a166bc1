import struct

import pytest

from cloudhoard.domain.control_data import ClusterState, ControlData
from cloudhoard.domain.crc32c import crc32c
from cloudhoard.domain.lsn import Lsn
from cloudhoard.errors import InvalidFormat
from tests.support.golden_postgres import MAJORS, controldata_report, golden

STATES = {
    "shut down": ClusterState.SHUT_DOWN,
    "shut down in recovery": ClusterState.SHUT_DOWN_IN_RECOVERY,
}


def content(major: int, suffix: str = "") -> bytes:
    return golden(major, f"pg_control{suffix}").read_bytes()


def signed(data: bytes, crc_at: int = 288) -> bytes:
    return data[:crc_at] + struct.pack("<I", crc32c(data[:crc_at]))


def changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + struct.pack("<I", value) + data[at + 4 :]


@pytest.mark.parametrize("suffix", ["", ".standby"])
@pytest.mark.parametrize("major", MAJORS)
def test_all_that_is_read_is_what_pg_controldata_reports(
    major: int, suffix: str
) -> None:
    report = controldata_report(major, suffix)

    control = ControlData.parse(content(major, suffix))

    assert control == ControlData(
        system_identifier=int(report["Database system identifier"]),
        control_version=int(report["pg_control version number"]),
        catalog_version=int(report["Catalog version number"]),
        major=major,
        state=STATES[report["Database cluster state"]],
        timeline=int(report["Latest checkpoint's TimeLineID"]),
        checkpoint_lsn=Lsn.parse(report["Latest checkpoint location"]),
        redo_lsn=Lsn.parse(report["Latest checkpoint's REDO location"]),
        min_recovery_lsn=Lsn.parse(report["Minimum recovery ending location"]),
        min_recovery_timeline=int(report["Min recovery ending loc's timeline"]),
        segment_size=int(report["Bytes per WAL segment"]),
        block_size=int(report["Database block size"]),
        data_checksums=int(report["Data page checksum version"]),
        mock_authentication_nonce=bytes.fromhex(report["Mock authentication nonce"]),
    )


@pytest.mark.parametrize("major", MAJORS)
def test_a_standby_knows_how_far_it_must_recover(major: int) -> None:
    control = ControlData.parse(content(major, ".standby"))

    assert control.min_recovery_lsn > control.redo_lsn
    assert control.min_recovery_timeline == 1


@pytest.mark.parametrize("major", [13, 17, 18])
def test_every_flipped_byte_under_the_checksum_is_found(major: int) -> None:
    data = content(major)[:296]
    for at in range(296 if major == 18 else 292):
        flipped = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        with pytest.raises(InvalidFormat):
            ControlData.parse(flipped)


@pytest.mark.parametrize("major", [13, 17, 18])
def test_every_file_cut_short_is_refused(major: int) -> None:
    data = content(major)[: 296 if major == 18 else 292]

    ControlData.parse(data)
    for size in range(len(data)):
        with pytest.raises(InvalidFormat, match="cut short"):
            ControlData.parse(data[:size])


def test_a_file_of_zeros_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="version 0, not one of PostgreSQL 13"):
        ControlData.parse(bytes(8192))


@pytest.mark.parametrize("version", [1201, 1900, 1300 << 16])
def test_versions_with_an_unknown_layout_are_refused(version: int) -> None:
    with pytest.raises(InvalidFormat, match=f"version {version},"):
        ControlData.parse(signed(changed(content(15), 8, version)))


@pytest.mark.parametrize(
    ("catalog", "major"),
    [(202007201, 13), (202007202, 14), (202107181, 14), (202307071, 16)],
)
def test_a_catalog_up_to_that_of_a_release_is_of_its_major(
    catalog: int, major: int
) -> None:
    data = signed(changed(content(15), 12, catalog))

    assert ControlData.parse(data).major == major


def test_a_catalog_after_the_last_release_of_its_layout_is_refused() -> None:
    with pytest.raises(InvalidFormat, match="catalog version 202307072"):
        ControlData.parse(signed(changed(content(15), 12, 202307072)))


def test_impossible_values_are_refused_though_the_checksum_holds() -> None:
    with pytest.raises(InvalidFormat, match="segment size 16777217"):
        ControlData.parse(signed(changed(content(15), 228, (16 << 20) + 1)))
    with pytest.raises(InvalidFormat, match="cluster state 7"):
        ControlData.parse(signed(changed(content(15), 16, 7)))


def test_the_nonce_is_a_secret_and_not_printed() -> None:
    control = ControlData.parse(content(15))

    assert str(control.mock_authentication_nonce) not in repr(control)
