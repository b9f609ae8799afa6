"""One call with one event: what the receiver sees, and what every kind of answer and trouble comes to."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import requests

from fieldwork.connectors.webhook import address, signature
from fieldwork.connectors.webhook.base import Delivery, Event
from fieldwork.connectors.webhook.target import Endpoint, Limits, Webhook
from fieldwork.errors import ConfigError

from .loopback import Reply, in_turn, loopback
from .receiver import OLD, SECRET, Receiver, believed, receiver
from .test_transport import _self_signed

HERE = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
REDIRECTS = "it redirects (HTTP 302), which is not followed"
EVENT = Event(
    number=7,
    id="3f0c1d2e-0000-4000-8000-000000000001",
    kind="visit",
    key="00U5g00000AbCdE",
    person="E1",
    occurred_at=datetime(2026, 11, 3, 1, 2, 3, 4567, UTC),
    content={"checkin_verdict": "verified", "checkin_reason": "在时间和范围内"},
    changed=("checkin_verdict",),
)


@pytest.fixture
def here() -> Iterator[Receiver]:
    with receiver() as one:
        yield one


def webhook(url: str, *secrets: str, session: requests.Session | None = None, **more: Any) -> Webhook:
    limits = more.pop("limits", Limits(connect_s=2, answer_s=2))
    signers = tuple(signature.signer(one, "n8n") for one in secrets or (SECRET,))
    endpoint = Endpoint("n8n", url, signers, {"visit": ("checkin_verdict",)}, "urn:test", **{"networks": HERE} | more)
    return Webhook(endpoint, session or requests.Session(), limits)


def test_two_independent_libraries_believe_the_event(here: Receiver) -> None:
    assert webhook(here.url).deliver(EVENT) == Delivery("delivered", 204)
    (event,) = here.acted
    assert event.get_attributes() | {"time": event.get_time()} == {
        "specversion": "1.0", "id": EVENT.id, "source": "urn:test", "type": "fieldwork.visit_check.changed.v1",
        "subject": "visit/00U5g00000AbCdE", "time": EVENT.occurred_at, "datacontenttype": "application/json",
        "sequence": "0000000000000000007", "partitionkey": "E1",
    }  # fmt: skip
    assert event.get_data() == {"key": EVENT.key, **EVENT.content, "changed": ["checkin_verdict"]}
    (asked,) = here.heard
    assert (asked.method, asked.path, asked.query) == ("POST", "/hooks/catch/1/", {"key": "path-canary-4711"})
    assert asked.headers["Content-Type"] == "application/cloudevents+json; charset=UTF-8"
    assert asked.headers["webhook-id"] == event.get_id() and asked.headers["User-Agent"].startswith("Fieldwork/")


def test_a_second_attempt_is_the_same_event_at_another_time(here: Receiver) -> None:
    one = webhook(here.url)
    one._wall = iter([time.time() - 60, 0.0, time.time(), 0.0]).__next__
    one.deliver(EVENT)
    one.deliver(EVENT)
    first, second = here.heard
    assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]
    assert len(here.acted) == 1, "it acts once for a webhook-id"


@pytest.mark.parametrize("knows", [SECRET, OLD])
def test_a_receiver_with_either_secret_is_content(here: Receiver, knows: str) -> None:
    here.secret = knows
    assert webhook(here.url, SECRET, OLD).deliver(EVENT).fate == "delivered"


def test_a_receiver_with_another_secret_refuses(here: Receiver) -> None:
    assert webhook(here.url, OLD).deliver(EVENT) == Delivery("dead", 401, "HTTP 401")
    assert here.refused == ["No matching signature found"]


def test_a_receiver_may_ask_for_plain_json_and_a_header(here: Receiver) -> None:
    webhook(here.url, media="application/json", headers={"X-Api-Key": "k"}).deliver(EVENT)
    (asked,) = here.heard
    assert asked.headers["Content-Type"] == "application/json; charset=UTF-8" and asked.headers["X-Api-Key"] == "k"
    as_event = {**asked.headers, "content-type": "application/cloudevents+json"}
    assert believed(asked.body, as_event).get_id() == EVENT.id


@pytest.mark.parametrize(
    ("status", "headers", "fate"),
    [
        (200, {}, Delivery("delivered", 200)),
        (202, {}, Delivery("delivered", 202)),
        (302, {"Location": "http://127.0.0.1:1/"}, Delivery("dead", 302, REDIRECTS)),
        (400, {}, Delivery("dead", 400, "HTTP 400")),
        (404, {}, Delivery("dead", 404, "HTTP 404")),
        (408, {}, Delivery("again", 408, "HTTP 408")),
        (410, {}, Delivery("gone", 410, "it is gone and wants no more events", whole=True)),
        (413, {}, Delivery("dead", 413, "HTTP 413")),
        (422, {}, Delivery("dead", 422, "HTTP 422")),
        (425, {}, Delivery("again", 425, "HTTP 425")),
        (429, {"Retry-After": "7"}, Delivery("again", 429, "HTTP 429", whole=True, told_s=7.0)),
        (500, {}, Delivery("again", 500, "HTTP 500")),
        (503, {"Retry-After": "999999"}, Delivery("again", 503, "HTTP 503", whole=True, told_s=999999.0)),
        (504, {"Retry-After": "soon"}, Delivery("again", 504, "HTTP 504", whole=True)),
    ],
)  # fmt: skip
def test_every_answer_has_its_meaning(status: int, headers: dict[str, str], fate: Delivery) -> None:
    with loopback(in_turn(Reply(b"13800138000 path-canary", status, headers))) as server:
        assert webhook(server.url).deliver(EVENT) == fate
    assert len(server.asked) == 1


def test_a_redirect_is_not_followed() -> None:
    with loopback(in_turn(Reply())) as other:
        with loopback(in_turn(Reply(b"", 307, {"Location": other.url}))) as server:
            assert webhook(server.url).deliver(EVENT).fate == "dead"
        assert other.asked == []


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (Reply(wait_s=0.6), "no answer in time"),
        (Reply(reset=True), "the connection was cut"),
    ],
)
def test_trouble_under_way_is_the_events_own(reply: Reply, problem: str) -> None:
    with loopback(in_turn(reply)) as server:
        found = webhook(server.url, limits=Limits(connect_s=1, answer_s=0.3)).deliver(EVENT)
    assert found == Delivery("again", problem=problem)


def test_an_answer_that_trickles_is_hung_up_on() -> None:
    begun = time.monotonic()
    with _trickling() as url:
        found = webhook(url, limits=Limits(connect_s=1, answer_s=0.5)).deliver(EVENT)
    assert found.fate == "again" and time.monotonic() - begun < 2


def test_a_long_answer_is_not_read_to_its_end() -> None:
    with loopback(in_turn(Reply(b"x" * (8 << 20)))) as server:
        one = webhook(server.url)
        assert one.deliver(EVENT) == one.deliver(EVENT) == Delivery("delivered", 200)
    assert len({asked.peer for asked in server.asked}) == 2


def test_a_short_answer_keeps_the_connection(here: Receiver) -> None:
    one = webhook(here.url)
    for _ in range(3):
        one.deliver(EVENT)
    assert len({asked.peer for asked in here.heard}) == 1


def test_an_event_over_the_cap_is_a_dead_letter_without_a_call(here: Receiver) -> None:
    found = webhook(here.url, limits=Limits(body_bytes=100)).deliver(EVENT)
    assert found == Delivery("dead", problem="the event is larger than 100 bytes") and here.heard == []


def test_nobody_there_is_the_endpoints_trouble() -> None:
    with loopback(in_turn(Reply())) as server:
        pass
    assert webhook(server.url).deliver(EVENT) == Delivery("again", problem="no connection", whole=True)


def test_an_untrusted_certificate_is_named_and_an_own_ca_is_trusted(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    trusting = requests.Session()
    trusting.verify = str(tmp_path / "both.pem")
    with loopback(in_turn(Reply()), tls=context) as server:
        found = webhook(server.url).deliver(EVENT)
        assert webhook(server.url, session=trusting).deliver(EVENT).fate == "delivered"
    assert found == Delivery("again", problem="its certificate is refused, self-signed certificate", whole=True)


# --- whom it may talk to


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "::1", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1",
     "198.51.100.7", "2001:db8::1"],
)  # fmt: skip
def test_private_addresses_are_out_of_reach(text: str) -> None:
    assert not address.is_allowed(address.ip_address(text), ())


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_not(text: str) -> None:
    assert address.is_allowed(address.ip_address(text), ())


def test_a_network_that_is_named_is_allowed_and_no_other() -> None:
    networks = (ip_network("10.20.0.0/16"),)
    allowed = [
        t for t in ("10.20.1.1", "::ffff:10.20.1.1", "10.21.1.1") if address.is_allowed(address.ip_address(t), networks)
    ]
    assert allowed == ["10.20.1.1", "::ffff:10.20.1.1"]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254"]
)
def test_a_name_for_an_inner_address_is_refused_before_connecting(here: Receiver, host: str) -> None:
    port = here.url.rsplit(":", 1)[1].partition("/")[0]
    found = webhook(f"https://{host}:{port}/", networks=()).deliver(EVENT)
    assert found == Delivery("again", problem="its name leads to an address that webhooks may not reach", whole=True)
    assert here.heard == []


def test_a_name_that_changes_its_mind_is_judged_each_time_and_connected_to_as_judged(
    here: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: the second look at the name gives an inner address, but there is no second look."""
    port = int(here.url.rsplit(":", 1)[1].partition("/")[0])
    looked: list[str] = []
    real = address.socket.getaddrinfo

    def rebinding(host: str, *rest: Any, **more: Any) -> Any:
        looked.append(host)
        if host == "hooks.example.com":
            return real("8.8.8.8" if len(looked) == 1 else "127.0.0.1", *rest, **more)
        return real(host, *rest, **more)

    went: list[str] = []

    def connect(place: tuple[str, int], *rest: Any, **more: Any) -> Any:
        went.append(place[0])
        raise OSError("no way out of the tests")

    monkeypatch.setattr(address.socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(address, "create_connection", connect)
    one = webhook(f"https://hooks.example.com:{port}/", networks=())
    assert one.deliver(EVENT).problem == "no connection"
    assert one.deliver(EVENT).problem == "its name leads to an address that webhooks may not reach"
    assert went == ["8.8.8.8"] and here.heard == []


def test_one_inner_address_among_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(address.socket, "getaddrinfo", lambda *_, **__: entries)
    with pytest.raises(address.Forbidden):
        address.resolved("hooks.example.com", 443, ())


def test_the_next_address_is_tried_when_one_does_not_answer(here: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "resolved", lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert webhook(here.url).deliver(EVENT).fate == "delivered"


def test_a_proxy_connects_for_us_but_inner_names_are_refused_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(in_turn(Reply())) as proxy:
        for name, value in (("https_proxy", proxy.url), ("no_proxy", ""), ("NO_PROXY", "")):
            monkeypatch.setenv(name, value)
        found = webhook("https://127.0.0.1:9/", networks=()).deliver(EVENT)
    assert "may not reach" in str(found.problem) and proxy.asked == []


@pytest.mark.parametrize(
    ("url", "more", "why"),
    [
        ("http://hooks.example.com/", {}, "in the clear"),
        ("http://127.0.0.1/", {"networks": ()}, "in the clear"),
        ("ftp://hooks.example.com/", {}, "address"),
        ("https://user:pass@hooks.example.com/", {}, "address"),
        ("https://hooks.example.com/#x", {}, "address"),
        ("hooks.example.com", {}, "address"),
        ("https://*bad.example.com/", {}, "malformed"),
    ],
)
def test_an_address_that_must_not_be_called_is_refused_at_once(url: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        webhook(url, **more)


def test_an_unchecked_certificate_is_refused() -> None:
    session = requests.Session()
    session.verify = False
    with pytest.raises(ConfigError, match="certificate"):
        webhook("https://hooks.example.com/", session=session)


def test_neither_address_nor_secret_shows() -> None:
    one = webhook("https://hooks.example.com/catch/path-canary?sig=query-canary").endpoint
    assert "canary" not in repr(one) and "c2VjcmV0" not in repr(one) and one.host == "hooks.example.com"


def _trickling() -> Any:
    """A receiver whose status line never ends."""
    import contextlib
    import socket
    import threading

    @contextlib.contextmanager
    def serve() -> Iterator[str]:
        listener = socket.create_server(("127.0.0.1", 0))
        over = threading.Event()

        def answer() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                while not over.is_set():
                    connection.sendall(b"H" if not over.wait(0.05) else b"")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
        over.set()
        listener.close()

    return serve()
