"""barman-cloud 3.20, which alone has base backups compressed by zstd."""

import pytest

from tests.support.two_tools import TwoTools, rows_of
from tests.support.workplace import Workplace

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def tools(module_workplace: Workplace) -> TwoTools:
    tools = TwoTools.at(module_workplace, newer_barman=True)
    tools.archive_by("ours")
    tools.write()
    return tools


def test_zstd_of_barman_s_is_restored_by_us(
    tools: TwoTools, module_workplace: Workplace
) -> None:
    backup_id = tools.back_up("theirs", "--zstd", "-S", "1MB")
    assert [key for key in tools.keys(f"base/{backup_id}/data_") if ".tar.zst" in key]
    directory = module_workplace.directory / "theirs"

    place = ["--tablespace", f"ts1:{directory}-ts1", "--archive-mode", "off"]
    tools.run("ours", "restore", backup_id, directory, options=place)

    restored = module_workplace.adopt("theirs", directory)
    tools.recover_as_written(restored)
    assert rows_of(restored) == tools.rows
    restored.stop()


def test_zstd_of_ours_is_restored_by_barman(
    tools: TwoTools, module_workplace: Workplace
) -> None:
    backup_id = tools.back_up("ours", "--compression", "zstd", "--volume-size", "8MiB")
    directory = module_workplace.directory / "ours"

    place = ["--tablespace", f"ts1:{directory}-ts1"]
    tools.run("theirs", "restore", backup_id, directory, options=place)

    restored = module_workplace.adopt("ours", directory)
    for path in (directory, directory.with_name("ours-ts1")):
        restored.os_user.give(path)
    tools.recover(restored, "ours")
    assert rows_of(restored) == tools.rows
    restored.stop()
