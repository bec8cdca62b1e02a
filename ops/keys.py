"""Keys: a keyring with a current key and old ones, and what is derived from it."""

import base64
import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@dataclass(frozen=True, repr=False)
class Keyring:
    """Named 256-bit keys: everything new uses `current`; old ones only open what they closed."""

    keys: Mapping[str, bytes]
    current: str

    @classmethod
    def parse(cls, text: str) -> "Keyring":
        """Read `id:base64,id:base64`; the first is the current one. Raises ValueError naming the entry, never the key."""
        keys: dict[str, bytes] = {}
        for position, entry in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
            key_id, _, encoded = entry.partition(":")
            try:
                key = base64.b64decode(encoded, validate=True)
            except ValueError:
                key = b""
            if not (0 < len(key_id) <= 16 and key_id.isascii() and key_id.isalnum()) or len(key) != 32:
                raise ValueError(f"key {position} of the keyring isn't `id:base64 of 32 bytes`")
            if key_id in keys:
                raise ValueError(f"key id {key_id!r} stands twice in the keyring")
            keys[key_id] = key
        if not keys:
            raise ValueError("the keyring is empty; give at least one `id:base64 of 32 bytes`")
        return cls(keys, next(iter(keys)))

    def derived(self, purpose: str) -> "Keyring":
        """The same key ids with keys of their own for one purpose (HKDF-SHA256)."""
        return Keyring({key_id: _derive(key, purpose) for key_id, key in self.keys.items()}, self.current)


@lru_cache(maxsize=256)
def _derive(key: bytes, purpose: str) -> bytes:
    return HKDF(hashes.SHA256(), length=32, salt=None, info=b"gatehouse/" + purpose.encode()).derive(key)


def encrypt(keyring: Keyring, plain: bytes, *, bound_to: bytes) -> tuple[str, bytes]:
    """AES-256-GCM under the current key: the key's id, and nonce with ciphertext. `bound_to` must be given again to open."""
    nonce = os.urandom(12)
    return keyring.current, nonce + AESGCM(keyring.keys[keyring.current]).encrypt(nonce, plain, bound_to)


def decrypt(keyring: Keyring, key_id: str, sealed: bytes, *, bound_to: bytes) -> bytes:
    """What `encrypt` closed. Raises ValueError for an unknown key, another binding or changed bytes."""
    key = keyring.keys.get(key_id)
    if key is None:
        raise ValueError(f"no key {key_id!r} in the keyring")
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], bound_to)
    except InvalidTag:
        raise ValueError("the bytes were not sealed by this key for this place") from None


class KeyedVault:
    """The `Vault` port on a keyring.

    Digests use the oldest key (the last of the ring), because rows are looked up by them: rotating
    the sealing key must not make every stored digest unfindable.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._sealing = keyring.derived("seal")
        self._digesting = _derive(list(keyring.keys.values())[-1], "digest")

    def digest(self, purpose: str, value: str) -> str:
        return hmac.new(self._digesting, f"{purpose}\0{value}".encode(), hashlib.sha256).hexdigest()

    def seal(self, purpose: str, text: str) -> bytes:
        key_id, sealed = encrypt(self._sealing, text.encode(), bound_to=purpose.encode())
        return key_id.encode() + b":" + sealed

    def unseal(self, purpose: str, sealed: bytes) -> str:
        key_id, _, rest = sealed.partition(b":")
        return decrypt(self._sealing, key_id.decode(errors="replace"), rest, bound_to=purpose.encode()).decode()
