import sys
def endless(n):
    return endless(n + 1)
try:
    endless(0)
except RecursionError:
    print("limit reached", sys.getrecursionlimit() > 0)
def down(n):
    return 0 if n == 0 else 1 + down(n - 1)
print(down(700))
