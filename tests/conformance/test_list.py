import itertools
import uuid

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from cloudhoard.storage.protocol import Storage
from tests.support.stores import StoreUnderTest, is_in_one_order, keys, put

SORTED_KEYS = [
    "a",
    "b-1",
    "b.1",
    "b/-1",
    "b/1",
    "b/1.zst",
    "b/2/x",
    "b/B/x",
    "b/b",
    "bb/1",
    "c/d/e/f",
]


@pytest.fixture
def stored(store: StoreUnderTest) -> list[str]:
    """The keys that are in the storage called filled, sorted."""
    assert sorted(SORTED_KEYS) == SORTED_KEYS
    if store.capabilities.listing == "by key":
        return SORTED_KEYS
    return [key for key in SORTED_KEYS if key not in {"b-1", "b.1"}]


@pytest.fixture
def filled(storage: Storage, stored: list[str]) -> Storage:
    for key in reversed(stored):
        put(storage, key)
    return storage


def test_everything_in_the_order_of_the_keys(
    filled: Storage, stored: list[str]
) -> None:
    assert keys(filled) == stored


@pytest.mark.parametrize(
    "prefix", ["a", "b", "b/", "b/1", "b/2", "b/2/", "bb", "c/d/e/", "x", "x/y", "b/x/"]
)
def test_prefix_bounds_a_listing(
    filled: Storage, stored: list[str], prefix: str
) -> None:
    assert keys(filled, prefix) == [k for k in stored if k.startswith(prefix)]


@pytest.mark.parametrize("prefix", ["", "b", "b/", "c/d/"])
@pytest.mark.parametrize(
    "start_after", ["0", "a", "b", "b-", "b/", "b/1", "b/1.", "b/2", "b/2/x", "bb", "z"]
)
def test_start_after_leaves_out_what_comes_before(
    filled: Storage, stored: list[str], prefix: str, start_after: str
) -> None:
    names = {*stored, start_after}
    if len(stored) < len(SORTED_KEYS) and not is_in_one_order(names, start_after):
        pytest.skip("declared: listed by directory")
    expected = [k for k in stored if k.startswith(prefix) and k > start_after]

    assert keys(filled, prefix, start_after=start_after) == expected


def test_other_prefixes_of_the_container_are_not_seen(store: StoreUnderTest) -> None:
    put(store.open("main"), "wals/1")
    put(store.open("main2"), "wals/2")
    put(store.open("mai"), "wals/3")

    assert keys(store.open("main")) == ["wals/1"]


def test_empty_archive_lists_nothing(storage: Storage) -> None:
    assert keys(storage) == []
    assert keys(storage, "wals/") == []


def test_a_listing_need_not_be_finished(filled: Storage) -> None:
    first = list(itertools.islice(filled.list_objects("b/"), 2))

    assert [info.key for info in first] == ["b/-1", "b/1"]


def test_objects_deleted_during_a_listing_do_not_break_it(filled: Storage) -> None:
    listing = filled.list_objects()
    assert next(listing).key == "a"
    filled.delete_objects(SORTED_KEYS[1:])

    assert [info.key for info in listing if info.key not in SORTED_KEYS] == []


def test_several_thousand_objects(storage: Storage) -> None:
    expected = [f"wals/{n // 256:016X}/{n:024X}" for n in range(1500)]
    for key in expected:
        put(storage, key, b"")

    assert keys(storage, "wals/") == expected
    assert keys(storage, "wals/", start_after=expected[1234]) == expected[1235:]


key_texts = st.lists(
    st.text("Ab-._/1", min_size=1, max_size=4).filter(
        lambda name: "/" not in name and not name.startswith(".")
    ),
    min_size=1,
    max_size=4,
).map("/".join)


@given(
    written=st.sets(key_texts, max_size=12),
    prefix=key_texts | st.just("") | key_texts.map(lambda key: key + "/"),
    start_after=key_texts | st.just("") | key_texts.map(lambda key: key + "/"),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.filter_too_much,
        HealthCheck.too_slow,
    ],
)
def test_any_listing_is_the_sorted_filter_of_all_keys(
    store: StoreUnderTest, written: set[str], prefix: str, start_after: str
) -> None:
    if store.capabilities.listing != "by key":
        assume(is_in_one_order({*written, start_after}, start_after))
    storage = store.open(uuid.uuid4().hex)
    kept: list[str] = []
    for key in sorted(written):
        clash = any(key.startswith(f"{other}/") for other in kept)
        if store.capabilities.keys_below_keys or not clash:
            put(storage, key)
            kept.append(key)

    expected = [k for k in kept if k.startswith(prefix) and k > start_after]
    assert keys(storage, prefix, start_after=start_after) == sorted(expected)
