"""The README's first command, without the setting up."""

import shutil
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import MakeCluster

pytestmark = pytest.mark.postgres

PROGRAM: Final = Path(__file__).parents[2] / "scripts" / "demonstration.py"


def test_the_demonstration_ends_well_and_leaves_nothing(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster()  # not used itself; its user and programs are
    program = cluster.directory / "demonstration.py"
    shutil.copy(PROGRAM, program)
    program.chmod(0o644)
    place = cluster.directory / "t"
    cluster.run(["mkdir", str(place)])

    shown = cluster.run(
        [sys.executable, str(program)],
        env={
            "PG_BIN": str(cluster.bin_directory),
            "TMPDIR": str(place),
            "PGHOST": "/nonexistent",
        },
    ).stdout

    assert "All as it was at that moment" in shown
    assert "cloudhoard-restore" in shown
    assert list(place.iterdir()) == []
