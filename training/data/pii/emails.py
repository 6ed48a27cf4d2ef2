"""E-mail addresses: from each ``@`` outwards, with what looks like one but is code left alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from training.data.pii.finding import Finding, Page
from training.data.stage import PersonalData

_DOMAIN = re.compile(
    rb"@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}([A-Za-z]{2,24}))(?![\w(\[=@])"
)
_LOCAL_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-"
_LOCAL_MOST = 64
"""Longest local part (RFC 5321)."""
_USERINFO_MOST = 128
_BEYOND_ASCII = ord("?")
_FIRST_OTHER_SCRIPT = "\u0590"
"""Before it are the letters of Latin, Greek, Cyrillic and Armenian."""
_NOT_PERSONS = frozenset((b"git", b"hg", b"svn"))
"""Local parts of addresses under which repositories are cloned."""
_RESERVED = re.compile(rb"(?:.*\.)?(?:example\.(?:com|net|org|edu)|example|test|invalid|localhost|local)\Z")
"""Domains that belong to nobody (RFC 2606, RFC 6762)."""
_COUNTRIES = frozenset(
    b"ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw "
    b"by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et "
    b"eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie "
    b"il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv "
    b"ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng ni nl no np nr "
    b"nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sk sl "
    b"sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz "
    b"va vc ve vg vi vn vu wf ws ye yt za zm zw".split()
)
_GENERIC = frozenset(
    b"com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel tel cat asia post "
    b"arpa app dev cloud online site tech store shop xyz blog email systems software engineer engineering "
    b"codes digital studio agency media design network solutions services company group team works world "
    b"today life live space website page link zone science academy school university institute foundation "
    b"international global finance financial bank money capital ventures partners consulting expert "
    b"technology computer hosting host domains wiki news press social community center support help tools "
    b"run build land city berlin london paris wien hamburg koeln tokyo nyc amsterdam brussels swiss moscow "
    b"ninja guru rocks top club vip fun art gallery photo photography video music games game bio eco green "
    b"energy health care clinic legal law lawyer accountants cafe bar pub kim ink moe fyi gmbh ltd inc llc "
    b"kiwi quebec scot wales cymru eus gal bzh frl ovh google amazon microsoft apple ibm sap bmw audi abb "
    b"cern".split()
)


def find_emails(page: Page) -> Iterator[Finding]:
    """Yield the addresses of a text.

    The last label must be a top-level domain, so ``icon@2x.png`` and ``left@right.T`` are none. Reserved
    domains (``example.org``) and addresses of repositories (``git@…``) are nobody's; what stands before the
    ``@`` of a URL is a user and a password, and left to :mod:`training.data.pii.secrets`.
    """
    shadow = page.shadow
    if b"@" not in shadow:
        return
    for match in _DOMAIN.finditer(shadow):
        start = _local_start(page, match.start())
        if start is not None and _is_domain(match[1], match[2]):
            yield Finding(kind=PersonalData.EMAIL, start=start, end=match.end())


def _local_start(page: Page, at: int) -> int | None:
    """Where the local part that ends here starts, or ``None`` where there is none."""
    window = page.shadow[max(0, at - _LOCAL_MOST - 1) : at]
    local = window[len(window.rstrip(_LOCAL_BYTES)) :]
    start = at - len(local)
    if start and page.shadow[start - 1] == _BEYOND_ASCII:
        start = _beyond_ascii(page.text, start, max(0, at - _LOCAL_MOST - 1))
    while start < at and page.shadow[start] in b".%+-":
        start += 1
    if not 0 < at - start <= _LOCAL_MOST or page.shadow[at - 1] == ord(".") or local in _NOT_PERSONS:
        return None
    return None if _is_userinfo(page.shadow, start) else start


def _beyond_ascii(text: str, start: int, least: int) -> int:
    """Where a local part with letters such as ``ö`` starts; ideographs before it are words of their own."""
    while start > least and (
        text[start - 1].isalnum() or text[start - 1] in "._+-" or unicodedata.combining(text[start - 1])
    ):
        if text[start - 1] >= _FIRST_OTHER_SCRIPT:
            break
        start -= 1
    return start


def _is_userinfo(shadow: bytes, start: int) -> bool:
    """Whether this lies between ``://`` and the ``@`` of a URL."""
    before = shadow[max(0, start - _USERINFO_MOST) : start]
    scheme = before.rfind(b"://")
    return scheme >= 0 and not re.search(rb"[\s/?#\"'<>]", before[scheme + 3 :])


def _is_domain(domain: bytes, top: bytes) -> bool:
    top = top.lower()
    known = top in _COUNTRIES if len(top) == 2 else top in _GENERIC
    return known and _RESERVED.match(domain.lower()) is None
