"""Redis's protocol and addresses, by themselves."""

from __future__ import annotations

import pytest

from realtime.bus import Address, AddressError
from realtime.bus.resp import Replies, ReplyError, pack

STREAM = (
    b"*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$12\r\na\r\nb*1\r\n$-1\r\r\n"
    b":42\r\n+OK\r\n$-1\r\n*-1\r\n$0\r\n\r\n*2\r\n*1\r\n:-1\r\n*0\r\n"
)
MEANING = [[b"message", b"room", b"a\r\nb*1\r\n$-1\r"], 42, b"OK", None, None, b"", [[-1], []]]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_replies_are_read_however_they_are_cut(size: int) -> None:
    replies, found = Replies(), []
    for start in range(0, len(STREAM), size):
        found += replies.feed(STREAM[start : start + size])
    assert found == MEANING


def test_a_refusal_is_a_reply() -> None:
    (refusal,) = Replies().feed(b"-MOVED 7 host:1\r\n")
    assert isinstance(refusal, ReplyError)
    assert (refusal.code, str(refusal)) == ("MOVED", "MOVED 7 host:1")


def test_what_is_no_reply_is_an_error() -> None:
    with pytest.raises(ValueError, match="no RESP2"):
        Replies().feed(b"HTTP/1.1 400\r\n")


def test_a_command_counts_bytes() -> None:
    assert pack("SET", "ä", 7, b"\r\n") == b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xa4\r\n$1\r\n7\r\n$2\r\n\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "hosts", "service", "tls", "database"),
    [
        ("redis://h", (("h", 6379),), "", False, 0),
        ("valkey://h:7", (("h", 7),), "", False, 0),
        ("rediss://:s%3Acret@h:6380/2", (("h", 6380),), "", True, 2),
        ("valkeys://u:p@[::1]:1/", (("::1", 1),), "", True, 0),
        ("redis://a:1,b:2,c", (("a", 1), ("b", 2), ("c", 6379)), "", False, 0),
        ("redis+sentinel://u:p@a,b:2/main/3", (("a", 26379), ("b", 2)), "main", False, 3),
        ("rediss+sentinel://a/main", (("a", 26379),), "main", True, 0),
    ],
)
def test_every_spelling_of_an_address(
    url: str, hosts: tuple[tuple[str, int], ...], service: str, tls: bool, database: int
) -> None:
    address = Address.parse(url)
    assert (address.hosts, address.service, address.tls, address.database) == (hosts, service, tls, database)


def test_who_logs_in_and_what_is_verified() -> None:
    address = Address.parse("rediss+sentinel://u:p%40ss@a/main?sentinel_password=q&ssl_check_hostname=no", verify=False)
    assert address.options == {
        "username": "u",
        "password": "p@ss",
        "ssl_check_hostname": False,
        "ssl_cert_reqs": "none",
    }
    assert address.sentinel_options == {"password": "q"}
    assert Address.parse("rediss://:p@a").options == {"password": "p"}


@pytest.mark.parametrize(
    "url",
    [
        "http://h",
        "redis:",
        "redis://",
        "redis://h:port",
        "redis://h/name",
        "redis://h/1/2",
        "redis+sentinel://h",
        "redis://h,,i",
        "redis://h?nonsense=1",
        "redis://h?ssl_min_version=x",
    ],
)
def test_an_address_that_is_none_is_refused_with_a_sentence(url: str) -> None:
    with pytest.raises(AddressError, match=r"\w+ \w+"):
        Address.parse(url)
