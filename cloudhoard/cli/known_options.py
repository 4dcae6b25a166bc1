"""Which options of all commands a configuration file and the environment may set.

A site's table serves every command, so a command has to tell an option of another
command from a mistake without loading that command.
"""

from typing import Final

ARCHIVE_KEYS: Final = ("url", "server-name")
"""For DESTINATION_URL or SOURCE_URL, and SERVER_NAME; in a file only."""

SETTABLE: Final = frozenset(
    {
        "accept-plain",
        "addressing-style",
        "aws-profile",
        "aws-region",
        "azure-credential",
        "batch-size",
        "bits",
        "bzip2",
        "ca-bundle",
        "cloud-provider",
        "compression",
        "compression-level",
        "connect-timeout",
        "dbname",
        "deadline",
        "digest-key",
        "encryption",
        "encryption-scope",
        "endpoint-url",
        "format",
        "gzip",
        "history-tag",
        "history-timeout",
        "host",
        "immediate-checkpoint",
        "jobs",
        "keepalive-interval",
        "kms-key-name",
        "log-format",
        "lz4",
        "max-archive-size",
        "max-bandwidth",
        "max-parts",
        "max-block-size",
        "max-concurrency",
        "max-single-put-size",
        "min-chunk-size",
        "minimum-redundancy",
        "no-partial",
        "owner",
        "parallel",
        "port",
        "private-key",
        "private-key-passphrase-file",
        "profile",
        "public-key",
        "quiet",
        "read-timeout",
        "region",
        "retries",
        "signing-key",
        "snappy",
        "spool-dir",
        "sse-customer-key",
        "sse-kms-key-id",
        "tag",
        "trusted-signer",
        "user",
        "verbose",
        "volume-size",
        "wal-timeout",
        "xz",
        "zstd",
    }
)

COMMAND_LINE_ONLY: Final = frozenset(
    {
        "accept-gap",
        "archive-mode",
        "ask-passphrase",
        "backup-id",
        "check-object-lock",
        "config",
        "config-dir",
        "credential",
        "default",
        "dry-run",
        "help",
        "history-tags",
        "key-id",
        "name",
        "no-config",
        "no-recovery-config",
        "on-error",
        "output-dir",
        "overwrite",
        "passphrase-file",
        "primary-conninfo",
        "primary-slot-name",
        "recovery-end-command",
        "release",
        "retention-policy",
        "site",
        "skip-links",
        "standby",
        "status",
        "tablespace",
        "tablespace-base-dir",
        "tags",
        "target",
        "target-action",
        "target-exclusive",
        "target-immediate",
        "target-lsn",
        "target-name",
        "target-time",
        "target-tli",
        "target-xid",
        "test",
        "timeline",
        "version",
        "waldir",
    }
)
"""What is decided anew each time, or must not be decided by something forgotten.

A recovery target, say, that was left in a file would end the next recovery early.
Nor is a retention policy to be applied by a command line that does not show it.
wal-restore has to know --on-error before it reads anything.
"""

LIBPQ_HAS_ITS_OWN: Final = frozenset({"dbname", "host", "port", "user"})
"""Not read from the environment.

It has PGHOST and the like; and Kubernetes sets CLOUDHOARD_PORT wherever a service is
called cloudhoard.
"""
