"""The rig's own TLS certificate: self-signed, made once, kept with a private key that only its user can read.

It follows what iOS asks of a server's certificate (support.apple.com/103769): SHA-256, names in the subject alternative
name, the purpose serverAuth, at most 825 days. It is its own authority, so that a phone can be told to trust it.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from capture.errors import CaptureError

DAYS = 820
RENEW_BEFORE = timedelta(days=7)
CERTIFICATE_FILE, KEY_FILE = "certificate.pem", "key.pem"


@dataclass(frozen=True, kw_only=True, slots=True)
class RigCertificate:
    """A certificate and its key on disk."""

    certificate_file: Path
    key_file: Path
    der: bytes
    """As a phone installs it."""

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of the certificate: what an app pins."""
        digest = hashes.Hash(hashes.SHA256())
        digest.update(self.der)
        return digest.finalize()

    def context(self) -> ssl.SSLContext:
        """A server's TLS settings with it: 1.2 and newer."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.certificate_file, self.key_file)
        return context


def rig_certificate(folder: Path, names: Sequence[str]) -> RigCertificate:
    """The certificate kept in the folder, or a new one when there is none, it runs out, or lacks one of the names.

    A new certificate keeps the key, and all names of the one before. Raises CaptureError when the folder cannot be
    written or the key in it cannot be read.
    """
    certificate_file, key_file = folder / CERTIFICATE_FILE, folder / KEY_FILE
    try:
        found = _load(certificate_file)
        known = _names(found) if found is not None else []
        if found is None or not set(names) <= set(known) or _runs_out(found):
            found = _sign(_key(key_file), list(dict.fromkeys([*names, *known])))
            _write(certificate_file, found.public_bytes(serialization.Encoding.PEM))
    except OSError as error:
        raise CaptureError(f"the certificate in {folder} cannot be kept ({error.strerror}); free that folder") from None
    der = found.public_bytes(serialization.Encoding.DER)
    return RigCertificate(certificate_file=certificate_file, key_file=key_file, der=der)


def names_of_this_host(listen: str) -> list[str]:
    """Names and addresses by which a phone may reach a server that listens there."""
    name = socket.gethostname().split(".")[0]
    own = [listen] if listen not in ("0.0.0.0", "::") else addresses_of_this_host()
    named = [name, f"{name}.local"] if name.isascii() and name else []
    return [*own, *named, "localhost", "127.0.0.1"]


def addresses_of_this_host() -> list[str]:
    """The IPv4 address that other computers see; loopback when there is no network. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1, RFC 5737: only asks the routing table
            return [probe.getsockname()[0]]
        except OSError:
            return ["127.0.0.1"]


def _key(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists():
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except ValueError:
            key = None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise CaptureError(f"{path} is not the rig's private key; remove it and pair the phones again")
        path.chmod(0o600)
        return key
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(path, pem)
    return key


def _sign(key: ec.EllipticCurvePrivateKey, names: Sequence[str]) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"humanrig on {socket.gethostname()}"[:64])])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(n) for n in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _load(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _runs_out(certificate: x509.Certificate) -> bool:
    return certificate.not_valid_after_utc - datetime.now(UTC) < RENEW_BEFORE


def _write(path: Path, data: bytes) -> None:
    """Appears whole, readable by its user alone from the first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    partial.replace(path)
