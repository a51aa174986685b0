# Versions are compared as texts, where 1.10 comes before 1.9.
# From a fix of zest.releaser.


def clean(tag):
    return tag[1:] if tag.startswith("v") else tag


def is_newer(one, other):
    return clean(one) > clean(other)


def latest(tags):
    newest = tags[0]
    for tag in tags[1:]:
        if is_newer(tag, newest):
            newest = tag
    return newest


print("latest:", latest(["v1.8", "v1.9", "v1.10", "v1.2"]))

# question: latest() prints v1.9, and v1.10 is among the tags. Why is it not taken?
# record: --level lines
# $ relive frame latest#1
#   is_newer(one='v1.10', other='v1.9') -> False
