"""What is taken for a secret, and what is not. The keys are made here and open nothing."""

from __future__ import annotations

import random
import string

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from assistant.context.privacy import holds_secret, is_private_path

DRAWN = random.Random(7)


def drawn(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(DRAWN.choices(alphabet, k=length))


UPPER = string.ascii_uppercase + string.digits
HEXADECIMAL = "0123456789abcdef"
ISSUED = {
    "amazon": "AKIA" + drawn(16, UPPER),
    "amazon, temporary": "ASIA" + drawn(16, UPPER),
    "github": "ghp_" + drawn(36),
    "github, fine-grained": "github_pat_" + drawn(22) + "_" + drawn(59),
    "gitlab": "glpat-" + drawn(20),
    "slack": "xoxb-" + drawn(12, string.digits) + "-" + drawn(24),
    "openai": "sk-proj-" + drawn(48),
    "stripe": "sk_live_" + drawn(24),
    "google": "AIza" + drawn(35),
    "npm": "npm_" + drawn(36),
    "pypi": "pypi-AgE" + drawn(60),
    "hub": "hf_" + drawn(34),
    "mail": "SG." + drawn(22) + "." + drawn(43),
    "telegram": drawn(9, "123456789") + ":AA" + drawn(33),
    "ocean": "dop_v1_" + drawn(64, HEXADECIMAL),
    "web token": "eyJ" + drawn(20) + ".eyJ" + drawn(40) + "." + drawn(43),
    "hook": "https://hooks.slack.com/services/T" + drawn(8, UPPER) + "/B" + drawn(9, UPPER) + "/" + drawn(24),
}


@pytest.mark.parametrize("key", ISSUED.values(), ids=ISSUED)
def test_a_key_of_a_known_issuer_is_a_secret(key):
    assert holds_secret(f'client = connect("{key}")\n')


def in_pem(key, kind=serialization.PrivateFormat.PKCS8) -> str:
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def test_a_private_key_is_a_secret_and_a_public_one_is_none():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert holds_secret(f'KEY = """{in_pem(key)}"""\n')
    assert holds_secret(in_pem(key, serialization.PrivateFormat.TraditionalOpenSSL))
    assert holds_secret(in_pem(ed25519.Ed25519PrivateKey.generate(), serialization.PrivateFormat.OpenSSH))
    assert not holds_secret(public.decode())


@pytest.mark.parametrize(
    "line",
    [
        'password = "tr0ub4dor&3-battery"',
        "API_KEY: 'k3y-9f8e7d6c5b4a3210'",
        '{"client_secret": "Zk8Q~4hTqB2vR7nLw1pXs"}',
        "DATABASE = 'postgresql://boats:h4rb0ur-lights@db.internal/boats'",
    ],
)
def test_a_literal_password_is_a_secret(line):
    assert holds_secret(f"{line}\n")


@pytest.mark.parametrize(
    "line",
    [
        'password = "your-password-here"',
        'token = "{token}"',
        'secret = os.environ["CLIENT_SECRET"]',
        'api_key = "api_key_of_the_service"',
        "https://user:password@example.org/",
        'checksum = "9e107d9d372bb6826bd81d3542a419d6"',
        "swh:1:cnt:01068d712e3f5ec3087562ee82e5ea2841ca221c",
        "def read_token(key: str, *, secret: bytes) -> str: ...",
        "for task-list in disk-usage: mask-and-skip-everything-else()",
    ],
)
def test_places_for_secrets_and_names_of_them_are_none(line):
    assert not holds_secret(f"{line}\n")


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.production",
        "deploy/prod.env",
        ".ENV",
        "/home/someone/.ssh/config",
        "id_ed25519",
        "server.key",
        "certs\\server.pem",
        "keystore.jks",
        ".netrc",
        ".npmrc",
        ".pypirc",
        "credentials.json",
        "app-secrets.yaml",
        ".aws/credentials",
        "service-account-prod.json",
        "terraform.tfvars",
        ".git-credentials",
    ],
)
def test_a_file_for_secrets_is_told_by_its_name(path):
    assert is_private_path(path)


@pytest.mark.parametrize("path", ["environment.py", "secrets.py", "key.go", "src/token.ts", "credentials.rs"])
def test_code_about_secrets_is_code(path):
    assert not is_private_path(path)
