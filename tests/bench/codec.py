"""Compress, encrypt and hash on some threads, against the bare libraries.

Both do what a volume of a backup takes: SHA-256 of the plain bytes (the manifest's),
zstd, AES-256-GCM in chunks of 1 MiB, SHA-256 of what is stored; and the way back. What
is printed last is the share of the libraries' speed that is left. Run it with

    python -m tests.bench.codec
"""

import argparse
import hashlib
import io
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloudhoard.codec.compression import Compression
from cloudhoard.codec.decoding import Decoding, decoded
from cloudhoard.codec.encoding import Encoding, encoded
from cloudhoard.codec.keys import PrivateKey, PublicKey, SigningKey, TrustedSigner
from cloudhoard.streams import BytesLike
from tests.support.key_files import KeyFiles

MIB = 1 << 20
NAME = "base/20261121T091500/volume.data.tar.zst.enc"
Work = Callable[[], None]


class Nowhere:
    """A sink that costs nothing."""

    def write(self, data: BytesLike, /) -> int:
        return len(data)


def pages(size: int) -> bytes:
    """Return bytes that compress as heap pages do: rows with numbers and text."""
    blocks = []
    for number in range(size // 8192):
        rows = b"".join(
            row.to_bytes(8, "little")
            + bytes(14)
            + os.urandom(20)
            + b"customer of branch %06d" % (row % 997)
            + b" " * 16
            for row in range(number * 98, number * 98 + 98)
        )
        blocks.append(rows.ljust(8192, b"\0")[:8192])
    return b"".join(blocks)


class Bare:
    """The libraries, called as directly as Python can."""

    name = "bare libraries"

    def __init__(self, corpus: bytes, level: int) -> None:
        self._blocks = [corpus[at : at + MIB] for at in range(0, len(corpus), MIB)]
        self._level = level
        self._cipher = AESGCM(bytes(32))
        self._stored: list[bytes] = []
        self._encode(self._stored.append)

    def write(self) -> None:
        self._encode(lambda _: None)

    def _encode(self, keep: Callable[[bytes], None]) -> None:
        plain, stored = hashlib.sha256(), hashlib.sha256()
        chunker = zstandard.ZstdCompressor(
            level=self._level, write_checksum=True
        ).chunker(chunk_size=MIB)

        def seal(chunks: Iterable[bytes]) -> None:
            for chunk in chunks:
                sealed = self._cipher.encrypt(bytes(12), chunk, None)
                stored.update(sealed)
                keep(sealed)

        for block in self._blocks:
            plain.update(block)
            seal(chunker.compress(block))
        seal(chunker.finish())  # type: ignore[no-untyped-call]  # theirs

    def read(self) -> None:
        plain, stored = hashlib.sha256(), hashlib.sha256()
        engine = zstandard.ZstdDecompressor().decompressobj()
        for sealed in self._stored:
            stored.update(sealed)
            chunk = self._cipher.decrypt(bytes(12), sealed, None)
            # 256 KiB at a time, as one chunk can become very large.
            for at in range(0, len(chunk), 256 << 10):
                plain.update(engine.decompress(chunk[at : at + (256 << 10)]))


class Ours:
    """The same through encoded() and decoded(), signed and checked."""

    name = "cloudhoard"

    def __init__(self, corpus: bytes, level: int, keys: KeyFiles) -> None:
        self._blocks = [corpus[at : at + MIB] for at in range(0, len(corpus), MIB)]
        self._encoding = Encoding(
            Compression("zstd", level),
            (PublicKey.load(keys.public),),
            SigningKey.load(keys.signing),
        )
        self._decoding = Decoding(
            (PrivateKey.load(keys.private),), (TrustedSigner.load(keys.signer),)
        )
        stored = io.BytesIO()
        self._encode(stored)
        self.stored = stored.getvalue()

    def write(self) -> None:
        self._encode(Nowhere())

    def _encode(self, sink: io.BytesIO | Nowhere) -> None:
        plain = hashlib.sha256()
        with encoded(sink, self._encoding, {"name": NAME, "system": "1"}) as encoder:
            for block in self._blocks:
                plain.update(block)
                encoder.write(block)

    def read(self) -> None:
        plain = hashlib.sha256()
        with decoded(
            io.BytesIO(self.stored),
            self._encoding.suffix,
            self._decoding,
            name=NAME,
            system_identifier=1,
            at_most=1 << 40,
        ) as source:
            while block := source.read(MIB):
                plain.update(block)


@dataclass(frozen=True, order=True)
class Spent:
    """What one round took."""

    wall_seconds: float
    cpu_seconds: float

    @classmethod
    def of(cls, work: Work, threads: int) -> "Spent":
        """Let threads do work, once each, at the same time."""
        workers = [threading.Thread(target=work) for _ in range(threads)]
        wall, cpu = time.perf_counter(), time.process_time()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return cls(time.perf_counter() - wall, time.process_time() - cpu)


def compare(label: str, bare: Work, ours: Work, args: argparse.Namespace) -> None:
    """Print the best of some interleaved rounds of both."""
    rounds = [
        (Spent.of(bare, args.threads), Spent.of(ours, args.threads))
        for _ in range(args.rounds)
    ]
    size = args.size * args.threads
    for what in ("wall", "cpu"):
        times = [[getattr(s, f"{what}_seconds") for s in both] for both in rounds]
        best_bare, best_ours = (min(column) for column in zip(*times, strict=True))
        print(
            f"{label:7} {what:5} {size / best_bare:7.0f} MiB/s bare"
            f" {size / best_ours:7.0f} MiB/s cloudhoard {best_bare / best_ours:7.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=128, help="MiB for each thread")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--level", type=int, default=3)
    args = parser.parse_args()
    corpus = pages(args.size * MIB)
    with tempfile.TemporaryDirectory() as directory:
        ours = Ours(corpus, args.level, KeyFiles.make(Path(directory)))
    bare = Bare(corpus, args.level)
    ratio = len(corpus) / len(ours.stored)
    print(
        f"{args.threads} threads, {args.size} MiB each, zstd-{args.level}, ratio"
        f" {ratio:.2f}, best of {args.rounds} rounds"
    )
    compare("encode", bare.write, ours.write, args)
    compare("decode", bare.read, ours.read, args)


if __name__ == "__main__":
    main()
