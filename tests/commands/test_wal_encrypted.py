"""wal-archive and wal-restore with keys."""

import random
from pathlib import Path

import pytest

from tests.support.key_files import KeyFiles
from tests.support.wal_files import (
    FIRST,
    FIRST_KEY,
    HISTORY,
    HISTORY_TEXT,
    OTHER_SYSTEM,
    SECOND,
    DataDirectory,
    archive,
    archived,
    fetch,
    objects,
    segment_bytes,
)

STORED = f"{FIRST_KEY}.zst.enc"


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return KeyFiles.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def other_keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFiles:
    return KeyFiles.make(tmp_path_factory.mktemp("keys"), "other")


@pytest.mark.parametrize(
    ("name", "content"), [(FIRST, segment_bytes(FIRST)), (HISTORY, HISTORY_TEXT)]
)
@pytest.mark.parametrize("compression", ["none", "zstd:3"])
def test_encrypted_file_comes_back(
    name: str,
    content: bytes,
    compression: str,
    root: Path,
    data: DataDirectory,
    keys: KeyFiles,
) -> None:
    path = data.file(name, content)
    options = ["--compression", compression, *keys.encrypting]

    assert archive(root, path, *options) == 0
    assert fetch(root, name, data.destination, *keys.decrypting) == 0

    assert data.destination.read_bytes() == content
    stored = objects(root)[archived(root)[-1]]
    assert content[10:40] not in stored


def test_same_file_is_recognised_without_a_private_key(
    root: Path, data: DataDirectory, keys: KeyFiles
) -> None:
    path = data.segment(FIRST)
    archive(root, path, *keys.encrypting)
    before = objects(root)

    assert archive(root, path, *keys.encrypting) == 0

    assert objects(root) == before


@pytest.mark.parametrize("name", [FIRST, HISTORY])
def test_one_byte_changed_is_refused_without_a_private_key(
    name: str,
    root: Path,
    data: DataDirectory,
    keys: KeyFiles,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = HISTORY_TEXT if name == HISTORY else segment_bytes(FIRST)
    archive(root, data.file(name, content), *keys.encrypting)
    before = objects(root)
    changed = content.replace(content[-9:], content[-9:-1] + b"\1")

    path = data.file(name, content[:-2] + b"#\n" if name == HISTORY else changed)
    assert archive(root, path, *keys.encrypting) == 1

    assert objects(root) == before
    assert "stored: gmac:" in capsys.readouterr().err


def test_copy_of_the_cluster_has_the_same_digest_key(
    root: Path, data: DataDirectory, keys: KeyFiles, tmp_path: Path
) -> None:
    archive(root, data.segment(FIRST), *keys.encrypting)
    standby = DataDirectory(tmp_path / "standby")

    assert archive(root, standby.segment(FIRST), *keys.encrypting) == 0


def test_damaged_object_under_the_name_is_found_without_a_private_key(
    root: Path, data: DataDirectory, keys: KeyFiles
) -> None:
    path = data.segment(FIRST)
    archive(root, path, *keys.encrypting)
    content = bytearray((root / STORED).read_bytes())
    content[len(content) // 2] ^= 1
    (root / STORED).write_bytes(content)

    assert archive(root, path, *keys.encrypting) == 5


def test_object_without_a_digest_needs_a_private_key(
    root: Path, data: DataDirectory, keys: KeyFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    path = data.segment(FIRST)
    (data.path / "global" / "pg_control").unlink()
    archive(root, path, *keys.encrypting)

    assert archive(root, path, *keys.encrypting) == 1
    assert "this host cannot tell" in capsys.readouterr().err
    assert archive(root, path, *keys.encrypting, *keys.decrypting) == 0
    data.segment(FIRST, seed=1)
    assert archive(root, path, *keys.encrypting, *keys.decrypting) == 1


def test_digest_key_of_a_file_is_used_instead_of_the_control_file(
    root: Path, data: DataDirectory, keys: KeyFiles, tmp_path: Path
) -> None:
    path = data.segment(FIRST)
    (data.path / "global" / "pg_control").unlink()
    digest_key = tmp_path / "digest.key"
    digest_key.write_text("42" * 32 + "\n")
    options = [*keys.encrypting, "--digest-key", str(digest_key)]

    assert archive(root, path, *options) == 0
    assert archive(root, path, *options) == 0
    data.segment(FIRST, seed=1)
    assert archive(root, path, *options) == 1


def test_conflicting_partial_segment_is_encrypted_aside(
    root: Path, data: DataDirectory, keys: KeyFiles
) -> None:
    name = f"{FIRST}.partial"
    archive(root, data.segment(name), *keys.encrypting)

    assert archive(root, data.segment(name, seed=1), *keys.encrypting) == 0

    assert len(archived(root)) == 3
    assert archived(root)[1].startswith(f"cloudhoard/partial/{name}.")
    assert archived(root)[1].endswith(".zst.enc")


def test_object_that_was_stored_under_another_name_is_no_copy(
    root: Path, data: DataDirectory, keys: KeyFiles
) -> None:
    archive(root, data.segment(FIRST), *keys.encrypting)
    renamed = STORED.replace(FIRST, SECOND)
    (root / renamed).write_bytes((root / STORED).read_bytes())

    assert archive(root, data.segment(SECOND), *keys.encrypting) == 5


def test_control_file_of_another_cluster_gives_no_digest(
    root: Path, data: DataDirectory, keys: KeyFiles
) -> None:
    path = data.file(FIRST, segment_bytes(FIRST, system=OTHER_SYSTEM))
    archive(root, path, *keys.encrypting)

    header = (root / STORED).read_bytes()[:4096]
    assert b'"system"' in header
    assert b'"digest"' not in header


class TestRefused:
    """Exit 197 in archive recovery, nothing at the destination."""

    @pytest.fixture
    def filled(self, root: Path, data: DataDirectory, keys: KeyFiles) -> Path:
        archive(root, data.segment(FIRST), *keys.encrypting)
        return root

    def assert_refused(
        self, root: Path, data: DataDirectory, *options: str, name: str = FIRST
    ) -> None:
        assert fetch(root, name, data.destination, *options) == 197
        assert not data.destination.exists()

    def test_without_a_key(
        self, filled: Path, data: DataDirectory, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.assert_refused(filled, data)
        assert "no private key for key id ops" in capsys.readouterr().err

    def test_with_another_key(
        self, filled: Path, data: DataDirectory, other_keys: KeyFiles
    ) -> None:
        self.assert_refused(filled, data, "--private-key", str(other_keys.private))

    def test_signed_by_a_stranger(
        self, filled: Path, data: DataDirectory, keys: KeyFiles, other_keys: KeyFiles
    ) -> None:
        trusting = ["--trusted-signer", str(other_keys.signer)]
        self.assert_refused(filled, data, "--private-key", str(keys.private), *trusting)

    def test_forged_with_the_public_key_alone(
        self, filled: Path, data: DataDirectory, keys: KeyFiles
    ) -> None:
        path = data.segment(SECOND)
        archive(filled, path, "--public-key", str(keys.public))

        self.assert_refused(filled, data, *keys.decrypting, name=SECOND)

    def test_plain_unless_accepted(
        self, filled: Path, data: DataDirectory, keys: KeyFiles
    ) -> None:
        archive(filled, data.segment(SECOND))

        self.assert_refused(filled, data, *keys.decrypting, name=SECOND)
        options = [*keys.decrypting, "--accept-plain"]
        assert fetch(filled, SECOND, data.destination, *options) == 0

    def test_renamed(self, filled: Path, data: DataDirectory, keys: KeyFiles) -> None:
        renamed = STORED.replace(FIRST, SECOND)
        (filled / renamed).write_bytes((filled / STORED).read_bytes())

        self.assert_refused(filled, data, *keys.decrypting, name=SECOND)

    def test_of_another_cluster(
        self, filled: Path, keys: KeyFiles, tmp_path: Path
    ) -> None:
        other = DataDirectory(tmp_path / "other", system=OTHER_SYSTEM)

        self.assert_refused(filled, other, *keys.decrypting)

    def test_any_byte_flipped(
        self, filled: Path, data: DataDirectory, keys: KeyFiles
    ) -> None:
        content = (filled / STORED).read_bytes()
        positions = random.Random(1).sample(range(len(content)), 60)  # noqa: S311

        for position in (*positions, 0, len(content) - 1):
            flipped = bytearray(content)
            flipped[position] ^= 1
            (filled / STORED).write_bytes(flipped)
            self.assert_refused(filled, data, *keys.decrypting)

    def test_variant_that_differs(
        self, filled: Path, data: DataDirectory, keys: KeyFiles
    ) -> None:
        (filled / FIRST_KEY).write_bytes(segment_bytes(FIRST, seed=1))

        self.assert_refused(filled, data, *keys.decrypting, "--accept-plain")
