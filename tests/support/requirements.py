"""What a test needs from the machine: without it skipped, where required failed."""

import os
from typing import NoReturn

import pytest


def is_required(service: str) -> bool:
    """Tell whether service may not be missing: in CI, or by CLOUDHOARD_TEST_REQUIRE."""
    named = os.environ.get("CLOUDHOARD_TEST_REQUIRE", "")
    wanted = named.replace(",", " ").split()
    in_ci = os.environ.get("CI", "").lower() not in {"", "0", "false"}
    return in_ci or service in wanted or "all" in wanted


def missing(service: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where service is required."""
    if is_required(service):
        pytest.fail(f"{service} is required: {reason}", pytrace=False)
    pytest.skip(reason)
