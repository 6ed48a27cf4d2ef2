"""What never enters a prompt: files that hold secrets by their names, texts that hold them by their looks.

A file in which one secret stands is kept out as a whole: what is around a key often says what it opens.
Better a harmless file too many than a secret; the model loses little by it.
"""

from __future__ import annotations

import re

_PRIVATE_NAMES = re.compile(
    r"""(?xi) \A (?:
        \.env (?:rc|\..*)? | .*\.env
        | (?:.*[._-])? (?:secrets?|credentials?)
          (?:\.(?:ya?ml|json|toml|ini|cfg|conf|txt|csv|xml|properties|enc))?
        | \.netrc | _netrc | \.pgpass | \.my\.cnf | \.npmrc | \.yarnrc (?:\.yml)? | \.pypirc | \.htpasswd
        | \.git-credentials | \.dockercfg | \.dockerconfigjson | kubeconfig | .*\.kubeconfig
        | id_(?:rsa|dsa|ecdsa|ed25519) (?:_.*)?
        | .*\.(?:pem|key|p8|p12|pfx|pkcs12|jks|keystore|kdbx?|ppk|gpg)
        | .*\.(?:tfvars|tfstate|ovpn) (?:\..*)? | service[-_]?account.*\.json | client_secret.*\.json
        | master\.key | \.vault[-_]?pass.* | wp-config\.php
    ) \Z"""
)
_PRIVATE_FOLDERS = frozenset((".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".password-store"))

_ARMOUR = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,32}PRIVATE KEY|PuTTY-User-Key-File-\d|AGE-SECRET-KEY-1[A-Z0-9]{20}"
)
_ISSUED = re.compile(
    r"""(?x) (?<![A-Za-z0-9_]) (?:
        (?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16} \b            # Amazon
        | gh[pousr]_[A-Za-z0-9]{36} | github_pat_\w{22,}   # GitHub
        | gl(?:pat|dt|rt|ptt|ft|soat)-[\w-]{20,}           # GitLab
        | xox[abeoprs]-[A-Za-z0-9-]{10,} | xapp-\d-[A-Za-z0-9-]{10,}  # Slack
        | sk-(?:proj-|ant-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,}        # OpenAI, Anthropic
        | [rsp]k_(?:live|test)_[A-Za-z0-9]{16,} | whsec_[A-Za-z0-9+/=]{24,}  # Stripe
        | AIza[\w-]{35} | GOCSPX-[\w-]{28} | ya29\.[\w-]{20,}         # Google
        | npm_[A-Za-z0-9]{36} | pypi-AgE[\w-]{32,} | hf_[A-Za-z0-9]{30,} | dckr_pat_[\w-]{20,}
        | SG\.[\w-]{16,}\.[\w-]{16,} | key-[0-9a-f]{32} | SK[0-9a-f]{32} | dop_v1_[0-9a-f]{64}
        | hv[sb]\.[\w-]{24,} | shpat_[0-9a-f]{32} | lin_api_\w{32,} | AC[0-9a-f]{32}
        | eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{16,}         # signed web tokens
        | \d{8,10}:AA[\w-]{32,33} (?![\w-])                # Telegram
    )"""
)
_HOOK = re.compile(
    r"hooks\.slack\.com/services/T\w{6,12}/B\w{6,14}/\w{16,}|discord(?:app)?\.com/api/webhooks/\d+/[\w-]{40,}"
)
_USERINFO = re.compile(r"://[^\s/@:?#\"'<>]{1,64}:([^\s/@\"'<>{}$%*]{6,128})@[\w\[]")
_ASSIGNED = re.compile(
    r"""(?xi) (?:passw(?:or)?d|passphrase|pwd|secret|token|(?:api|access|private|auth)_?key|credential)
        [\w.-]{0,32}["'\])]{0,3}\s{0,4}(?:=>|:=|[:=])\s{0,4}[bru]?["'`]([^"'`\s]{12,512})["'`]"""
)
_NO_VALUE = re.compile(r"(?i)[{}<>$%]|example|placeholder|change|your|dummy|xxxx|\A[a-z_.-]+\Z|\A[A-Z_]+\Z|/")
_LEAST_KINDS = 2


def is_private_path(path: str) -> bool:
    """Whether a file is one that holds secrets, by its name or a folder of it; either slash parts folders.

    >>> [is_private_path(p) for p in (".env", "app/.env.local", "id_ed25519", "tls/server.key", "key.py")]
    [True, True, True, True, False]
    """
    *folders, name = path.replace("\\", "/").split("/")
    return _PRIVATE_NAMES.match(name) is not None or not _PRIVATE_FOLDERS.isdisjoint(folders)


def holds_secret(text: str) -> bool:
    """Whether a private key, a key of a known issuer, or a literal password or token stands in a text."""
    if any(shape.search(text) for shape in (_ARMOUR, _ISSUED, _HOOK)):
        return True
    if any(not _NO_VALUE.search(found[1]) for found in _USERINFO.finditer(text)):
        return True
    return any(_looks_drawn(found[1]) for found in _ASSIGNED.finditer(text))


def _looks_drawn(value: str) -> bool:
    """Whether a literal that is called a secret is one, rather than a name or a place for one."""
    if _NO_VALUE.search(value.replace("/", "")):
        return False
    kinds = (str.isdigit, str.islower, str.isupper, lambda character: not character.isalnum())
    return sum(any(map(kind, value)) for kind in kinds) >= _LEAST_KINDS
