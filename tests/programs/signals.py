import os, signal
def handler(number, frame):
    print("signal", number == signal.SIGUSR1)
signal.signal(signal.SIGUSR1, handler)
os.kill(os.getpid(), signal.SIGUSR1)
print(signal.getsignal(signal.SIGBUS) is signal.SIG_DFL)
