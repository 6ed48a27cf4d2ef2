"""What people do to code that they copy: each change is a pure function, the same for the same code.

A change takes the code and its language and gives code back; what is drawn by chance hangs on the code alone.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from tracing.lexer import BUILTINS, KEYWORDS, Token, decode, encode, functions, lex

Change = Callable[[bytes, str], bytes]
SNIPPET_LINES = 5
SNIPPET_TOKENS = 12
_WRAP_AFTER = 60
_TOKEN = re.compile(rb"\w+|[^\w\s]")
_LETTER = re.compile(rb"[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]+")
_STATEMENT = re.compile(rb"\s*(?!(?:else|elif|except|finally|catch|case|default)\b)[\w@]")
"""The first line of a statement, not the middle of one."""
_FOREIGN = (
    "para cada valor se devuelve una lista cuando existe otro elemento dentro del mapa porque entonces "
    "hay que comprobar primero siempre nunca antes después mientras hasta fichero cadena clave entrada "
    "salida orden tamaño nombre llamada usuario archivo línea palabra número función prueba fallo "
    "cambio nodo hijo padre camino vacío lleno nuevo viejo mismo ambos ningún tercero reparto bloque "
    "límite memoria sitio cuenta paso vuelta fuente destino enlace hoja rama raíz suma resta marca "
    "aviso cierre abierto deber poder querer "
).split()
_SYLLABLES = (
    "ba ce di fo gu ha je ki lo mu na pe qui ro su ta ve wi xo zu bra cle dri flo gru pla tre".split()
)


def tokens_of(code: bytes) -> int:
    """Count the words, numbers and single signs of a piece of code."""
    return len(_TOKEN.findall(code))


def verbatim(code: bytes, language: str) -> bytes:
    """As it is."""
    return code


# ----------------------------------------------------------------------------------------------- layout


def reformat(code: bytes, language: str) -> bytes:
    """Indent otherwise, put spaces inside parentheses, wrap long lines after commas, move braces down.

    Braces stay where moving them would not compile (Go), and so does everything inside strings and comments.
    """
    tokens = lex(decode(code), language)
    unit = _indentation_unit(tokens)
    return encode("".join(_laid_out(tokens, language, unit)))


def _laid_out(tokens: list[Token], language: str, unit: int) -> Iterator[str]:
    indentation, column, depth, before = "", 0, 0, Token("newline", "")
    for position, token in enumerate(tokens):
        after = tokens[position + 1] if position + 1 < len(tokens) else Token("newline", "")
        text = token.text
        if token.kind == "newline":
            column, indentation = 0, ""
        elif token.kind == "space" and before.kind == "newline":
            text = indentation = _indented(text, unit)
        elif token.kind == "punct" and text in "([{":
            depth += 1
            text += " " * (text == "(" and after.text != ")" and after.kind not in ("newline", "space"))
        elif token.kind == "punct" and text in ")]}":
            depth -= 1
            text = (
                " " * (text == ")" and before.kind not in ("newline", "space") and before.text != "(") + text
            )
        elif text == "," and depth > 0 and column > _WRAP_AFTER and after.kind == "space":
            text, column = f",\n{indentation}\t\t", 0
        if token.text == "{" and language in ("JavaScript", "Java", "Rust") and after.kind == "newline":
            text = _brace(tokens, position, indentation)
        yield text
        column += len(text)
        before = token


def _brace(tokens: list[Token], position: int, indentation: str) -> str:
    """A brace behind a closed parenthesis, which may stand on the next line."""
    behind = [token.text for token in tokens[max(0, position - 2) : position] if token.kind != "space"]
    return f"\n{indentation}{{" if behind and behind[-1] in (")", "else", "try") else "{"


def _indentation_unit(tokens: list[Token]) -> int:
    widths = {
        len(token.text.expandtabs(4))
        for before, token in pairwise(tokens)
        if before.kind == "newline" and token.kind == "space"
    }
    ordered = sorted({0, *widths})
    return min((b - a for a, b in pairwise(ordered) if b - a > 1), default=4)


def _indented(space: str, unit: int) -> str:
    """Tabs for spaces, and three spaces for a tab."""
    if "\t" in space:
        return space.replace("\t", "   ")
    return "\t" * (len(space) // unit) + " " * (len(space) % unit)


# ---------------------------------------------------------------------------------------------- content


def edit(code: bytes, language: str, *, share: float = 0.2) -> bytes:
    """Drop half of a share of the lines that hold code, and put another word into the other half."""
    chance, lines = random.Random(code), code.split(b"\n")
    holding = [number for number, line in enumerate(lines) if _LETTER.search(line)]
    struck = chance.sample(holding, round(share * len(holding)))
    dropped, changed = set(struck[::2]), set(struck[1::2])
    return b"\n".join(
        _another_word(line, chance) if number in changed else line
        for number, line in enumerate(lines)
        if number not in dropped
    )


def _another_word(line: bytes, chance: random.Random) -> bytes:
    words = [found.span() for found in re.finditer(rb"\w+", line)]
    first, last = chance.choice(words)
    return line[:first] + b"changed_%d" % chance.randrange(99) + line[last:]


def rename(code: bytes, language: str, *, share: float = 1.0, kept: frozenset[str] = frozenset()) -> bytes:
    """Give a share of the distinct names other ones, each the same one everywhere; strings and comments stay.

    A name is every word that is not a keyword of the language nor in ``kept``: also ``self``, attributes,
    types and what is imported.
    """
    tokens = lex(decode(code), language)
    stays = KEYWORDS[language] | kept
    names = sorted({token.text for token in tokens if token.kind == "word" and token.text not in stays})
    chance = random.Random(code)
    chosen = chance.sample(names, max(1, round(share * len(names)))) if names else []
    new = _new_names(chosen, set(names) | stays, chance)
    return encode("".join(new.get(t.text, t.text) if t.kind == "word" else t.text for t in tokens))


def rename_own(code: bytes, language: str) -> bytes:
    """Give all names other ones but those that the language itself declares, such as ``len``."""
    return rename(code, language, kept=BUILTINS[language])


def _new_names(names: list[str], taken: set[str], chance: random.Random) -> dict[str, str]:
    """Another name for each, written in its style, none of them taken."""
    new: dict[str, str] = {}
    used = set(taken)
    for name in names:
        made = name
        while made in used:
            made = _made_up(name, chance)
        used.add(made)
        new[name] = made
    return new


def _made_up(name: str, chance: random.Random) -> str:
    parts = ["".join(chance.choices(_SYLLABLES, k=2)) for _ in range(1 + len(name) // 8)]
    if "_" in name.strip("_") or name.islower():
        made = "_".join(parts)
    else:
        made = parts[0] + "".join(part.title() for part in parts[1:])
    lead = name[: len(name) - len(name.lstrip("_$"))]
    made = made.upper() if name.isupper() and len(name) > 1 else made
    return lead + (made[:1].upper() + made[1:] if name.lstrip("_$")[:1].isupper() else made)


def translate_comments(code: bytes, language: str) -> bytes:
    """Other words in every comment and docstring, as in another language; the code itself stays."""
    tokens = lex(decode(code), language)
    return encode(
        "".join(_translated(t.text) if _speaks(tokens, n) else t.text for n, t in enumerate(tokens))
    )


def _speaks(tokens: list[Token], position: int) -> bool:
    """Whether a token is a comment, or a string that stands alone on its lines, as docstrings do."""
    token = tokens[position]
    if token.kind != "string" or token.text[-1] not in "\"'":
        return token.kind == "comment"
    before = next((t for t in reversed(tokens[:position]) if t.kind != "space"), Token("newline", ""))
    after = next((t for t in tokens[position + 1 :] if t.kind != "space"), Token("newline", ""))
    return before.kind == after.kind == "newline"


def _translated(text: str) -> str:
    def other(found: re.Match[str]) -> str:
        word = _FOREIGN[random.Random(found.group().lower()).randrange(len(_FOREIGN))]
        return word.title() if found.group()[0].isupper() else word

    return _WORD.sub(other, text)


def rename_and_edit(code: bytes, language: str) -> bytes:
    """Give all names other ones, then edit or drop 20% of the lines."""
    return edit(rename(code, language), language)


def rename_and_reorder(code: bytes, language: str) -> bytes:
    """Give all names other ones, then put the statements of a function's body into another order."""
    return _reordered(rename(code, language))


def _reordered(code: bytes) -> bytes:
    """Shuffle the statements at the least depth of a body; as they were where there are none."""
    lines = code.rstrip(b"\n").split(b"\n")
    margin = _depth(lines[0])
    depth = min((d for line in lines[1:] if line.strip() and (d := _depth(line)) > margin), default=0)
    tail = next((n for n in range(len(lines), 1, -1) if _depth(lines[n - 1]) > margin), len(lines))
    starts = [n for n in range(1, tail) if _depth(lines[n]) == depth and _STATEMENT.match(lines[n])]
    if not starts:
        return code
    statements = [lines[first:end] for first, end in pairwise([*starts, tail])]
    random.Random(code).shuffle(statements)
    shuffled = [line for statement in statements for line in statement]
    return b"\n".join([*lines[: starts[0]], *shuffled, *lines[tail:]]) + b"\n"


def _depth(line: bytes) -> int:
    return len(line) - len(line.lstrip())


# ------------------------------------------------------------------------------------------------- place


def paste(code: bytes, host: bytes, language: str) -> tuple[bytes, int]:
    """Insert code behind a function at the margin of the host; also the line at which it then starts."""
    chance, lines = random.Random(code), host.split(b"\n")
    ends = [
        last
        for first, last in functions(host, language)
        if last < len(lines) - 5 and not lines[first - 1][:1].isspace()
    ]
    at = chance.choice(ends) if ends else len(lines)
    inserted = (
        _dedented(code.strip(b"\n").split(b"\n")) if language == "Python" else code.strip(b"\n").split(b"\n")
    )
    return b"\n".join([*lines[:at], b"", *inserted, b"", *lines[at:]]), at + 2


def _dedented(lines: list[bytes]) -> list[bytes]:
    margin = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    return [line.removeprefix(margin) for line in lines]


def snippet(code: bytes, language: str) -> bytes:
    """Five lines in a row with at least 12 tokens, at most one without a letter; empty if there are none."""
    lines = code.strip(b"\n").split(b"\n")
    windows = [lines[n : n + SNIPPET_LINES] for n in range(len(lines) - SNIPPET_LINES + 1)]
    fit = [
        window
        for window in windows
        if sum(bool(_LETTER.search(line)) for line in window) >= SNIPPET_LINES - 1
        and window[0].strip()
        and window[-1].strip()
        and tokens_of(b"\n".join(window)) >= SNIPPET_TOKENS
    ]
    return b"\n".join(random.Random(code).choice(fit)) + b"\n" if fit else b""


CHANGES: dict[str, Change] = {
    "verbatim": verbatim,
    "reformatted": reformat,
    "20% of lines edited or dropped": edit,
    "a third of the names changed": partial(rename, share=1 / 3),
    "all names changed": rename,
    "all but built-in names changed": rename_own,
    "all names changed, 20% of lines edited": rename_and_edit,
    "all names changed, statements reordered": rename_and_reorder,
    "comments translated": translate_comments,
    "5 lines of a function": snippet,
}
"""Changes of a function that need nothing but itself, by the name of their row."""


def unnamed(code: bytes, language: str) -> tuple[str, ...]:
    """The words and signs of code without comments, every name being the number of the name in it."""
    numbers: dict[str, int] = {}
    kept = (t for t in lex(decode(code), language) if t.kind not in ("newline", "space", "comment"))
    return tuple(
        f"name {numbers.setdefault(t.text, len(numbers))}"
        if t.kind == "word" and t.text not in KEYWORDS[language]
        else t.text
        for t in kept
    )
