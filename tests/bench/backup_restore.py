"""Backup and restore of a pgbench cluster against the plain tools and pgBackRest.

Prints, for each contender and both ways, seconds, MiB/s of plain data, CPU seconds and
the peak memory of its largest process, best of the rounds, and the ratio to
``tar | zstd -3 -T2``. All contenders take turns within each round.
"""

import argparse
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.contenders import CloudHoard, Contender, PgBackRest, TarPipe
from tests.bench.measure import MIB, Cost, measure
from tests.support.cluster import Cluster
from tests.support.directories import disposable_directory


@dataclass(slots=True)
class Results:
    """Costs by contender and direction, in the order of the rounds."""

    costs: dict[tuple[str, str], list[Cost]] = field(default_factory=dict)

    def add(self, contender: str, direction: str, cost: Cost) -> None:
        self.costs.setdefault((contender, direction), []).append(cost)

    def best(self, contender: str, direction: str) -> Cost:
        return min(self.costs[contender, direction], key=lambda cost: cost.wall_seconds)


def directory_size(directory: Path) -> int:
    """Return the bytes in regular files that a backup takes, roughly: no pg_wal."""
    output = subprocess.run(
        ["du", "-sb", "--exclude=pg_wal", str(directory)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return int(output.split()[0])


@contextmanager
def loaded_cluster(directory: Path, scale: int) -> Iterator[Cluster]:
    """Yield a running cluster with pgbench tables of about 15 MiB times scale."""
    cluster = Cluster.create(
        directory,
        settings={
            "archive_mode": "on",
            "archive_command": "true",
            "shared_buffers": "256MB",
            "max_wal_size": "8GB",
        },
    )
    cluster.start()
    try:
        pgbench = [cluster.programs.path("pgbench"), "-q", "-i", "-s", str(scale)]
        cluster.run(pgbench, timeout=3600)
        cluster.execute("CHECKPOINT")
        yield cluster
    finally:
        cluster.stop()


def turn(
    contender: Contender, direction: str, prepare: Callable[[], list[str]]
) -> tuple[str, str, Cost]:
    """Let one contender do one thing, on a quiet disk."""
    argv = prepare()
    subprocess.run(["sync"], check=True)
    return contender.name, direction, measure(argv)


def run_rounds(contenders: Sequence[Contender], rounds: int) -> Results:
    """Measure every contender both ways in every round."""
    results = Results()
    for number in range(rounds):
        for contender in contenders:
            results.add(*turn(contender, "backup", contender.prepare_backup))
        for contender in contenders:
            results.add(*turn(contender, "restore", contender.prepare_restore))
            contender.check_restored()
        print(f"round {number + 1} of {rounds} done", flush=True)
    return results


def report(results: Results, contenders: list[Contender], size: int) -> None:
    """Print the table."""
    print(f"\n{size / MIB:.0f} MiB of plain data")
    for direction in ("backup", "restore"):
        print(f"\n{direction:30} {'s':>7} {'MiB/s':>7} {'CPU s':>7} {'MiB':>6} ratio")
        base = results.best(contenders[0].name, direction)
        for contender in contenders:
            cost = results.best(contender.name, direction)
            ratio = cost.wall_seconds / base.wall_seconds
            print(
                f"{contender.name:30} {cost.wall_seconds:7.2f} {cost.rate(size):7.0f} "
                f"{cost.cpu_seconds:7.2f} {cost.peak_bytes / MIB:6.0f} {ratio:5.2f}"
            )


def all_contenders(cluster: Cluster, directory: Path, jobs: int) -> list[Contender]:
    """Return who takes part; the first one is what the others are compared with."""
    found: list[Contender] = [
        TarPipe(cluster, directory, synced=False),
        TarPipe(cluster, directory, synced=True),
        CloudHoard(cluster, directory, jobs=jobs, encrypted=False),
        CloudHoard(cluster, directory, jobs=jobs, encrypted=True),
    ]
    if shutil.which("pgbackrest"):
        found.append(PgBackRest(cluster, directory, jobs=jobs))
    else:
        print("pgbackrest is not installed: left out")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--scale", type=int, default=200, help="of pgbench: 200 is 3 GB"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    args = parser.parse_args()
    with (
        disposable_directory() as directory,
        loaded_cluster(directory / "cluster", args.scale) as cluster,
    ):
        size = directory_size(cluster.data_directory)
        contenders = all_contenders(cluster, directory, args.jobs)
        report(run_rounds(contenders, args.rounds), contenders, size)


if __name__ == "__main__":
    main()
