import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloudhoard.storage.exclusive_create import (
    publish,
    rename_exclusively,
    rename_if_free,
)


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    descriptor = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("rename", [rename_exclusively, rename_if_free])
def test_free_name_is_taken_and_taken_one_kept(
    tmp_path: Path, directory: int, rename: Callable[[int, str, str], None]
) -> None:
    for content in ("first", "second"):
        (tmp_path / "temporary").write_text(content)
        if content == "first":
            rename(directory, "temporary", "name")
            assert not (tmp_path / "temporary").exists()
        else:
            with pytest.raises(FileExistsError):
                rename(directory, "temporary", "name")

    assert (tmp_path / "name").read_text() == "first"
    assert (tmp_path / "temporary").read_text() == "second"


def test_kernels_exclusive_rename_lets_one_of_many_win(
    tmp_path: Path, directory: int
) -> None:
    won: list[int] = []

    def rename(number: int) -> None:
        try:
            rename_exclusively(directory, f"temporary{number}", "name")
        except FileExistsError:
            return
        won.append(number)

    for number in range(20):
        (tmp_path / f"temporary{number}").write_text(str(number))
    threads = [threading.Thread(target=rename, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert (tmp_path / "name").read_text() == str(won[0])


@pytest.mark.parametrize("rename", [rename_exclusively, rename_if_free])
def test_dangling_link_is_a_taken_name(
    tmp_path: Path, directory: int, rename: Callable[[int, str, str], None]
) -> None:
    (tmp_path / "temporary").touch()
    (tmp_path / "name").symlink_to("nowhere")

    with pytest.raises(FileExistsError):
        rename(directory, "temporary", "name")

    assert (tmp_path / "name").is_symlink()


def test_name_that_is_our_own_file_already_is_success(
    tmp_path: Path, directory: int
) -> None:
    # A file server made the link, its answer was lost, and the kernel asked again.
    with (tmp_path / "temporary").open("wb") as file:
        os.link(tmp_path / "temporary", tmp_path / "name")

        publish(directory, "temporary", "name", file.fileno())

    assert (tmp_path / "name").stat().st_nlink == 2


def test_name_of_another_file_is_refused_even_if_ours_has_two_links(
    tmp_path: Path, directory: int
) -> None:
    (tmp_path / "name").write_text("another's")
    with (tmp_path / "temporary").open("wb") as file:
        os.link(tmp_path / "temporary", tmp_path / "a third name")

        with pytest.raises(FileExistsError):
            publish(directory, "temporary", "name", file.fileno())

    assert (tmp_path / "name").read_text() == "another's"
