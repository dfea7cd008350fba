"""Opens pictures with Pillow. Rule: the size is known and judged before a pixel is unpacked."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ....errors import ToolError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 100_000_000
MOST_FRAMES = 2_000
# formats that are decoded here; others start programs (EPS: Ghostscript) or are rarely meant
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "ICO", "PPM", "AVIF", "JPEG2000")


@contextmanager
def opened(path: Path) -> Iterator[Image]:
    """A picture that is not unpacked yet; `load` does that.

    Raises:
        ToolError: it is no picture, is broken, or has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # judged below, with a lower limit
            with Image.open(path, formats=FORMATS) as image:
                _check_size(path, image)
                yield image
    except UnidentifiedImageError as error:
        raise ToolError(f"expected a picture ({', '.join(FORMATS)}), got {path.name!r}, which is none") from error
    except Image.DecompressionBombError as error:
        raise ToolError(f"expected at most {MOST_PIXELS:,} pixels, got more in {path.name!r}") from error
    except (OSError, SyntaxError, ValueError, EOFError, IndexError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise ToolError(f"expected a whole picture, got {path.name!r}: {error}") from error


def _check_size(path: Path, image: Image) -> None:
    if image.width * image.height > MOST_PIXELS:
        raise ToolError(
            f"expected at most {MOST_PIXELS:,} pixels, got {image.width:,} x {image.height:,} in {path.name!r}"
        )
    frames = getattr(image, "n_frames", 1)
    if frames > MOST_FRAMES:
        raise ToolError(f"expected at most {MOST_FRAMES:,} frames or pages, got {frames:,} in {path.name!r}")


def upright(image: Image) -> Image:
    """The first frame, turned as the camera said it was held."""
    from PIL import ImageOps

    image.seek(0)
    return ImageOps.exif_transpose(image)
