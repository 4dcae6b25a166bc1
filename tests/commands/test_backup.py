"""cloudhoard-backup's command line; what it does is tested on a real server."""

import pytest

from cloudhoard.commands import backup
from cloudhoard.commands.backup import build_parser

PLACE = ["memory://commands-backup/x", "main"]


def test_defaults_are_those_of_barman_where_it_has_them() -> None:
    args = build_parser().parse_args(PLACE)

    assert (args.jobs, args.keepalive_interval, args.dbname) == (2, 60, "postgres")
    assert (args.volume_size, args.wal_timeout) == (1 << 30, 3600)


def test_line_of_barman_cloud_backup_is_understood() -> None:
    args = build_parser().parse_args(
        [
            *("-h", "/run/postgresql", "-p", "5433", "-U", "barman", "-d", "app"),
            *("--immediate-checkpoint", "-J", "4", "-S", "10GB", "-n", "weekly"),
            *("--min-chunk-size", "20MB", "--max-bandwidth", "50MB", "--zstd"),
            *("--cloud-provider", "aws-s3", "-v", *PLACE),
        ]
    )

    assert (args.host, args.port, args.user, args.dbname) == (
        *("/run/postgresql", "5433", "barman", "app"),
    )
    assert (args.jobs, args.max_archive_size, args.name) == (4, 10 << 30, "weekly")
    assert (args.max_bandwidth, args.compression) == (50 << 20, "zstd")


def test_max_archive_size_is_an_upper_limit_only() -> None:
    def volume_size(*options: str) -> int:
        args = build_parser().parse_args([*options, *PLACE])
        return backup._volume_settings(args).volume_size

    assert volume_size("-S", "100GB") == 1 << 30
    assert volume_size("-S", "100MB") == 100 << 20
    assert volume_size("--volume-size", "2GB", "-S", "3GB") == 2 << 30


def test_minus_h_is_the_host_and_help_is_long(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert backup.main(["-h"]) == 3
    assert backup.main(["--help"]) == 0
    assert "--immediate-checkpoint" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--snapshot-instance", "--gcp-zone=x"])
def test_disk_snapshots_are_refused_by_name(
    capsys: pytest.CaptureFixture[str], option: str
) -> None:
    values = [] if "=" in option else ["x"]

    assert backup.main([option, *values, *PLACE]) == 3

    assert "backups by disk snapshots are not supported" in capsys.readouterr().err


def test_hook_script_of_a_barman_server_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BARMAN_HOOK", "backup_script")
    monkeypatch.setenv("BARMAN_PHASE", "post")

    assert backup.main(PLACE) == 3

    assert "hook script" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--jobs", "0"],
        ["--volume-size", "10M0"],
        ["--wal-timeout", "-1"],
        ["--name", "latest"],
        ["--compression", "zip"],
        ["--public-key", "/nonexistent.public.pem"],
    ],
)
def test_bad_values_are_one_line_and_exit_3(
    capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    assert backup.main([*options, *PLACE]) == 3

    output = capsys.readouterr()
    assert output.out == ""
    first, *others = output.err.splitlines()
    assert first.startswith("cloudhoard-backup: error: ")
    assert all(line.startswith("cloudhoard-backup: hint: ") for line in others)
