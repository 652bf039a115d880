"""A participant's key and certificate, with which it signs what it records."""

import base64
import json
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key


class Identity:
    """Signs as the participant whose certificate this is.

    `key` is a P-256 private key as PEM (PKCS#8), `certificate` the chain that `sealane certificate` wrote: its first certificate is the
    participant's own. Raises `ValueError` if they are none, or do not belong together.
    """

    def __init__(self, key: bytes, certificate: bytes):
        self._key = load_pem_private_key(key, password=None)
        if not isinstance(self._key, ec.EllipticCurvePrivateKey) or not isinstance(self._key.curve, ec.SECP256R1):
            raise ValueError("the key is not on the curve P-256")
        self._certificate = x509.load_pem_x509_certificate(certificate)
        if _numbers(self._certificate.public_key()) != _numbers(self._key.public_key()):
            raise ValueError("the certificate is of another key")

    @classmethod
    def of_directory(cls, directory: str | Path) -> "Identity":
        """The identity in a directory as `sealane register` and `sealane certificate` leave it: `key.pem` and `certificate.pem`."""
        directory = Path(directory)
        return cls((directory / "key.pem").read_bytes(), (directory / "certificate.pem").read_bytes())

    def sign(self, document: bytes | dict, origin: str, issued: int | None = None) -> str:
        """Signs an EPCISDocument for the ledger of this origin, as a compact JWS (RFC 7515).

        Bytes are signed as they are. A dict is written as JSON first. `issued` is in seconds since 1970, now if it is not given. Post the same
        text again if you do not know whether it arrived: the ledger takes it once.
        """
        header = {
            "alg": "ES256",
            "typ": "epcis+jws",
            "x5t#S256": _base64url(self._certificate.fingerprint(hashes.SHA256())),
            "aud": origin,
            "iat": int(time.time()) if issued is None else issued,
        }
        payload = document if isinstance(document, bytes) else json.dumps(document, ensure_ascii=False).encode()
        signed = f"{_base64url(json.dumps(header, separators=(',', ':')).encode())}.{_base64url(payload)}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _numbers(key) -> object:
    """What a key is, if it is on a curve at all: older versions of `cryptography` do not compare keys."""
    return key.public_numbers() if isinstance(key, ec.EllipticCurvePublicKey) else None


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
