def helper():
    try:
        int("x")
    except ValueError:
        return fallback()
def fallback():
    return -1
print(helper())
