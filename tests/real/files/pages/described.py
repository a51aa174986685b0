"""A module that is described."""


def area(width, height=1):
    """The product of *width* and *height*."""
    return width * height


class Box:
    """Has a size."""

    def size(self):
        """Its size."""
        return area(2)
