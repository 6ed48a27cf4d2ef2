"""Which packages the benchmarks are made of, and what of them counts.

The tables have a line for each: ``ecosystem new=version old=version folder/ …``. The new version is indexed,
the old one asked about (``-``: none). Folders restrict a package to them.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

LANGUAGES = {
    "py": "Python",
    "js": "JavaScript",
    "mjs": "JavaScript",
    "cjs": "JavaScript",
    "jsx": "JavaScript",
    "ts": "JavaScript",
    "tsx": "JavaScript",
    "go": "Go",
    "rs": "Rust",
    "java": "Java",
}
"""Language of the table by extension; TypeScript counts as JavaScript."""
SIZES = range(200, 200_000)
LEFT_OUT = re.compile(
    r"(^|/)(tests?|testing|testdata|__tests__|spec|fixtures|_?vendor|_vendored|third_party|node_modules|"
    r"dist|umd|esm|locale|benches|docs?)/|_test\.go$|\.min\.|\.d\.[mc]?ts$|\.(test|spec)\.[jt]sx?$|\.bundle\."
)


class CorpusError(Exception):
    """A package cannot be fetched; says which, why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One version of one package, and the folders of it that count (all where none is named)."""

    ecosystem: str
    """``pypi``, ``npm`` or ``deb``."""
    name: str
    version: str
    under: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name} {self.version} ({self.ecosystem})"

    @property
    def url(self) -> str:
        """Its package URL (purl)."""
        kind = "deb/debian" if self.ecosystem == "deb" else self.ecosystem
        return f"pkg:{kind}/{self.name.lower().replace('@', '%40')}@{self.version}"

    @property
    def file_name(self) -> str:
        """Name of its zip in the cache; another choice of folders is another file."""
        rule = repr((self.under, LEFT_OUT.pattern, SIZES, sorted(LANGUAGES))).encode()
        label = re.sub(r"[^\w.+-]", "_", f"{self.name}-{self.version}")
        return f"{self.ecosystem}-{label}-{hashlib.sha1(rule).hexdigest()[:8]}.zip"


_PYTHON = """
pypi Django=4.2.7 Django=3.2.5
pypi sympy=1.12 sympy=1.8 \
    sympy/core/ sympy/matrices/ sympy/printing/ sympy/solvers/ sympy/functions/ sympy/polys/
pypi Sphinx=7.2.6 Sphinx=5.0.0
pypi docutils=0.20.1 docutils=0.17.1
pypi pip=23.3.1 pip=21.3.1
pypi setuptools=69.0.2 setuptools=62.0.0
pypi pytest=7.4.3 pytest=6.2.5
pypi requests=2.31.0 requests=2.25.1
pypi urllib3=2.1.0 urllib3=1.26.9
pypi flask=3.0.0 flask=2.0.3
pypi Werkzeug=3.0.1 Werkzeug=2.0.3
pypi Jinja2=3.1.2 Jinja2=2.11.3
pypi click=8.1.7 click=7.1.2
pypi Pygments=2.17.2 Pygments=2.10.0
pypi rich=13.7.0 rich=11.0.0
pypi httpx=0.25.2 httpx=0.20.0
pypi Scrapy=2.11.0 Scrapy=2.5.1
pypi celery=5.3.6 celery=5.1.2
pypi pylint=3.0.2 pylint=2.12.2
pypi astroid=3.0.1 astroid=2.9.3
pypi jedi=0.19.1 jedi=0.17.2 jedi/
pypi ipython=8.18.1 ipython=7.31.1
pypi fastapi=0.104.1 fastapi=0.75.0
pypi starlette=0.32.0 starlette=0.17.1
pypi dask=2023.11.0 dask=2022.1.0
pypi xarray=2023.11.0 xarray=0.20.2
"""
_JAVASCRIPT = """
npm eslint=8.54.0 eslint=7.32.0
npm webpack=5.89.0 webpack=5.40.0
npm three=0.158.0 three=0.130.0 src/
npm rxjs=7.8.1 rxjs=6.6.7 src/
npm lodash=4.17.21 lodash=4.17.15
npm sequelize=6.35.1 sequelize=6.6.5 lib/
npm mongoose=8.0.1 mongoose=6.0.0 lib/
npm mocha=10.2.0 mocha=8.4.0 lib/
npm ajv=8.12.0 ajv=7.0.0 lib/
npm ethers=6.8.1 ethers=6.0.0 src.ts/
npm @reduxjs/toolkit=1.9.7 @reduxjs/toolkit=1.5.0 src/
npm mobx=6.12.0 mobx=6.1.0 src/
npm axios=1.6.2 axios=0.21.4 lib/
npm undici=5.28.0 undici=5.0.0 lib/
npm express=4.18.2 express=4.16.4 lib/
npm jquery=3.7.1 jquery=3.3.1 src/
npm highlight.js=11.9.0 highlight.js=10.7.3 lib/
npm ramda=0.29.1 ramda=0.27.1 src/
"""
_GO = """
deb golang-1.24-src=1.24.4-1 golang-1.19-src=1.19.8-2 \
    src/net/ src/encoding/ src/crypto/ src/go/ src/text/ src/os/ src/runtime/ src/image/
deb golang-golang-x-tools-dev=1:0.25.0+ds-1 golang-golang-x-tools-dev=1:0.5.0+ds-1
deb golang-google-grpc-dev=1.64.0-7 golang-google-grpc-dev=1.33.3-2
deb golang-github-prometheus-client-golang-dev=1.21.1-1 \
    golang-github-prometheus-client-golang-dev=1.14.0-3
deb golang-github-spf13-cobra-dev=1.8.1-1 golang-github-spf13-cobra-dev=1.6.1-1
deb golang-github-spf13-viper-dev=1.12.0-1 golang-github-spf13-viper-dev=1.10.1-1
"""
_RUST = """
deb rust-src=1.85.1+dfsg1-1+deb13u1 rust-src=1.63.0+dfsg1-2 library/core/ library/std/ library/alloc/
deb librust-tokio-dev=1.43.1-1 librust-tokio-dev=1.24.2-1 src/
deb librust-regex-dev=1.11.1-2 librust-regex-dev=1.7.1-1 src/
deb librust-syn-dev=2.0.98-1 librust-syn-dev=1.0.107-1 src/
deb librust-hyper-dev=1.5.2-1 librust-hyper-dev=0.14.19-1 src/
deb librust-serde-dev=1.0.217-1 librust-serde-dev=1.0.152-2 src/
deb librust-rayon-dev=1.10.0-1 librust-rayon-dev=1.6.1-1 src/
"""
_JAVA = """
deb openjdk-21-source=21.0.12.1+1-1~deb13u1 openjdk-17-source=17.0.19+10-1~deb12u2 \
    java.base/java/util/ java.base/java/io/ java.base/java/net/ java.base/java/nio/ \
    java.base/java/time/ java.base/java/text/ java.base/java/math/ java.net.http/
"""
INDEXED = _PYTHON + _JAVASCRIPT + _GO + _RUST + _JAVA
QUICK = """
pypi requests=2.31.0 requests=2.25.1
pypi Jinja2=3.1.2 Jinja2=2.11.3
pypi Sphinx=7.2.6 Sphinx=5.0.0
pypi xarray=2023.11.0 xarray=0.20.2
npm eslint=8.54.0 eslint=7.32.0
npm rxjs=7.8.1 rxjs=6.6.7 src/
deb golang-google-grpc-dev=1.64.0-7 golang-google-grpc-dev=1.33.3-2
deb librust-tokio-dev=1.43.1-1 librust-tokio-dev=1.24.2-1 src/
"""
"""Few and small, of every language but Java, whose smallest package is the JDK."""
HELD_OUT = """
pypi networkx=3.2.1 -
pypi hypothesis=6.90.0 -
pypi trio=0.23.1 -
pypi lark=1.1.8 -
pypi pypdf=3.17.1 -
pypi arrow=1.3.0 -
pypi cattrs=23.2.2 -
pypi Mako=1.3.0 -
npm fastify=4.24.3 - lib/
npm nodemailer=6.9.7 - lib/
npm svelte=4.2.7 - src/
npm fabric=6.0.0-beta16 - src/
npm pino=8.16.2 - lib/
npm less=4.2.0 - lib/
npm yjs=13.6.10 - src/
npm @hapi/hapi=21.3.2 - lib/
npm react-native=0.70.0 - ReactAndroid/src/main/java/com/facebook/react/
deb golang-github-go-git-go-git-dev=5.14.0-1 -
deb golang-github-yuin-goldmark-dev=1.7.4-1 -
deb golang-gonum-v1-gonum-dev=0.15.1-1 -
deb librust-image-dev=0.25.5-3 - src/
deb librust-petgraph-dev=0.6.4-1+b2 - src/
deb librust-pest-dev=2.7.4-1+b2 - src/
deb librust-rusqlite-dev=0.29.0-3 - src/
deb librust-tera-dev=1.20.0-1 - src/
deb librust-handlebars-dev=5.1.2-3 - src/
"""
"""Never indexed. Not among them: fsspec and cytoscape, which hold code of dask and jQuery, as they say."""


def indexed_releases(*, quick: bool = False) -> list[tuple[Release, Release | None]]:
    """New and old version of every package that is indexed; a few small ones for a quick look."""
    return [_parse(line) for line in _lines(QUICK if quick else INDEXED)]


def held_out_releases() -> list[Release]:
    """Packages that are never indexed."""
    return [_parse(line)[0] for line in _lines(HELD_OUT)]


def _lines(table: str) -> list[str]:
    return [line for line in table.splitlines() if line.strip()]


def _parse(line: str) -> tuple[Release, Release | None]:
    """Read one line of the tables: ``ecosystem new=1 old=1 folder/ …``, ``-`` where there is no old one."""
    ecosystem, new, old, *under = line.split()

    def release(text: str) -> Release:
        name, _, version = text.rpartition("=")
        return Release(ecosystem=ecosystem, name=name, version=version, under=tuple(under))

    return release(new), None if old == "-" else release(old)
