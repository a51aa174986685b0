import atexit
@atexit.register
def last():
    print("last")
@atexit.register
def before_last():
    helper()
def helper():
    print("before last")
print("main")
