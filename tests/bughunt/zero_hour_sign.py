# The sign of -00:30 is read from the hours, and an int has no negative zero.
# From a fix of hl7.


def parse_offset(text):
    hours = int(text[:3])
    minutes = int(text[3:])
    return minutes_of(hours, minutes)


def minutes_of(hours, minutes):
    sign = -1 if hours < 0 else 1
    return hours * 60 + sign * minutes


for text in ("+0130", "-0130", "-0030"):
    print(text, parse_offset(text))

# question: -0030 is read as 30 minutes and not as -30. Why?
# record: as by default
# $ relive tree --calls
#   minutes_of(hours=0, minutes=30) -> 30
