"""Backup, restore and single WAL segments on S3 against barman-cloud.

All contenders take turns within each round, on one JuiceFS gateway that this program
starts. Prints, best of the rounds, seconds, the ratio to ours, MiB/s of plain data, CPU
seconds, and the peak memory of the largest process and of all processes together; for
single segments the median in milliseconds, process start included.
"""

import argparse
import os
import statistics
from pathlib import Path

from tests.bench.backup_restore import (
    Results,
    directory_size,
    loaded_cluster,
    run_rounds,
)
from tests.bench.measure import MIB, measure
from tests.bench.s3_contenders import BarmanOnS3, CloudHoardOnS3, S3Contender
from tests.services.juicefs import own_juicefs
from tests.services.seaweedfs import ADMIN
from tests.services.shared import RUN_DIRECTORY
from tests.support.cluster import Cluster
from tests.support.directories import disposable_directory
from tests.support.s3_store import credentials

_COMPRESSIONS = ("snappy", "lz4")

Milliseconds = dict[tuple[str, str], list[float]]


def report(results: Results, contenders: list[S3Contender], size: int) -> None:
    """Print the tables of backup and restore."""
    print(f"\n{size / MIB:.0f} MiB of plain data; memory in MiB")
    for direction in ("backup", "restore"):
        head = f"{'s':>7} {'ours/it':>7} {'MiB/s':>6} {'CPU s':>6} {'largest':>7}"
        print(f"\n{direction:38} {head} {'all':>5}")
        ours = results.best(contenders[0].name, direction)
        for contender in contenders:
            cost = results.best(contender.name, direction)
            print(
                f"{contender.name:38} {cost.wall_seconds:7.2f} "
                f"{ours.wall_seconds / cost.wall_seconds:7.2f} {cost.rate(size):6.0f} "
                f"{cost.cpu_seconds:6.2f} {cost.peak_bytes / MIB:7.0f} "
                f"{cost.peak_tree_bytes / MIB:5.0f}"
            )


def make_segments(cluster: Cluster, number: int) -> list[Path]:
    """Return so many full segments, which the server keeps and does not archive."""
    cluster.configure({"archive_command": "false"})
    pgbench = [cluster.programs.path("pgbench"), "-n", "-c", "2", "-t", "500"]
    names = []
    for _ in range(number):
        cluster.run(pgbench)
        names.append(cluster.switch_wal())
    return [cluster.data_directory / "pg_wal" / name for name in names]


def run_segments(contenders: list[S3Contender], cluster: Cluster, number: int) -> None:
    """Archive and fetch single segments by turns and print how long each takes."""
    taken: Milliseconds = {}
    segments = make_segments(cluster, number + 1)
    # Where restore_command has it put, so that the cluster is known.
    destination = segments[0].with_name("RECOVERYXLOG")
    for turn, path in enumerate(segments):
        for contender in contenders:
            for what, argv in (
                ("wal-archive", contender.archive_segment(path)),
                ("wal-restore", contender.restore_segment(path.name, destination)),
            ):
                cost = measure(argv)
                if turn:  # the first of an archive finds out what it is
                    key = (contender.name, what)
                    taken.setdefault(key, []).append(cost.wall_seconds * 1000)
            destination.unlink()
    for what in ("wal-archive", "wal-restore"):
        print(f"\n{what:38} {'ms':>7} {'ours/it':>7}")
        ours = statistics.median(taken[contenders[0].name, what])
        for contender in contenders:
            median = statistics.median(taken[contender.name, what])
            print(f"{contender.name:38} {median:7.0f} {ours / median:7.2f}")


def all_contenders(
    cluster: Cluster, directory: Path, endpoint: str, args: argparse.Namespace
) -> list[S3Contender]:
    """Return who takes part, ourselves first."""
    found: list[S3Contender] = [
        CloudHoardOnS3(cluster, directory, endpoint, jobs=args.jobs)
    ]
    if args.barman is None:
        print("no --barman: only ourselves")
        return found
    return [
        *found,
        *(
            BarmanOnS3(
                cluster,
                directory,
                endpoint,
                jobs=args.jobs,
                environment=args.barman,
                compression=compression,
            )
            for compression in _COMPRESSIONS
        ),
    ]


def settings() -> dict[str, str]:
    """Return the environment of all contenders."""
    # As barman's documentation advises for stores that are not AWS's.
    checksums = "when_required"
    return {
        **credentials(ADMIN),
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REQUEST_CHECKSUM_CALCULATION": checksums,
        "AWS_RESPONSE_CHECKSUM_VALIDATION": checksums,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--barman",
        type=Path,
        metavar="DIR",
        help="virtual environment with barman[cloud,lz4,snappy]",
    )
    parser.add_argument(
        "--scale", type=int, default=200, help="of pgbench: 200 is 3 GB"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--segments", type=int, default=15)
    args = parser.parse_args()
    os.environ.update(settings())
    with disposable_directory() as directory:
        os.environ[RUN_DIRECTORY] = str(directory)
        run(directory, args)


def run(directory: Path, args: argparse.Namespace) -> None:
    """Measure everything as args ask, and print it."""
    with (
        own_juicefs(directory / "juicefs") as server,
        loaded_cluster(directory / "cluster", args.scale) as cluster,
    ):
        size = directory_size(cluster.data_directory)
        contenders = all_contenders(cluster, directory, server.endpoint, args)
        report(run_rounds(contenders, args.rounds), contenders, size)
        run_segments(contenders, cluster, args.segments)


if __name__ == "__main__":
    main()
