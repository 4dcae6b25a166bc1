import grp
import os
import pwd
from pathlib import Path

import pytest

from cloudhoard.errors import UsageError
from cloudhoard.operations.restore_owner import choose_owner
from cloudhoard.operations.target_tree import Owner

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def user() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


@as_root
def test_user_brings_its_own_group(tmp_path: Path) -> None:
    assert choose_owner("nobody", tmp_path) == Owner(user().pw_uid, user().pw_gid)


@as_root
def test_group_may_be_named_and_both_may_be_numbers(tmp_path: Path) -> None:
    group = grp.getgrnam("daemon").gr_gid

    assert choose_owner("nobody:daemon", tmp_path) == Owner(user().pw_uid, group)
    assert choose_owner("54321:4321", tmp_path) == Owner(54321, 4321)


@as_root
def test_default_is_the_nearest_owner_who_is_not_root(tmp_path: Path) -> None:
    home, target = tmp_path / "home", tmp_path / "home/a/target"
    home.mkdir()
    os.chown(home, 54321, 4321)
    assert choose_owner(None, target) == Owner(54321, 4321)

    target.mkdir(parents=True)
    os.chown(target, 54322, 4322)
    assert choose_owner(None, target) == Owner(54322, 4322)


@as_root
def test_root_as_owner_is_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert choose_owner(None, tmp_path / "target") == Owner(0, os.getegid())
    assert "PostgreSQL does not run" in caplog.text


@as_root
@pytest.mark.parametrize(
    "text", ["", ":", "no-such-user", "nobody:", "nobody:no-such-group", "54321", "-1"]
)
def test_what_names_nobody_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError):
        choose_owner(text, tmp_path)
