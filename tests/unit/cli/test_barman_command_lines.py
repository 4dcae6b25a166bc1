"""Every option of barman-cloud's commands is taken as it means it, or refused.

The options are those of barman-cloud 3.20.1. A row has the words of an option, the
attribute that it ends in and its value; or REFUSED.
"""

import argparse
import shlex
from pathlib import Path
from typing import Final

import pytest

from cloudhoard.cli.barman_options import LONG_OPTIONS
from cloudhoard.errors import UsageError
from tests.support.parsers import COMMANDS, parser_of

REFUSED: Final = object()
SEEN: Final = object()
"""Parsed; what comes of it is the business of the command's own tests."""

Row = tuple[str, str, object]

COMMON: Final[list[Row]] = [
    ("-v", "verbose", 1),
    ("-vv", "verbose", 2),
    ("--verbose", "verbose", 1),
    ("-q", "quiet", 1),
    ("--quiet", "quiet", 1),
    ("-t", "test", True),
    ("--test", "test", True),
    ("--cloud-provider aws-s3", "cloud_provider", "aws-s3"),
    ("--cloud-provider azure-blob-storage", "cloud_provider", "azure-blob-storage"),
    ("--cloud-provider google-cloud-storage", "cloud_provider", "google-cloud-storage"),
    ("--endpoint-url http://x:9000", "endpoint_url", "http://x:9000"),
    ("-P backup", "aws_profile", "backup"),
    ("--aws-profile backup", "aws_profile", "backup"),
    ("--profile backup", "aws_profile", "backup"),
    ("--read-timeout 5", "read_timeout", 5),
    ("--addressing-style auto", "addressing_style", "auto"),
    ("--addressing-style virtual", "addressing_style", "virtual"),
    ("--addressing-style path", "addressing_style", "path"),
    ("--azure-credential azure-cli", "azure_credential", "azure-cli"),
    ("--credential managed-identity", "azure_credential", "managed-identity"),
    ("--default default", "azure_credential", "default"),
]
CUSTOMER_KEY: Final = ("--sse-customer-key file:///k", "sse_customer_key", "file:///k")
WRITING: Final[list[Row]] = [
    CUSTOMER_KEY,
    ("-z", "compression", "gzip"),
    ("--gzip", "compression", "gzip"),
    ("-j", "compression", "bzip2"),
    ("--bzip2", "compression", "bzip2"),
    ("--snappy", "compression", "snappy"),
    ("--zstd", "compression", "zstd"),
    ("--lz4", "compression", "lz4"),
    ("--tag team,db --tag tier,", "tag", [("team", "db"), ("tier", "")]),
    ("--tags team,db tier,2", "tag", [("team", "db"), ("tier", "2")]),
    ('--tags "team",db', "tag", [("team", "db")]),
    ("-e AES256", "encryption", "AES256"),
    ("--encryption aws:kms", "encryption", "aws:kms"),
    ("--sse-kms-key-id x", "sse_kms_key_id", "x"),
    ("--encryption-scope x", "encryption_scope", "x"),
    ("--kms-key-name x", "kms_key_name", "x"),
]
FORMAT: Final[list[Row]] = [
    CUSTOMER_KEY,
    ("--format console", "format", "console"),
    ("--format json", "format", "json"),
    ("--format yaml", "format", REFUSED),  # barman-cloud takes any word for json
]
ROWS: Final[dict[str, tuple[list[str], list[Row]]]] = {
    "cloudhoard-wal-archive": (
        ["pg_wal/000000010000000000000001"],
        [
            *WRITING,
            ("--xz", "compression", "xz"),
            ("--compression-level low", "compression_level", "low"),
            ("--compression-level -5", "compression_level", "-5"),
            (
                "--history-tag k,v --history-tag l,w",
                "history_tag",
                [("k", "v"), ("l", "w")],
            ),
            ("--history-tags k,v l,w", "history_tag", [("k", "v"), ("l", "w")]),
            ("--max-block-size 4MB", "max_block_size", 4 << 20),
            ("--max-concurrency 3", "max_concurrency", 3),
            ("--max-single-put-size 64MB", "max_single_put_size", 64 << 20),
        ],
    ),
    "cloudhoard-wal-restore": (
        ["000000010000000000000001", "x"],
        [
            CUSTOMER_KEY,
            ("--no-partial", "no_partial", True),
            ("-p 4", "parallel", 4),
            ("--parallel 0", "parallel", 0),
            ("--spool-dir /s", "spool_dir", Path("/s")),
        ],
    ),
    "cloudhoard-backup": (
        [],
        [
            *WRITING,
            ("-h db1", "host", "db1"),
            ("--host db1", "host", "db1"),
            ("-p 5433", "port", "5433"),
            ("--port 5433", "port", "5433"),
            ("-U barman", "user", "barman"),
            ("--user barman", "user", "barman"),
            ("-d host=db1", "dbname", "host=db1"),
            ("--dbname other", "dbname", "other"),
            ("--immediate-checkpoint", "immediate_checkpoint", True),
            ("-J 4", "jobs", 4),
            ("--jobs 4", "jobs", 4),
            ("--keepalive-interval 0", "keepalive_interval", 0),
            ("-S 100GB", "max_archive_size", 100 << 30),
            ("--max-archive-size 1.5TB", "max_archive_size", 3 << 39),
            ("--min-chunk-size 5mb", "min_chunk_size", 5 << 20),
            ("--max-bandwidth 1048576", "max_bandwidth", 1 << 20),
            ("-n nightly", "name", "nightly"),
            ("--name nightly", "name", "nightly"),
            ("--aws-region eu-central-1", "region", "eu-central-1"),
            ("--snapshot-instance x", "", REFUSED),
            ("--snapshot-disk x", "", REFUSED),
            ("--snapshot-zone x", "", REFUSED),
            ("--snapshot-gcp-project x", "", REFUSED),
            ("--gcp-project x", "", REFUSED),
            ("--gcp-zone x", "", REFUSED),
            ("--aws-await-snapshots-timeout 3600", "", REFUSED),
            ("--aws-snapshot-lock-mode governance", "", REFUSED),
            ("--aws-snapshot-lock-cool-off-period 1", "", REFUSED),
            ("--aws-snapshot-lock-expiration-date 2027-01-01", "", REFUSED),
            ("--aws-snapshot-lock-duration 1", "", REFUSED),
            ("--azure-subscription-id x", "", REFUSED),
            ("--azure-resource-group x", "", REFUSED),
        ],
    ),
    "cloudhoard-backup-list": ([], FORMAT),
    "cloudhoard-backup-show": (["latest"], FORMAT),
    "cloudhoard-backup-keep": (
        ["latest"],
        [
            CUSTOMER_KEY,
            ("-r", "release", True),
            ("--release", "release", True),
            ("-s", "status", True),
            ("--status", "status", True),
            ("--target full", "target", "full"),
            ("--target standalone", "target", "standalone"),
        ],
    ),
    "cloudhoard-backup-delete": (
        [],
        [
            CUSTOMER_KEY,
            ("-b 20261121T052227", "backup_id", "20261121T052227"),
            ("--backup-id nightly", "backup_id", "nightly"),
            ("-r 'REDUNDANCY 2'", "retention_policy", SEEN),
            ("--retention-policy 'RECOVERY WINDOW OF 7 DAYS'", "", SEEN),
            ("-m 0", "minimum_redundancy", 0),
            ("--minimum-redundancy 3", "minimum_redundancy", 3),
            ("--dry-run", "dry_run", True),
            ("--batch-size 100", "batch_size", 100),
            ("--check-object-lock", "check_object_lock", True),
        ],
    ),
    "cloudhoard-check-wal-archive": ([], [("--timeline 2", "timeline", 2)]),
    "cloudhoard-restore": (
        ["latest", "/d"],
        [
            CUSTOMER_KEY,
            ("--tablespace fast:/t", "tablespace", [("fast", Path("/t"))]),
            ("--aws-region eu-central-1", "region", "eu-central-1"),
            ("--target-tli 3", "target_tli", SEEN),
            ("--target-tli current", "target_tli", SEEN),
            ("--target-tli latest", "target_tli", SEEN),
            ("--target-lsn 0/3000000", "target", SEEN),
            ("--target-time '2026-11-21 09:30:00+00:00'", "target", SEEN),
            ("--snapshot-recovery-instance x", "", REFUSED),
            ("--snapshot-recovery-zone x", "", REFUSED),
            ("--gcp-zone x", "", REFUSED),
            ("--azure-resource-group x", "", REFUSED),
        ],
    ),
}

ONE_OF: Final = {
    "cloudhoard-backup-keep": ["--status"],
    "cloudhoard-backup-delete": ["--backup-id", "20261121T052227"],
}
"""One of these and their like has to be given."""


def rows_of(command: str) -> list[Row]:
    return [*COMMON, *ROWS[command][1]]


CASES: Final = [
    pytest.param(command, *row, id=f"{command.removeprefix('cloudhoard-')} {row[0]}")
    for command in COMMANDS
    if command in ROWS
    for row in rows_of(command)
]


def parse(command: str, words: list[str]) -> argparse.Namespace:
    parser = parser_of(command)
    for group in parser._mutually_exclusive_groups:
        names = {name for a in group._group_actions for name in a.option_strings}
        if group.required and not names.intersection(words):
            words = [*words, *ONE_OF[command]]
    positionals = ["s3://bucket/path", "main", *ROWS[command][0]]
    if command == "cloudhoard-wal-archive" or "--tags" in words[0]:
        return parser.parse_args([*positionals, *words])
    return parser.parse_args([*words, *positionals])


@pytest.mark.parametrize(("command", "text", "attribute", "expected"), CASES)
def test_option_of_barman(
    command: str, text: str, attribute: str, expected: object
) -> None:
    words = shlex.split(text)
    if expected is REFUSED:
        with pytest.raises(UsageError) as caught:
            parse(command, words)
        assert words[0] in caught.value.message
        assert caught.value.hint
        return
    args = parse(command, words)
    if expected is not SEEN:
        assert getattr(args, attribute) == expected


@pytest.mark.parametrize("command", sorted(set(COMMANDS) & set(LONG_OPTIONS)))
def test_no_option_of_barman_is_forgotten(command: str) -> None:
    words = [word for row in rows_of(command) for word in shlex.split(row[0])]
    tried = {word for word in words if word.startswith("--")}

    assert tried | {"--help", "--version"} == set(LONG_OPTIONS[command])


def test_greedy_tags_take_what_follows() -> None:
    """As in barman-cloud, where such a command line fails, too."""
    words = ["--tags", "k,v", "s3://bucket/path", "main"]

    with pytest.raises(UsageError):
        parser_of("cloudhoard-backup").parse_args(words)


@pytest.mark.parametrize(
    "text",
    [
        "--tag kv",
        "--tag ,v",
        "--tag aws:k,v",
        f"--tag {'k' * 129},v",
        f"--tag k,{'v' * 257}",
        "--tag 'k,v;w'",
        "--tags kv",
        "--tags k,v,w",
        "--tag k,v --tags l,w",
        "--jobs 0",
        "--jobs many",
        "--keepalive-interval -1",
        "--max-archive-size 0",
        "--max-archive-size 10Q",
        "--max-bandwidth MB",
        "--gzip --lz4",
        "-v -q",
        "-e AES",
        "--addressing-style any",
        "--credential none",
        "--cloud-provider ibm",
    ],
)
def test_value_that_barman_refuses_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse("cloudhoard-backup", shlex.split(text))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("10B", 10),
        ("10kB", 10 << 10),
        ("10KIB", 10 << 10),  # in barman-cloud 10,000: the two are the wrong way round
        ("1.5gb", 3 << 29),
        ("2TB", 2 << 40),
        ("1YB", 1 << 80),
    ],
)
def test_sizes_are_powers_of_1024(text: str, size: int) -> None:
    assert parse("cloudhoard-backup", ["-S", text]).max_archive_size == size
