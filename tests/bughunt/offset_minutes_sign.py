# The sign of a time zone is given to the hours and not to the minutes.
# From a fix of toml.
import datetime


def parse_offset(text):
    hours, minutes = text.split(":")
    return datetime.timedelta(hours=int(hours), minutes=int(minutes))


def parse_time(text):
    day, clock = text[:10], text[11:]
    offset = parse_offset(clock[5:])
    local = datetime.datetime.strptime(f"{day} {clock[:5]}", "%Y-%m-%d %H:%M")
    return local - offset


def main():
    for text in ("2024-05-01T12:00+05:30", "2024-05-01T12:00-03:30"):
        print(text, "is", parse_time(text).strftime("%H:%M"), "UTC")


main()

# question: 12:00-03:30 is printed as 14:30 UTC and should be 15:30. Where does the hour go?
# record: as by default
# $ relive tree --calls
#   parse_offset(text='-03:30') -> datetime.timedelta(days=-1, seconds=77400)
