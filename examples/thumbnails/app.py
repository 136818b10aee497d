"""Makes thumbnails of an image: a function with a compiled third-party dependency.

Event: {"image": "<base64 of a JPEG, PNG or WebP>", "sizes": [64, 256]}; a size is the longest side in pixels.
Result: the image's format and size, and the thumbnails in the same format, base64 again.
"""

import base64
import io

from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "WEBP")


def handler(event, context):
    original = Image.open(io.BytesIO(base64.b64decode(event["image"], validate=True)), formats=FORMATS)
    image = ImageOps.exif_transpose(original)  # cameras turn the picture by a note, not by moving pixels
    print(f"{original.format} image of {image.width} x {image.height}")
    return {
        "format": original.format,
        "width": image.width,
        "height": image.height,
        "thumbnails": [make_thumbnail(image, original.format, size) for size in event.get("sizes", [128])],
    }


def make_thumbnail(image, image_format, size):
    thumbnail = image.copy()
    thumbnail.thumbnail((size, size), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    thumbnail.save(file, image_format, quality=85)
    return {
        "size": size,
        "width": thumbnail.width,
        "height": thumbnail.height,
        "image": base64.b64encode(file.getvalue()).decode(),
    }
