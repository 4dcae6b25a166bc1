"""What a test needs from the machine: without it skipped, where required failed."""

import os
import shutil
from typing import NoReturn

import pytest


def is_required(service: str) -> bool:
    """Tell whether service may not be missing: in CI, or by CLOUDHOARD_TEST_REQUIRE."""
    in_ci = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    return in_ci or is_named(service)


def is_named(service: str) -> bool:
    """Tell whether CLOUDHOARD_TEST_REQUIRE names service."""
    named = os.environ.get("CLOUDHOARD_TEST_REQUIRE", "")
    return bool({service, "all"} & set(named.replace(",", " ").split()))


def program(name: str) -> str:
    """Return the path of a program of the system; without it as missing()."""
    return shutil.which(name) or missing(name, f"{name} is not installed")


def missing(service: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where service is required."""
    _skip_or_fail(service, reason, fails=is_required(service))


def not_permitted(service: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where service is named: no CI can install a right."""
    _skip_or_fail(service, reason, fails=is_named(service))


def _skip_or_fail(service: str, reason: str, *, fails: bool) -> NoReturn:
    if fails:
        pytest.fail(f"{service} is required: {reason}", pytrace=False)
    pytest.skip(reason)
