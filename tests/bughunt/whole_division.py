# A share is divided as a whole number.
# Our own.


def share(part, whole):
    return part // whole * 100


def bar(percent):
    return "#" * round(percent / 10)


def report(votes):
    whole = sum(votes.values())
    for name in sorted(votes):
        print(name, bar(share(votes[name], whole)) or "nothing")


report({"yes": 30, "no": 10})

# question: 30 of 40 said yes, and its bar shows nothing. Why?
# record: as by default
# $ relive tree --calls
#   share(part=30, whole=40) -> 0
