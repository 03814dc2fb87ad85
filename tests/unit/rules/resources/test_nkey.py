"""Seeds, public keys and signatures of NATS users, against what the tools of NATS make of them."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.rules.resources.nkey import Nkey

SEED = "SUAFCE6O5QG7JSSTPGMWFKJXYRIIVSYJC6O37D22LNE4TJUEOK3ZI7OYJA"
PUBLIC = "UBBMUQCTDTTNNK67YAJ3H7EPEUXXFF7Z3SXSUCUESKIIROLILR554OY5"


def test_a_seed_has_the_public_key_that_the_tools_of_nats_say() -> None:
    assert Nkey(f" {SEED}\n").public == PUBLIC


def test_a_nonce_is_signed_so_that_the_server_can_tell() -> None:
    signature = Nkey(SEED).sign("a nonce")
    raw = base64.b32decode(PUBLIC)[1:33]
    Ed25519PublicKey.from_public_bytes(raw).verify(
        base64.urlsafe_b64decode(signature + "=="), b"a nonce"
    )


@pytest.mark.parametrize(
    "seed", ["x", "", SEED[:-8] + "B" + SEED[-7:], SEED[:-4], PUBLIC, "ß" * 58]
)
def test_what_is_no_seed_is_refused_and_not_shown(seed: str) -> None:
    with pytest.raises(ValueError, match="not") as refused:
        Nkey(seed)
    assert not seed or seed not in str(refused.value)
