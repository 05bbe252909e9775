"""Pairing: a token and a certificate that only their user can read, and an address that holds both."""

import socket
import ssl
import stat
import threading
from datetime import timedelta

import pytest
from cryptography import x509

from capture.errors import CaptureError
from capture.iphone import certificate as certificates
from capture.iphone.certificate import rig_certificate
from capture.iphone.pairing import PairingAddress, checked_token, is_loopback, kept_token
from capture.page_requests import same_token


def test_an_address_survives_its_url():
    address = PairingAddress(scheme="https", host="192.168.1.5", port=8464, token="a" * 24, fingerprint="ab" * 32)
    assert PairingAddress.parse(address.page) == address
    assert address.websocket == "wss://192.168.1.5:8464/phone"
    assert PairingAddress.parse("[::1]:90").websocket == "ws://[::1]:90/phone"


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://x:99999/"])
def test_a_bad_address_is_one_sentence(url):
    with pytest.raises(CaptureError, match="not a pairing address"):
        PairingAddress.parse(url)


def test_a_token_is_made_once_and_kept_private(tmp_path):
    token = kept_token(tmp_path / "p")
    assert kept_token(tmp_path / "p") == token
    assert len(token) >= 24
    assert stat.S_IMODE((tmp_path / "p" / "token").stat().st_mode) == 0o600
    assert same_token(token, token)
    assert not same_token(token + "x", token)
    (tmp_path / "p" / "token").write_text("short")
    with pytest.raises(CaptureError, match="remove that file"):
        kept_token(tmp_path / "p")
    with pytest.raises(CaptureError, match="16 or more"):
        checked_token("no spaces allowed here")


def test_loopback_is_known():
    assert [is_loopback(h) for h in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "192.168.0.2", "rig")] == [
        True, True, True, False, False, False,
    ]  # fmt: skip


def test_a_client_that_trusts_the_certificate_connects(tmp_path):
    made = rig_certificate(tmp_path, ["127.0.0.1", "localhost"])
    assert stat.S_IMODE(made.key_file.stat().st_mode) == 0o600
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            with made.context().wrap_socket(connection, server_side=True) as secure:
                secure.sendall(b"hello")

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        trusting = ssl.create_default_context(cafile=str(made.certificate_file))  # checks name and purpose too
        with (
            socket.create_connection(server.getsockname()) as plain,
            trusting.wrap_socket(plain, server_hostname="127.0.0.1") as secure,
        ):
            assert secure.recv(5) == b"hello"
            assert secure.getpeercert(binary_form=True) == made.der
        thread.join(5)


def test_the_certificate_is_what_ios_asks_for(tmp_path):
    made = x509.load_der_x509_certificate(rig_certificate(tmp_path, ["10.0.0.1", "rig.local"]).der)
    assert made.not_valid_after_utc - made.not_valid_before_utc <= timedelta(days=825)
    assert made.signature_hash_algorithm.name == "sha256"
    usage = made.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert x509.oid.ExtendedKeyUsageOID.SERVER_AUTH in usage


def test_a_certificate_is_kept_until_it_lacks_a_name_or_runs_out(tmp_path, monkeypatch):
    first = rig_certificate(tmp_path, ["a.local"])
    assert rig_certificate(tmp_path, ["a.local"]).fingerprint == first.fingerprint
    wider = rig_certificate(tmp_path, ["10.0.0.7"])
    assert wider.fingerprint != first.fingerprint
    assert rig_certificate(tmp_path, ["a.local", "10.0.0.7"]).fingerprint == wider.fingerprint
    monkeypatch.setattr(certificates, "RENEW_BEFORE", timedelta(days=900))
    assert rig_certificate(tmp_path, ["a.local"]).fingerprint != wider.fingerprint


def test_a_damaged_key_is_named(tmp_path):
    (tmp_path / "key.pem").write_text("junk")
    with pytest.raises(CaptureError, match="not the rig's private key"):
        rig_certificate(tmp_path, ["a"])
