"""What comes back from a bad network, and what never gets into an error or a log."""

from __future__ import annotations

import gzip
import logging
import ssl
import traceback
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import requests

from fieldwork.connectors.transport import Limits, NotJson
from fieldwork.errors import (
    BadResponse,
    ConfigError,
    FieldworkError,
    PayloadTooLarge,
    RateLimited,
    RequestRefused,
    SourceUnavailable,
)

from .loopback import Reply, in_turn, json_reply, loopback, transport

SECRET = "tok-canary-4711"
GOOD = json_reply({"n": 1})


def test_a_good_answer_comes_back_whole_over_one_connection() -> None:
    body = b'{"text":"' + b"x" * 3_000_000 + b'"}'
    with loopback(in_turn(Reply(body))) as server:
        out = transport(server.url)
        answers = [out.send("POST", "/rows", params={"a": "1"}, body=b"{}") for _ in range(3)]
    assert [answer.body for answer in answers] == [body] * 3
    assert len({one.peer for one in server.asked}) == 1
    assert server.asked[0].query == {"a": "1"} and server.asked[0].headers["Content-Type"].startswith(
        "application/json"
    )


@pytest.mark.parametrize(
    "bad",
    [
        json_reply({}, 500),
        json_reply({}, 503),
        Reply(b"<html>", 502),
        Reply(reset=True),
        Reply(b'{"n": 1, "m"', length=50),
        Reply(b'{"n": 1, "m"', length=None),
        Reply(b""),
    ],
    ids=["500", "503", "502-page", "reset", "cut-with-length", "cut-without-length", "empty"],
)
def test_a_passing_fault_is_asked_again(bad: Reply) -> None:
    slept: list[float] = []
    with loopback(in_turn(bad, bad, GOOD)) as server:
        answer = transport(server.url, slept=slept).send("GET", "/rows")
    assert answer.body == b'{"n":1}'
    assert len(server.asked) == 3
    assert len(slept) == 2 and 0.25 <= slept[0] <= 0.5 and 0.5 <= slept[1] <= 1.0


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (json_reply({}, 503), SourceUnavailable),
        (Reply(reset=True), SourceUnavailable),
        (Reply(b"{", length=9), BadResponse),
        (json_reply({}, 429), RateLimited),
    ],
)
def test_a_lasting_fault_ends_with_its_name(bad: Reply, kind: type[FieldworkError]) -> None:
    with loopback(in_turn(bad)) as server, pytest.raises(kind, match="4 attempts"):
        transport(server.url, attempts=4).send("GET", "/rows")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "bad", [json_reply({}, 500), Reply(reset=True), Reply(b'{"n": 1', length=50), Reply(b"<html>")], ids=str
)
def test_a_write_that_may_be_done_is_not_asked_again(bad: Reply) -> None:
    with loopback(in_turn(bad, GOOD)) as server, pytest.raises((SourceUnavailable, BadResponse)):
        transport(server.url).send("PATCH", "/rows", body=b"{}", once=True)
    assert len(server.asked) == 1


def test_a_write_that_came_too_often_was_not_done_and_is_asked_again() -> None:
    with loopback(in_turn(json_reply({}, 429), GOOD)) as server:
        assert transport(server.url).send("PATCH", "/rows", body=b"{}", once=True).status == 200
    assert len(server.asked) == 2


def test_a_table_of_text_is_whole_when_its_length_is() -> None:
    table = Reply(b'"a","b"\n"1","2"\n', headers={"Content-Type": "text/csv"})
    cut = Reply(b'"a","b"\n"1"', headers={"Content-Type": "text/csv"}, length=40)
    with loopback(in_turn(table, cut, table)) as server:
        out = transport(server.url)
        answers = [out.send("GET", "/rows", body=b"x", media="text/csv") for _ in range(2)]
    assert [answer.body for answer in answers] == [table.body] * 2
    assert len(server.asked) == 3
    assert server.asked[0].headers["Content-Type"] == "text/csv; charset=utf-8"
    assert server.asked[0].headers["Accept"] == "text/csv"


def test_nobody_there_is_source_unavailable() -> None:
    with loopback(in_turn(GOOD)) as server:
        pass
    with pytest.raises(SourceUnavailable):
        transport(server.url, attempts=2).send("GET", "/rows")


def test_retry_after_is_waited_for_up_to_the_cap() -> None:
    slept: list[float] = []
    with loopback(
        in_turn(json_reply({}, 429, **{"Retry-After": "7"}), json_reply({}, 503, **{"Retry-After": "3"}), GOOD)
    ) as server:
        transport(server.url, slept=slept).send("GET", "/rows")
    assert slept == [7.0, 3.0]


def test_retry_after_as_a_date() -> None:
    slept: list[float] = []
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    with loopback(in_turn(json_reply({}, 429, **{"Retry-After": soon}), GOOD)) as server:
        transport(server.url, slept=slept).send("GET", "/rows")
    assert 25 < slept[0] <= 30


def test_a_retry_after_beyond_the_cap_frees_the_slot() -> None:
    slept: list[float] = []
    with (
        loopback(in_turn(json_reply({}, 429, **{"Retry-After": "999999"}))) as server,
        pytest.raises(RateLimited, match="999999 s"),
    ):
        transport(server.url, slept=slept).send("GET", "/rows")
    assert slept == [] and len(server.asked) == 1


@pytest.mark.parametrize("nonsense", ["-5", "soon", "", "٣"])
def test_a_retry_after_that_says_nothing_leaves_our_own_wait(nonsense: str) -> None:
    slept: list[float] = []
    with loopback(in_turn(Reply(b"{}", 429, {"Retry-After": nonsense.encode().decode("latin-1")}), GOOD)) as server:
        transport(server.url, slept=slept).send("GET", "/rows")
    assert 0.25 <= slept[0] <= 0.5


def test_silence_is_given_up() -> None:
    limits = Limits(connect_s=1, read_s=0.2, total_s=5)
    with loopback(in_turn(Reply(wait_s=0.6), GOOD)) as server:
        assert transport(server.url, limits=limits).send("GET", "/rows").status == 200
    assert len(server.asked) == 2


def test_a_trickle_is_given_up_after_the_total_time() -> None:
    limits = Limits(connect_s=1, read_s=1, total_s=0.3)
    with (
        loopback(in_turn(Reply(b'{"text":"0123456789012345678901234567890123456789"}', trickle_s=0.05))) as server,
        pytest.raises(SourceUnavailable, match="too slowly"),
    ):
        transport(server.url, limits=limits, attempts=1).send("GET", "/rows")


def test_a_web_page_instead_of_json_is_not_asked_again() -> None:
    with (
        loopback(in_turn(Reply(b"  <!DOCTYPE html><p>log in", headers={"Content-Type": "text/html"}))) as server,
        pytest.raises(NotJson),
    ):
        transport(server.url).send("GET", "/rows")
    assert len(server.asked) == 1


def test_a_redirect_is_not_followed() -> None:
    with loopback(in_turn(GOOD)) as other:
        away = Reply(b"", 302, {"Location": f"http://localhost:{other.url.rsplit(':')[-1]}/steal?token=1"})
        with loopback(in_turn(away)) as server, pytest.raises(RequestRefused, match="redirects to localhost") as raised:
            transport(server.url).send("GET", "/rows", params={"access_token": SECRET})
    assert other.asked == [] and "steal" not in str(raised.value)


def test_a_body_over_the_cap_is_too_large() -> None:
    limits = Limits(body_bytes=1 << 20)
    with loopback(in_turn(Reply(b'{"a":"' + b"x" * (2 << 20) + b'"}'))) as server, pytest.raises(PayloadTooLarge):
        transport(server.url, limits=limits).send("GET", "/rows")


def test_a_compressed_bomb_is_too_large() -> None:
    bomb = gzip.compress(b'{"a":"' + b"\0" * (200 << 20) + b'"}', 1)
    reply = Reply(bomb, headers={"Content-Encoding": "gzip"})
    with loopback(in_turn(reply)) as server:
        out = transport(server.url, limits=Limits(body_bytes=8 << 20))
        tracemalloc.start()
        try:
            with pytest.raises(PayloadTooLarge):
                out.send("GET", "/rows")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 32 << 20


def test_a_compressed_body_is_unpacked() -> None:
    with loopback(in_turn(Reply(gzip.compress(b'{"n":1}'), headers={"Content-Encoding": "gzip"}))) as server:
        assert transport(server.url).send("GET", "/rows").body == b'{"n":1}'


def test_a_refusal_is_the_callers_to_judge() -> None:
    with loopback(in_turn(json_reply({"code": "no"}, 403))) as server:
        answer = transport(server.url).send("GET", "/rows")
    assert (answer.status, answer.body, len(server.asked)) == (403, b'{"code":"no"}', 1)


def test_the_sessions_basic_auth_does_not_replace_the_bearer() -> None:
    session = requests.Session()
    session.auth = ("app", "secret")
    with loopback(in_turn(GOOD)) as server:
        transport(server.url, session=session).send("GET", "/rows", headers={"Authorization": "Bearer one"})
    assert server.asked[0].headers["Authorization"] == "Bearer one"


@pytest.mark.parametrize(
    "address", ["http://api.example.com", "ftp://api.example.com", "api.example.com", "https://u:p@api.example.com"]
)
def test_an_address_that_would_leak_is_refused(address: str) -> None:
    with pytest.raises(ConfigError):
        transport(address)


@pytest.mark.parametrize("address", ["https://exa mple.com", "https://*bad.example.com", "https://a.example.com:x"])
def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(ConfigError, match=r"malformed|not a web address"):
        transport(address)


def test_a_header_that_cannot_be_sent_is_a_wrong_setting_not_an_outage() -> None:
    with loopback(in_turn(GOOD)) as server, pytest.raises(ConfigError, match="malformed"):
        transport(server.url).send("GET", "/rows", headers={"Authorization": f"Bearer {SECRET}\n"})
    assert server.asked == []


def test_a_ca_file_that_is_not_there_is_named_at_once() -> None:
    session = requests.Session()
    session.verify = "/nowhere/ca.pem"
    with pytest.raises(ConfigError, match="CA file"):
        transport("https://api.example.com", session=session)


def test_the_path_of_the_address_comes_before_the_call_s_own() -> None:
    with loopback(in_turn(GOOD)) as server:
        transport(f"{server.url}/tenant/").send("POST", "/token", form={"a": "1 & 2"})
    (asked,) = server.asked
    assert (asked.path, asked.body) == ("/tenant/token", b"a=1+%26+2")
    assert asked.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert "python-requests" in asked.headers["User-Agent"] and asked.headers["Content-Length"] == "9"


def test_the_proxy_of_the_environment_is_asked_with_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with loopback(in_turn(GOOD)) as proxy:
        for name, value in (("http_proxy", proxy.url), ("no_proxy", ""), ("NO_PROXY", "")):
            monkeypatch.setenv(name, value)
        out = transport("http://127.0.0.1:9")
        monkeypatch.delenv("http_proxy")
        assert out.send("GET", "/rows", params={"a": "1"}).status == 200
    assert [(one.headers["Host"], one.path, one.query) for one in proxy.asked] == [("127.0.0.1:9", "/rows", {"a": "1"})]


def test_an_unchecked_certificate_is_refused() -> None:
    session = requests.Session()
    session.verify = False
    with pytest.raises(ConfigError, match="certificate"):
        transport("https://api.example.com", session=session)


def test_an_untrusted_certificate_is_named_and_not_asked_again(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path))
    slept: list[float] = []
    with loopback(in_turn(GOOD), tls=context) as server:
        with pytest.raises(ConfigError, match="self-signed certificate") as raised:
            transport(server.url, slept=slept).send("GET", "/rows", params={"access_token": SECRET})
        session = requests.Session()
        session.verify = str(tmp_path / "both.pem")
        assert transport(server.url, session=session).send("GET", "/rows").status == 200
    assert slept == [] and SECRET not in str(raised.value)


@pytest.mark.parametrize("bad", [Reply(reset=True), json_reply({}, 503), Reply(b"{", length=9), Reply(wait_s=0.5)])
def test_no_token_gets_into_errors_or_logs(bad: Reply, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    limits = Limits(connect_s=1, read_s=0.2, total_s=1)
    with loopback(in_turn(bad)) as server, pytest.raises(FieldworkError) as raised:
        transport(server.url, attempts=2, limits=limits).send(
            "POST", "/rows", params={"access_token": SECRET}, body=b"{}"
        )
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value.__context__) + caplog.text
    assert SECRET not in told


def test_the_log_keeps_the_path_without_the_query(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with loopback(in_turn(GOOD)) as server:
        transport(server.url).send("GET", "/rows", params={"access_token": SECRET})
    assert "/rows?…" in caplog.text


def _self_signed(folder: Path) -> Path:
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "both.pem"
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(secret + certificate.public_bytes(pem))
    return path
