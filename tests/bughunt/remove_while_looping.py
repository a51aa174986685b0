# Lines are removed from the list that is walked over, so each next one is skipped.
# From a fix of django-crontab.


def is_ours(line):
    return line.endswith("# ours")


def remove_jobs(lines):
    for line in lines:
        if is_ours(line):
            lines.remove(line)
    return lines


table = ["0 1 * * * backup", "5 * * * * mail # ours", "9 * * * * clean # ours"]
left = remove_jobs(table)
print("\n".join(left))

# question: remove_jobs() leaves "9 * * * * clean # ours". Why was it not removed?
# record: --level lines
# $ relive frame remove_jobs#1
#   10    x3      for line in lines:...line = '0 1 * * * backup', '5 * * * * mail # ours'
#   12    x1              lines.remove(line)
