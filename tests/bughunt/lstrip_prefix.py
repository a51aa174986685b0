# lstrip() takes a set of characters, and not a prefix.
# From a fix of wetterdienst.

ROOT = "observations/climate/"


def shorten(path):
    return path.lstrip(ROOT)


def group(paths):
    found = {}
    for path in paths:
        kind = shorten(path).split("/")[0]
        found.setdefault(kind, []).append(path)
    return found


paths = [ROOT + "hourly/wind.zip", ROOT + "monthly/wind.zip", ROOT + "annual/wind.zip"]
print(sorted(group(paths)))

# question: group() has the kinds "hly", "hourly" and "ual". Where do the names lose letters?
# record: as by default
# $ relive tree --calls --func group
#   shorten(path='observations/climate/monthly/wind.zip') -> 'hly/wind.zip'
