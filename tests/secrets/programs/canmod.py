"""Canaries: each text is made once, so that a recording tells which of them escaped."""

OUT = {}


def C(tag):
    s = "Zq7%sXk9" % tag.replace("_", "")
    OUT[tag] = s
    return s
