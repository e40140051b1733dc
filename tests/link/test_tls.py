"""TLS on real sockets: who is verified, who is refused, and what the owner hears of it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from smscd import pdu
from smscd.clock import FakeClock
from smscd.errors import ConfigError
from smscd.link import LinkLimits, TlsSettings, client_context, connect, server_context
from smscd.link.opening import describe
from smscd.session import Answered, Closed
from tests.link.certificates import Authority
from tests.link.ends import Centre, Chatty, Esme, Place, flood, place


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def authority(directory: Path) -> Authority:
    return Authority(directory)


@pytest.fixture(scope="module")
def stranger(directory: Path) -> Authority:
    return Authority(directory, "stranger")


async def test_a_request_is_answered_over_tls(authority: Authority) -> None:
    async with place(tls=server_context(authority.server())) as here:
        esme, link = await here.esme(tls=client_context(authority.path))
        esme.submit(link, 3)
        await esme.until(lambda: len(esme.of(Answered)) == 4)
        assert link.tls
        assert here.centre.links[0].tls
        assert here.centre.links[0].certificate_subject == ""


async def test_an_unbind_over_tls_ends_both_ends(authority: Authority) -> None:
    async with place(tls=server_context(authority.server())) as here:
        esme, link = await here.esme(tls=client_context(authority.path))
        link.session.unbind(here.links.clock.monotonic())
        link.flush()
        assert "unbound" in await esme.gone()
        assert "unbound" in await here.centre.gone()


async def test_a_client_certificate_names_the_peer(authority: Authority) -> None:
    ours = authority.issue(common_name="carrier-a")
    async with place(tls=server_context(authority.server(client_ca=authority.path))) as here:
        await here.esme(tls=client_context(authority.path, ours.certificate, ours.key))
        far = here.centre.links[0]
        assert far.certificate_name == "carrier-a"
        assert far.certificate_subject.startswith("CN=carrier-a,")


async def test_mutual_tls_refuses_a_peer_without_a_certificate(authority: Authority) -> None:
    async with place(tls=server_context(authority.server(client_ca=authority.path))) as here:
        await _refused(here, client_context(authority.path))
        assert "certificate" in await here.centre.gone()
        assert here.centre.heard == []


async def test_mutual_tls_refuses_a_certificate_of_another_authority(authority: Authority, stranger: Authority) -> None:
    theirs = stranger.issue(common_name="carrier-a")
    async with place(tls=server_context(authority.server(client_ca=authority.path))) as here:
        await _refused(here, client_context(authority.path, theirs.certificate, theirs.key))
        assert "certificate" in await here.centre.gone()


async def test_an_upstream_certificate_is_verified_by_default(authority: Authority, stranger: Authority) -> None:
    async with place(tls=server_context(stranger.server())) as here:
        esme = Esme()
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect("localhost", here.door.port, here.esme_link(esme), tls=client_context(authority.path))
        assert "TLS handshake" in await here.centre.gone()
        assert esme.reasons == [], "the exception has told it"


async def test_an_upstream_certificate_for_another_host_is_refused(authority: Authority) -> None:
    async with place(tls=server_context(authority.server("smsc.example.net"))) as here:
        with pytest.raises(ssl.SSLCertVerificationError):
            await connect("localhost", here.door.port, here.esme_link(Esme()), tls=client_context(authority.path))
        link = here.esme_link(Esme())
        await connect(
            "127.0.0.1",
            here.door.port,
            link,
            tls=client_context(authority.path),
            server_hostname="smsc.example.net",
        )
        assert link.tls


async def test_verification_ends_only_where_somebody_insists(stranger: Authority) -> None:
    async with place(tls=server_context(stranger.server())) as here:
        esme, _link = await here.esme(tls=client_context(verify=False))
        assert esme.reasons == []


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
async def test_tls_older_than_1_2_is_refused(authority: Authority) -> None:
    assert client_context(authority.path).minimum_version is ssl.TLSVersion.TLSv1_2
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.load_verify_locations(authority.path)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    old.set_ciphers("ALL:@SECLEVEL=0")
    async with place(tls=server_context(authority.server())) as here:
        with pytest.raises(OSError):  # noqa: PT011 - an alert or a reset, as the two race
            await connect("localhost", here.door.port, here.esme_link(Esme()), tls=old)
        assert "TLS handshake" in await here.centre.gone()


async def test_a_plain_bind_on_a_tls_port_is_a_failed_handshake(authority: Authority) -> None:
    async with place(tls=server_context(authority.server())) as here:
        reader, writer = await here.raw()
        writer.write(pdu.encode(pdu.BindTransceiver(sequence_number=1, system_id=b"test")))
        assert "TLS handshake" in await here.centre.gone()
        assert here.centre.heard == []
        writer.close()
        del reader


def test_a_peer_that_goes_without_a_word_is_put_into_words() -> None:
    """What uvloop gives for a client that does not like our certificate is a ConnectionResetError without a text."""
    assert describe(ConnectionResetError()) == "the peer closed the connection"
    assert describe(ConnectionResetError(104, "Connection reset by peer")) == "Connection reset by peer"


async def test_a_handshake_that_never_comes_is_cut_off(authority: Authority) -> None:
    async with place(tls=server_context(authority.server()), handshake_timeout=0.1) as here:
        reader, writer = await here.raw()
        assert "TLS handshake" in await here.centre.gone()
        assert await reader.read() == b""
        writer.close()


async def test_closing_the_door_ends_the_handshakes_under_way(authority: Authority) -> None:
    async with place(tls=server_context(authority.server())) as here:
        _reader, writer = await here.raw()
        await here.accepted(1)
        await here.door.close()
        assert await here.centre.gone() == "closed before it was open"
        writer.close()


async def test_a_new_certificate_serves_new_connections_and_leaves_the_others_alone(
    authority: Authority, stranger: Authority
) -> None:
    async with place(tls=server_context(authority.server())) as here:
        before, its_link = await here.esme(tls=client_context(authority.path))
        here.door.tls = server_context(stranger.server())
        await here.esme(tls=client_context(stranger.path))
        before.submit(its_link)
        await before.until(lambda: len(before.of(Answered)) == 2)


async def test_the_last_answer_arrives_before_a_tls_link_closes(authority: Authority) -> None:
    class Brief(Centre):
        def release(self, link, count):  # type: ignore[no-untyped-def]
            super().release(link, count)
            link.close("one is enough")

    async with place(tls=server_context(authority.server()), centre=Brief()) as here:
        esme, link = await here.esme(tls=client_context(authority.path))
        esme.submit(link)
        await esme.gone()
        assert len(esme.of(Answered)) == 2
        assert len(esme.of(Closed)) == 1


async def test_a_client_that_never_reads_is_bounded_and_cut_over_tls_as_well(authority: Authority) -> None:
    limits, clock = LinkLimits(write_high=64 << 10, write_low=16 << 10, write_cap=4 << 20), FakeClock()
    server = server_context(authority.server())
    async with place(tls=server, limits=limits, clock=clock, ticking=False, centre=Chatty()) as here:
        _reader, writer = await flood(here, client_context(authority.path))
        far = here.centre.links[0]
        await here.centre.until(lambda: far.writing_paused)
        assert far.reading_paused
        assert far._transport is not None
        assert far._transport.get_write_buffer_size() < limits.write_cap
        clock.advance(limits.stall + 1)
        here.links.tick()
        assert "peer does not read" in await here.centre.gone()
        writer.transport.abort()


async def test_a_window_pauses_reading_over_tls_as_well(authority: Authority) -> None:
    async with place(tls=server_context(authority.server()), window=5) as here:
        esme, link = await here.esme(tls=client_context(authority.path))
        far = here.centre.links[0]
        here.centre.holding = True
        esme.submit(link, 6)
        await here.centre.until(lambda: far.reading_paused)
        esme.submit(link, 6)
        here.centre.holding = False
        here.centre.release(far, 6)
        await esme.until(lambda: len(esme.of(Answered)) == 13)


async def test_a_tls_peer_that_does_not_say_goodbye_is_cut_after_the_linger_time(authority: Authority) -> None:
    limits, clock = LinkLimits(write_high=64 << 10, write_low=16 << 10, write_cap=4 << 20), FakeClock()
    server = server_context(authority.server())
    async with place(tls=server, limits=limits, clock=clock, ticking=False, centre=Chatty()) as here:
        _reader, writer = await flood(here, client_context(authority.path))
        far = here.centre.links[0]
        await here.centre.until(lambda: far.writing_paused)
        far.close("enough")
        clock.advance(limits.linger + 1)
        here.links.tick()
        assert await here.centre.gone() == "enough"
        writer.transport.abort()


def test_every_unusable_file_is_named(directory: Path, authority: Authority, stranger: Authority) -> None:
    good, other = authority.issue(), stranger.issue()
    rubbish = directory / "rubbish.pem"
    rubbish.write_text("not a certificate")
    missing = directory / "missing.pem"
    for settings, wanted in (
        (TlsSettings(missing, good.key), "tls.certificate: .*missing.pem: No such file"),
        (TlsSettings(good.certificate, missing), "tls.key: .*missing.pem: No such file"),
        (TlsSettings(good.certificate, other.key), "tls.key: .* does not belong to the certificate"),
        (TlsSettings(rubbish, good.key), "tls.certificate: .* not a PEM certificate"),
        (TlsSettings(good.certificate, good.key, rubbish), "tls.client_ca: .* holds no PEM certificate"),
    ):
        with pytest.raises(ConfigError, match=wanted):
            server_context(settings)
    with pytest.raises(ConfigError, match=r"tls\.ca: .*missing\.pem"):
        client_context(missing)


async def _refused(here: Place, context: ssl.SSLContext) -> None:
    """TLS 1.3 lets a client believe it is connected before the server has looked at its certificate."""
    esme = Esme()
    try:
        await connect("localhost", here.door.port, here.esme_link(esme), tls=context)
    except OSError:
        return
    await esme.gone()
