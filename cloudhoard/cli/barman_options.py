"""The long options of barman-cloud's commands, and what they may be shortened to.

barman-cloud accepts every unambiguous beginning of a long option, so command lines
with such beginnings are in crontabs. They mean here what they mean there: a beginning
is looked up among barman-cloud's options only, a list that does not grow. Options of
our own are never found by a beginning, and so never make one ambiguous.
"""

from collections.abc import Container, Iterable
from typing import Final

from cloudhoard.errors import UsageError

_COMMON: Final = (
    "--addressing-style",
    "--aws-profile",
    "--azure-credential",
    "--cloud-provider",
    "--credential",
    "--default",
    "--endpoint-url",
    "--help",
    "--profile",
    "--quiet",
    "--read-timeout",
    "--test",
    "--verbose",
    "--version",
)
_WRITING: Final = (
    "--bzip2",
    "--encryption",
    "--encryption-scope",
    "--gzip",
    "--kms-key-name",
    "--lz4",
    "--snappy",
    "--sse-customer-key",
    "--sse-kms-key-id",
    "--tag",
    "--tags",
    "--zstd",
)

LONG_OPTIONS: Final = {
    "cloudhoard-wal-archive": (
        *_COMMON,
        *_WRITING,
        "--compression-level",
        "--history-tag",
        "--history-tags",
        "--max-block-size",
        "--max-concurrency",
        "--max-single-put-size",
        "--xz",
    ),
    "cloudhoard-wal-restore": (
        *_COMMON,
        "--no-partial",
        "--parallel",
        "--spool-dir",
        "--sse-customer-key",
    ),
    "cloudhoard-backup": (
        *_COMMON,
        *_WRITING,
        "--aws-await-snapshots-timeout",
        "--aws-region",
        "--aws-snapshot-lock-cool-off-period",
        "--aws-snapshot-lock-duration",
        "--aws-snapshot-lock-expiration-date",
        "--aws-snapshot-lock-mode",
        "--azure-resource-group",
        "--azure-subscription-id",
        "--dbname",
        "--gcp-project",
        "--gcp-zone",
        "--host",
        "--immediate-checkpoint",
        "--jobs",
        "--keepalive-interval",
        "--max-archive-size",
        "--max-bandwidth",
        "--min-chunk-size",
        "--name",
        "--port",
        "--snapshot-disk",
        "--snapshot-gcp-project",
        "--snapshot-instance",
        "--snapshot-zone",
        "--user",
    ),
    "cloudhoard-backup-list": (*_COMMON, "--format", "--sse-customer-key"),
    "cloudhoard-backup-show": (*_COMMON, "--format", "--sse-customer-key"),
    "cloudhoard-backup-keep": (
        *_COMMON,
        "--release",
        "--sse-customer-key",
        "--status",
        "--target",
    ),
    "cloudhoard-backup-delete": (
        *_COMMON,
        "--backup-id",
        "--batch-size",
        "--check-object-lock",
        "--dry-run",
        "--minimum-redundancy",
        "--retention-policy",
        "--sse-customer-key",
    ),
    "cloudhoard-check-wal-archive": (*_COMMON, "--timeline"),
    "cloudhoard-restore": (
        *_COMMON,
        "--aws-region",
        "--azure-resource-group",
        "--gcp-zone",
        "--snapshot-recovery-instance",
        "--snapshot-recovery-zone",
        "--sse-customer-key",
        "--tablespace",
        "--target-lsn",
        "--target-time",
        "--target-tli",
    ),
}
"""By our command's name: all long options that barman-cloud 3.20.1 gives its own."""


def with_full_names(
    program: str, words: Iterable[str], known: Container[str]
) -> list[str]:
    """Return a command line with barman-cloud's shortened options written out.

    known are the options that the parser takes as they are.

    Raises:
        UsageError: a word is the beginning of several of barman-cloud's options.
    """
    names = LONG_OPTIONS.get(program, ())
    result: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            return [*result, word, *rest]
        name, equals, value = word.partition("=")
        if name.startswith("--") and name not in known:
            name = _full_name(name, names)
        result.append(name + equals + value)
    return result


def _full_name(name: str, names: Iterable[str]) -> str:
    found = [each for each in names if each.startswith(name)]
    if len(found) > 1:
        raise UsageError(
            f"ambiguous option: {name} could be {', '.join(found)}",
            hint="write the option out",
        )
    return found[0] if found else name
