import threading
threading.excepthook = lambda args: print("hook", args.exc_type.__name__)
def bad():
    raise ValueError
t = threading.Thread(target=bad)
t.start()
t.join()
