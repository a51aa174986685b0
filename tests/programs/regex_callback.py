import re
def upper(match):
    return match.group(0).upper()
print(re.sub("[a-c]", upper, "abcdef"))
