"""docs/decrypt.py does what it says, with nothing of CloudHoard."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.encoding import Encoding, encoded
from cloudhoard.codec.keys import PublicKey
from tests.support.sealed_objects import noise

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "decrypt.py"
GOLDEN = ROOT / "tests" / "golden" / "codec"
PRIVATE = GOLDEN / "golden.private.pem"
PLAIN = GOLDEN / "plain.txt"


def decrypt(path: Path) -> subprocess.CompletedProcess[bytes]:
    # -I: from a directory without cloudhoard beside it.
    argv: list[str | Path] = [sys.executable, "-I", SCRIPT, PRIVATE, path]
    return subprocess.run(argv, capture_output=True, check=False)


def test_script_is_short_and_needs_cryptography_only() -> None:
    text = SCRIPT.read_text()
    code = [line for line in text.split('"""')[2].splitlines() if line.strip()]

    assert len(code) <= 55
    assert "import cloudhoard" not in text
    assert "from cloudhoard" not in text


@pytest.mark.parametrize(
    ("name", "plain"), [("empty.enc", b""), ("five-chunks.enc", PLAIN.read_bytes())]
)
def test_golden_object_is_decrypted(name: str, plain: bytes) -> None:
    run = decrypt(GOLDEN / name)

    assert (run.returncode, run.stdout) == (0, plain)
    assert f"golden/{name}".encode() in run.stderr


def test_compressed_object_is_what_zstd_reads() -> None:
    run = decrypt(GOLDEN / "three-recipients.zst.enc")

    assert run.stdout == (GOLDEN / "plain.txt.zst").read_bytes()


@pytest.mark.parametrize("size", [(1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20])
def test_object_of_today_is_decrypted(size: int, tmp_path: Path) -> None:
    plain = noise(size)
    encoding = Encoding(
        Compression.parse("none"), (PublicKey.load(GOLDEN / "golden.public.pem"),)
    )
    stored = io.BytesIO()
    with encoded(stored, encoding, {"name": "x.enc", "system": "1"}) as sink:
        sink.write(plain)
    path = tmp_path / "x.enc"
    path.write_bytes(stored.getvalue())

    assert decrypt(path).stdout == plain


@pytest.mark.parametrize("size", [0, 20, 300, 700, 4000, 10_000, 20_700, 20_796])
def test_cut_object_is_an_error(size: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.enc"
    path.write_bytes((GOLDEN / "five-chunks.enc").read_bytes()[:size])

    run = decrypt(path)

    assert run.returncode != 0
    assert len(run.stdout) % 4096 == 0
    assert PLAIN.read_bytes().startswith(run.stdout)


@pytest.mark.parametrize("position", [5, 30, 60, 400, 600, 1000, 10_000, 20_740])
def test_changed_object_is_an_error(position: int, tmp_path: Path) -> None:
    stored = bytearray((GOLDEN / "five-chunks.enc").read_bytes())
    stored[position] ^= 1
    path = tmp_path / "changed.enc"
    path.write_bytes(stored)

    run = decrypt(path)

    assert run.returncode != 0
    assert PLAIN.read_bytes().startswith(run.stdout)


def test_object_for_another_key_says_so(tmp_path: Path) -> None:
    encoding = Encoding(
        Compression.parse("none"), (PublicKey.load(GOLDEN / "locked.public.pem"),)
    )
    stored = io.BytesIO()
    with encoded(stored, encoding, {"name": "x.enc", "system": "1"}):
        pass
    path = tmp_path / "x.enc"
    path.write_bytes(stored.getvalue())

    assert decrypt(path).stderr == b"encrypted for another key\n"
