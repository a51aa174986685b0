def main():
    inner()
def inner():
    raise SystemError("nobody catches this")
main()
