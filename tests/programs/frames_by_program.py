import sys, traceback, inspect
def depth():
    frame, n = sys._getframe(), 0
    while frame:
        frame, n = frame.f_back, n + 1
    return n
def caller():
    return inspect.stack()[1].function
def outer():
    return caller()
print(depth(), outer())
def fail():
    raise ValueError("shown")
try:
    fail()
except ValueError:
    print([f.name for f in traceback.extract_tb(sys.exc_info()[2])])
