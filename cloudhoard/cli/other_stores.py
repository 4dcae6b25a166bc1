"""Options of barman-cloud for stores that this version does not have.

They are parsed and have no effect, as barman-cloud's have none on another store; the
URL of such a store is refused by itself.
"""

import argparse
from typing import Final

from cloudhoard.cli.value_types import positive_int, size

_CREDENTIALS: Final = ("azure-cli", "managed-identity", "default")


def add_other_stores_options(parser: argparse.ArgumentParser) -> None:
    """Add how Azure is logged in to."""
    parser.add_argument(
        "--azure-credential",
        "--credential",
        "--default",
        choices=_CREDENTIALS,
        help="no effect: there is no Azure in this version",
    )


def add_other_stores_writing_options(
    parser: argparse.ArgumentParser, *, with_blocks: bool = False
) -> None:
    """Add how objects are stored in Azure and in Google's Cloud Storage."""
    group = parser.add_argument_group("of no effect in this version")
    group.add_argument("--encryption-scope", metavar="NAME", help="of Azure")
    group.add_argument("--kms-key-name", metavar="NAME", help="of Google Cloud Storage")
    if with_blocks:
        for name in ("--max-block-size", "--max-single-put-size"):
            group.add_argument(name, type=size, metavar="SIZE", help="of Azure")
        group.add_argument(
            "--max-concurrency", type=positive_int, metavar="N", help="of Azure"
        )
