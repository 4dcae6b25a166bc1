"""Where options come from that are not on the command line, and which of them count."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from cloudhoard.errors import UsageError
from tests.support.parsers import COMMANDS, parser_of

ARCHIVE = 'url = "s3://bucket/pg"\nserver-name = "main"\n'
FILE = f"""\
[defaults]
jobs = 3
compression = "zstd:3"
endpoint-url = "https://of.the.defaults"

[site.main]
{ARCHIVE}
jobs = 4
public-key = ["/k/a.pem", "/k/b.pem"]
volume-size = "512MB"
immediate-checkpoint = true
trusted-signer = ["/k/s.pem"]
"""

Parse = Callable[..., argparse.Namespace]


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLOUDHOARD_SITE", "CLOUDHOARD_CONFIG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "cloudhoard.toml"


@pytest.fixture
def parse(file: Path) -> Parse:
    """Parse a command line of backup, or another command, with text for the file."""

    def parse(
        *words: str, text: str = FILE, command: str = "backup"
    ) -> argparse.Namespace:
        file.write_text(text)
        argv = ["--config", str(file), *words]
        return parser_of(f"cloudhoard-{command}").parse_args(argv)

    return parse


def of_site(text: str) -> str:
    return f"[site.main]\n{ARCHIVE}{text}\n"


def test_site_has_the_archive_and_options(parse: Parse) -> None:
    args = parse("--site", "main")

    assert (args.url, args.server_name) == ("s3://bucket/pg", "main")
    assert args.public_key == [Path("/k/a.pem"), Path("/k/b.pem")]
    assert args.volume_size == 512 << 20
    assert args.immediate_checkpoint is True


def test_command_line_beats_environment_beats_site_beats_defaults(
    parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDHOARD_JOBS", "5")

    assert parse("--site", "main", "--jobs", "6").jobs == 6
    assert parse("--site", "main").jobs == 5
    monkeypatch.setenv("CLOUDHOARD_JOBS", "")  # as if it were not set
    assert parse("--site", "main").jobs == 4
    assert parse("s3://b", "x").jobs == 3
    assert parse("s3://b", "x", text="").jobs == 2


def test_defaults_hold_without_a_site(parse: Parse) -> None:
    args = parse("s3://other", "name")

    assert (args.url, args.server_name) == ("s3://other", "name")
    assert args.endpoint_url == "https://of.the.defaults"
    assert args.public_key == []


def test_site_may_be_named_by_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text(FILE)
    monkeypatch.setenv("CLOUDHOARD_SITE", "main")
    monkeypatch.setenv("CLOUDHOARD_CONFIG", str(file))
    parser = parser_of("cloudhoard-backup-list")

    assert parser.parse_args([]).server_name == "main"
    assert parser.parse_args(["file:///x", "y"]).server_name == "y"
    with pytest.raises(UsageError, match="required: SOURCE_URL, SERVER_NAME"):
        parser.parse_args(["--no-config"])


def test_no_config_looks_nowhere(parse: Parse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDHOARD_JOBS", "5")

    args = parse("--no-config", "--site", "main", "s3://b", "x")

    assert (args.jobs, args.endpoint_url) == (2, None)


@pytest.mark.parametrize(
    ("command", "words", "rest"),
    [
        ("wal-archive", ["pg_wal/x"], {"wal_path": Path("pg_wal/x")}),
        ("wal-restore", ["x", "y"], {"wal_name": "x", "wal_dest": Path("y")}),
        ("restore", ["latest", "/d"], {"backup": "latest", "recovery_dir": Path("/d")}),
        ("backup-show", ["latest"], {"backup": "latest"}),
        ("backup-list", [], {}),
        ("backup", [], {}),
    ],
)
def test_archive_is_taken_from_the_site_unless_the_first_argument_is_a_url(
    parse: Parse, command: str, words: list[str], rest: dict[str, object]
) -> None:
    args = parse("--site", "main", *words, command=command)
    assert (args.url, args.server_name) == ("s3://bucket/pg", "main")
    assert vars(args).items() >= rest.items()

    args = parse("file:///a", "b", *words, "--site=main", command=command)
    assert (args.url, args.server_name) == ("file:///a", "b")
    assert vars(args).items() >= rest.items()


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("backup", ["x", "y"], "unrecognized arguments: x y"),
        ("wal-archive", [], "required: WAL_PATH"),
        ("restore", ["latest"], "required: RECOVERY_DIR"),
        ("restore", ["file:///a", "b", "latest"], "required: RECOVERY_DIR"),
    ],
)
def test_too_few_and_too_many_arguments_are_told_as_ever(
    parse: Parse, command: str, words: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        parse("--site", "main", *words, command=command)


def test_site_without_an_archive_needs_one_on_the_command_line(parse: Parse) -> None:
    text = "[site.main]\njobs = 7\n"

    assert parse("--site", "main", "s3://b", "x", text=text).jobs == 7
    with pytest.raises(UsageError, match="required: DESTINATION_URL"):
        parse("--site", "main", text=text)
    with pytest.raises(UsageError, match="site has a url and no server-name"):
        parse("--site", "main", text=text + 'url = "s3://b"')


def test_url_of_the_defaults_serves_sites_only(parse: Parse) -> None:
    text = '[defaults]\nurl = "s3://b"\n[site.main]\nserver-name = "x"\n'

    assert parse("--site", "main", text=text).url == "s3://b"
    with pytest.raises(UsageError, match="required: DESTINATION_URL, SERVER_NAME"):
        parse(text=text)


@pytest.mark.parametrize(
    ("settings", "words", "expected"),
    [
        ('compression = "zstd:9"', ["--gzip"], ("gzip", None)),
        ("xz = true", ["--gzip"], ("gzip", None)),
        ('compression-level = "high"', ["--compression", "lz4:9"], ("lz4:9", None)),
        ('compression = "gzip:1"', ["--compression-level=9"], ("gzip", "9")),
        ('compression = "gzip"', [], ("gzip", None)),
        ("compression-level = 9", [], (None, "9")),
    ],
)
def test_choice_of_a_compression_replaces_that_of_a_lower_layer(
    parse: Parse, settings: str, words: list[str], expected: tuple[str, str]
) -> None:
    args = parse("--site", "main", *words, text=of_site(settings))

    assert (args.compression, args.compression_level) == expected


@pytest.mark.parametrize(
    ("settings", "words", "expected"),
    [
        ('sse-customer-key = "file:///k"', ["-e", "AES256"], ("AES256", None, None)),
        ('encryption = "AES256"', ["--sse-customer-key=k"], (None, None, "k")),
        (
            'encryption = "aws:kms"\nsse-kms-key-id = "id"',
            ["--sse-customer-key=k"],
            (None, None, "k"),
        ),
        (
            'encryption = "aws:kms"\nsse-kms-key-id = "id"',
            ["-e", "AES256"],
            ("AES256", None, None),
        ),
        (
            'encryption = "aws:kms"\nsse-kms-key-id = "id"',
            ["-e", "aws:kms"],
            ("aws:kms", "id", None),
        ),
        (
            'encryption = "aws:kms"\nsse-kms-key-id = "id"',
            ["--sse-kms-key-id=other"],
            ("aws:kms", "other", None),
        ),
    ],
)
def test_choice_of_the_store_s_encryption_replaces_that_of_a_lower_layer(
    parse: Parse, settings: str, words: list[str], expected: tuple[str | None, ...]
) -> None:
    args = parse("--site", "main", *words, text=of_site(settings))

    assert (args.encryption, args.sse_kms_key_id, args.sse_customer_key) == expected


def test_being_loud_on_the_command_line_replaces_quiet(parse: Parse) -> None:
    text = of_site("quiet = true")

    assert parse("--site", "main", text=text).quiet == 1
    args = parse("--site", "main", "-vv", text=text)
    assert (args.quiet, args.verbose) == (0, 2)


def test_false_and_an_empty_array_take_a_lower_layer_s_value_back(parse: Parse) -> None:
    defaults = '[defaults]\naccept-plain = true\nprivate-key = ["/k"]\ngzip = true\n'
    text = defaults + of_site("accept-plain = false\nprivate-key = []\ngzip = false")

    args = parse("--site", "main", "x", text=text, command="wal-archive")

    assert (args.accept_plain, args.private_key) == (False, [])
    assert args.compression is None


def test_higher_list_replaces_the_lower_one(parse: Parse) -> None:
    args = parse("--site", "main", "--public-key", "/k/c.pem")

    assert args.public_key == [Path("/k/c.pem")]


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        (
            "PUBLIC_KEY",
            "/a:b.pem;/c.pem",
            "public_key",
            [Path("/a:b.pem"), Path("/c.pem")],
        ),
        ("TAG", "a,b; c,d", "tag", [("a", "b"), ("c", "d")]),
        ("IMMEDIATE_CHECKPOINT", "yes", "immediate_checkpoint", True),
        ("IMMEDIATE_CHECKPOINT", "0", "immediate_checkpoint", False),
        ("VERBOSE", "2", "verbose", 2),
        ("VOLUME_SIZE", "1MB", "volume_size", 1 << 20),
        ("GZIP", "true", "compression", "gzip"),
        ("AWS_REGION", "x", "region", "x"),
    ],
)
def test_environment_has_options_of_every_kind(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, name: str, value: object
) -> None:
    monkeypatch.setenv(f"CLOUDHOARD_{variable}", text)

    args = parser_of("cloudhoard-backup").parse_args(["file:///x", "y"])

    assert getattr(args, name) == value


def test_environment_is_no_number_of_thousands_of_digits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDHOARD_VERBOSE", "9" * 5000)

    with pytest.raises(UsageError, match="neither true nor"):
        parser_of("cloudhoard-backup").parse_args(["file:///x", "y"])


@pytest.mark.parametrize(
    ("variable", "warning"),
    [
        ("OVERWRITE", "$CLOUDHOARD_OVERWRITE is not read: --overwrite"),
        ("TARGET_TIME", "$CLOUDHOARD_TARGET_TIME is not read: --target-time"),
        ("PRIVATEKEY", "did you mean $CLOUDHOARD_PRIVATE_KEY?"),
        ("PUBLIC_KEYS", "did you mean $CLOUDHOARD_PUBLIC_KEY?"),
        ("COMPRESION", "did you mean $CLOUDHOARD_COMPRESSION?"),
        ("LOG_FROMAT", ""),
        ("PYTHON", ""),
        ("PORT", ""),
        ("SERVICE_HOST", ""),
    ],
)
def test_what_the_environment_cannot_set_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    warning: str,
) -> None:
    words = ["file:///x", "y", "latest", "/d"]
    parser = parser_of("cloudhoard-restore")
    expected = parser.parse_args(words)
    monkeypatch.setenv(f"CLOUDHOARD_{variable}", "1")

    assert parser.parse_args(words) == expected
    assert warning in caplog.text
    assert bool(caplog.text) is bool(warning)


def test_connection_is_left_to_the_variables_of_libpq(
    parse: Parse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDHOARD_PORT", "tcp://10.0.0.7:80")  # as Kubernetes does

    assert parse("s3://b", "x").port is None
    assert parse("--site", "main", text=of_site("port = 5433")).port == "5433"


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ("jobz = 1", "line 4: jobz in [site.main]: unknown key", "did you mean jobs?"),
        ("site = 'x'", "site in [site.main]: cannot be set here", "give --site"),
        ("overwrite = true", "overwrite in [site.main]: cannot be", "--overwrite"),
        ("jobs = 'x'", "line 4: jobs in [site.main]: 'x' is not an integer", None),
        ("jobs = 0", "jobs in [site.main]: 0 is less than 1", None),
        ("jobs = true", "jobs in [site.main]: has to be a number or a string", None),
        ("jobs = 1.5", "jobs in [site.main]: has to be a number", None),
        ("jobs = [1]", "jobs in [site.main]: has to be a number", None),
        ("gzip = 'yes'", "gzip in [site.main]: has to be true or false", None),
        ("verbose = 9", "has to be true, false or how many times", None),
        ("endpoint-url = ''", "has to be a string that is not empty", None),
        ("endpoint-url = 5", "has to be a string that is not empty", None),
        ("public-key = [1]", "has to be an array of strings", None),
        ("format = 'xml'", "format in [site.main]: invalid choice: 'xml'", None),
        ("gzip = true\nxz = true", "line 5: xz in [site.main]: not allowed with", None),
        ("region = 'a'\naws-region = 'b'", "aws-region in [site.main]: the same", None),
        ("tag = ['ab']", "tag in [site.main]: 'ab' is not KEY,VALUE", None),
        ("jobs = ", "line 4: invalid value", "cloudhoard.toml(5)"),
        ("jobs = 1\njobs = 2", "line 5: cannot overwrite a value", None),
        ("[site.main.wal]\nx = 1", "wal in [site.main]: unknown key", None),
        ("jobs = 99999999999", "jobs in [site.main]: 99999999999 is more than", None),
        ("jobs = " + "9" * 5000, "a number has too many digits", "cloudhoard.toml(5)"),
        ("tag = " + "[" * 5000 + "]" * 5000, "nested too deeply", None),
        (r'public-key = "/k\u0000/a.pem"', "has a control character", None),
        (r'endpoint-url = "http://a\nb"', "has a control character", None),
    ],
)
def test_what_is_wrong_in_the_file_is_one_line_that_names_the_place(
    parse: Parse, file: Path, settings: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError) as caught:
        parse("--site", "main", text=of_site(settings))

    assert caught.value.message.startswith(str(file))
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert hint is None or hint in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("jobs = 1", "line 1: jobs: unknown: jobs", "[defaults]"),
        ("[default]\n", "line 1: default: unknown: [default]", "[defaults]"),
        ("[site]\nmain = 1\n", "[site.main] is not a table", None),
        ("site = 1", "line 1: site: site is not a table", None),
        ("[site.prod]\n[site.test]\n", "no site 'main'", "sites: prod, test"),
        ("", "no site 'main'", "sites: none"),
        (of_site("") + "[defaults]\nx = 1\n", "line 6: x in [defaults]: unknown", None),
        ("[site.main", "(at end of document)", "cloudhoard.toml(5)"),
    ],
)
def test_what_is_wrong_with_the_tables_is_said(
    parse: Parse, text: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError) as caught:
        parse("--site", "main", text=text)

    assert message in caught.value.message
    assert hint is None or hint in str(caught.value.hint)


def test_mistake_in_another_site_is_not_ours(parse: Parse) -> None:
    text = of_site("") + "[site.other]\nnonsense = 1\n"

    assert parse("--site", "main", text=text).server_name == "main"


def test_key_of_another_command_is_no_mistake(parse: Parse) -> None:
    text = of_site("history-timeout = 5\nbits = 3072")

    assert parse("--site", "main", text=text).server_name == "main"


def test_file_that_is_not_there(tmp_path: Path) -> None:
    parser = parser_of("cloudhoard-backup")
    missing = str(tmp_path / "missing.toml")

    with pytest.raises(UsageError, match=f"no configuration file {missing}"):
        parser.parse_args(["--config", missing, "file:///x", "y"])
    with pytest.raises(UsageError, match="no configuration file /etc/cloudhoard/"):
        parser.parse_args(["--site", "main"])


def test_file_that_cannot_be_read(tmp_path: Path, file: Path) -> None:
    parser = parser_of("cloudhoard-backup")
    file.write_bytes(b"\xff")

    with pytest.raises(UsageError, match="is not UTF-8"):
        parser.parse_args(["--config", str(file), "file:///x", "y"])
    with pytest.raises(UsageError, match="is a directory"):
        parser.parse_args(["--config", str(tmp_path), "file:///x", "y"])


def test_required_options_may_come_from_a_layer(file: Path) -> None:
    parser = parser_of("cloudhoard-backup-list")
    parser.add_argument("--owner", required=True)
    group = parser.add_mutually_exclusive_group(required=True)
    group.add_argument("--bits")
    group.add_argument("--name")
    file.write_text(of_site("owner = 'postgres'\nbits = '1'"))
    site = ["--config", str(file), "--site", "main"]

    args = parser.parse_args(site)
    assert (args.owner, args.bits, args.name) == ("postgres", "1", None)
    args = parser.parse_args([*site, "--name", "x"])
    assert (args.owner, args.bits, args.name) == ("postgres", None, "x")
    with pytest.raises(UsageError, match="required: --owner"):
        parser.parse_args(["file:///x", "y", "--name", "x"])
    with pytest.raises(UsageError, match="--bits --name is required"):
        parser.parse_args(["file:///x", "y", "--owner", "x"])


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_needs_no_file(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            parser_of(command).parse_args(["--site", "x", "--config", "/x", option])
        assert ended.value.code == 0
    assert "cloudhoard-backup" in capsys.readouterr().out
