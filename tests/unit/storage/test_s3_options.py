import hypothesis.strategies as st
from hypothesis import given

from cloudhoard.storage.s3_options import MIB, S3Options


@given(at_most=st.integers(1, 5 << 40), max_parts=st.integers(1, 10_000))
def test_object_never_has_more_parts_than_the_store_takes(
    at_most: int, max_parts: int
) -> None:
    options = S3Options(max_parts=max_parts)

    size = options.buffer_size(at_most)

    assert -(-at_most // size) <= max_parts


def test_objects_of_backups_fit_into_a_thousand_parts() -> None:
    options = S3Options(max_parts=1000)

    assert options.buffer_size(1 << 30) == 8 * MIB
    assert options.buffer_size(200 << 30) == -(-(200 << 30) // 1000)
    assert options.buffer_size(100 * MIB) == 100 * MIB, "one request"
