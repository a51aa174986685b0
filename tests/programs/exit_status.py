import sys
def leave():
    sys.exit(7)
leave()
