"""Draw what Neovim shows as a PNG: every cell of its screen, with its colours."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from tests.editors.neovim import Screen

FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono.ttf")
SIZE, WIDTH, HEIGHT = 16, 10, 20


def draw(screen: Screen, path: Path, rows: int) -> None:
    """Write the first rows of a screen as a picture, and the last two."""
    font = ImageFont.truetype(str(FONT), SIZE) if FONT.exists() else ImageFont.load_default(SIZE)
    cells = [*screen.cells[:rows], *screen.cells[-2:]]
    image = Image.new("RGB", (WIDTH * len(cells[0]), HEIGHT * len(cells)), _colour(screen.default[1]))
    pen = ImageDraw.Draw(image)
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            ink, paper = _colours(screen, cell.highlight, is_cursor=(row, column) == screen.cursor)
            left, top = column * WIDTH, row * HEIGHT
            pen.rectangle((left, top, left + WIDTH - 1, top + HEIGHT - 1), fill=paper)
            pen.text((left, top), cell.text, font=font, fill=ink)
    image.save(path, optimize=True)


def _colours(screen: Screen, highlight: int, *, is_cursor: bool) -> tuple[str, str]:
    found = screen.highlights.get(highlight, {})
    ink = found.get("foreground", screen.default[0])
    paper = found.get("background", screen.default[1])
    if bool(found.get("reverse")) != is_cursor:
        ink, paper = paper, ink
    return _colour(ink), _colour(paper)


def _colour(number: int) -> str:
    return f"#{number:06x}"
