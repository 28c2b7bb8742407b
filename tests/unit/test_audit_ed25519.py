"""The stand-alone script's Ed25519 agrees with RFC 8032 and with a library, on good and on bad signatures."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from resources.verify_audit import (
    BASE,
    ORDER,
    P,
    is_signed,
    point_add,
    point_decode,
    point_encode,
)

# RFC 8032, 7.1: TEST 1, TEST 2, TEST 3 and TEST SHA(abc).
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd"
            "25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c3"
            "87b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594"
            "a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        (
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd4"
            "54d4423643ce80e2a9ac94fa54ca49f"
        ),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303"
            "dca179c138ac17ad9bef1177331a704"
        ),
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_vector_of_the_rfc_is_signed_and_any_change_of_it_is_not(key, message, signature):
    parts = [bytes.fromhex(each) for each in (key, message, signature)]
    assert is_signed(*parts)

    for place in (0, 31, 32, 63):
        spoilt = bytearray(parts[2])
        spoilt[place] ^= 1
        assert not is_signed(parts[0], parts[1], bytes(spoilt))
    assert not is_signed(parts[0], parts[1] + b"x", parts[2])
    assert not is_signed(bytes(32), parts[1], parts[2])


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200), flip=st.integers(0, 96 * 8))
def test_signature_is_judged_as_by_the_library(seed, message, flip):
    private = Ed25519PrivateKey.from_private_bytes(seed)
    signed = bytearray(private.public_key().public_bytes_raw() + private.sign(message))
    if flip < 96 * 8:
        signed[flip // 8] ^= 1 << flip % 8
    key, signature = bytes(signed[:32]), bytes(signed[32:])

    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
        is_good = True
    except (InvalidSignature, ValueError):
        is_good = False

    assert is_signed(key, message, signature) is is_good


def test_signature_whose_number_is_not_reduced_is_refused():
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    signature = private.sign(b"head")
    larger = int.from_bytes(signature[32:], "little") + ORDER

    forged = signature[:32] + larger.to_bytes(32, "little")

    assert not is_signed(private.public_key().public_bytes_raw(), b"head", forged)


@pytest.mark.parametrize(
    ("key", "signature"), [(b"", bytes(64)), (bytes(31), bytes(64)), (bytes(32), bytes(63))]
)
def test_key_or_signature_of_another_length_is_refused(key, signature):
    assert not is_signed(key, b"", signature)


@pytest.mark.parametrize("number", [P, P + 1, 2**255 - 1, 2, 1 | 1 << 255])
def test_bytes_that_stand_for_no_point_are_refused(number):
    assert point_decode(number.to_bytes(32, "little")) is None


def test_sum_of_points_is_a_point_and_decoding_undoes_encoding():
    point = BASE
    for _ in range(20):
        point = point_add(point_add(point, point), BASE)
        raw = point_encode(point)
        assert point_encode(point_decode(raw)) == raw
