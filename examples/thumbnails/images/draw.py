"""Draws the sample images; they are checked in, so this runs only to change them. Needs Pillow."""

import math
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent
ORIENTATION_TAG = 0x0112
TURNED_CLOCKWISE = 6


def draw_waves(width: int, height: int) -> Image.Image:
    """Interfering waves in colour: smooth areas and edges, like a photograph."""
    pixels = [
        (
            round(127 + 127 * math.sin(x / 37 + y / 91)),
            round(127 + 127 * math.sin(math.hypot(x - width / 2, y - height / 3) / 29)),
            round(127 + 127 * math.cos(y / 53 - x / 171)),
        )
        for y in range(height)
        for x in range(width)
    ]
    image = Image.new("RGB", (width, height))
    image.putdata(pixels)
    return image


def draw_rings(size: int) -> Image.Image:
    """Rings on a transparent ground."""
    image = Image.new("RGBA", (size, size), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    for step, colour in enumerate([(200, 30, 60, 255), (240, 170, 20, 200), (30, 120, 200, 150), (40, 160, 90, 100)]):
        margin = step * size // 9
        draw.ellipse((margin, margin, size - margin, size - margin), outline=colour, width=size // 20)
    return image


def main() -> None:
    waves = draw_waves(1200, 800)
    waves.save(HERE / "waves.jpg", quality=80)
    turned = Image.Exif()
    turned[ORIENTATION_TAG] = TURNED_CLOCKWISE
    waves.resize((600, 400)).save(HERE / "turned.jpg", quality=80, exif=turned)
    draw_rings(512).save(HERE / "rings.png", optimize=True)
    waves.resize((900, 600)).save(HERE / "waves.webp", quality=75)


if __name__ == "__main__":
    main()
