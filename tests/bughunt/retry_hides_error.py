# A retry wraps the last error, so the log names the wrapper and not the cause.
# From a fix of mini-swe-agent.


class RetryError(Exception):
    pass


def retry(attempts, function, *arguments):
    for _ in range(attempts):
        try:
            return function(*arguments)
        except Exception:
            pass
    raise RetryError(f"{attempts} attempts failed")


def parse_limit(text):
    return int(text)


def fetch(address, settings):
    timeout = parse_limit(settings["timeout"])
    return f"{address} within {timeout} s"


def main():
    settings = {"timeout": "30s"}
    try:
        print(retry(3, fetch, "http://shop/stock", settings))
    except RetryError as error:
        print("failed:", error)


main()

# question: It prints "failed: 3 attempts failed". What failed?
# record: --level lines
# $ relive exc
#   ValueError: invalid literal for int() with base 10: '30s'
#   caught in __main__:retry
#   parse_limit(text='30s')
