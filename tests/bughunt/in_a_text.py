# Parentheses alone make no tuple: the test looks for a part of a text.
# From a fix of Home Assistant.

PARTS_PER_MILLION = ("salt_tds_ppm")


def unit(sensor):
    if sensor in PARTS_PER_MILLION:
        return "ppm"
    return "mV"


def show(readings):
    for sensor, value in readings:
        print(sensor, value, unit(sensor))


show([("orp", 650), ("salt_tds_ppm", 3200), ("salt", 12)])

# question: The reading of salt has the unit ppm, and should have mV. Why?
# record: --level lines --globals
# $ relive tree --calls
#   in_a_text.py:7 unit(sensor='salt') -> 'ppm'...  {call}
# $ relive frame {call}
#   8    x1      if sensor in PARTS_PER_MILLION:
#   9    x1          return "ppm"
# $ relive line in_a_text.py:7
#   PARTS_PER_MILLION='salt_tds_ppm'
