"""Work given to two processes by joblib, then to threads."""

from joblib import Parallel, delayed


def square(n):
    if n == 5:
        return [half(i) for i in range(n)]
    return n * n


def half(n):
    return n / 2


if __name__ == "__main__":
    print(Parallel(n_jobs=2)(delayed(square)(n) for n in range(8)))
    print(Parallel(n_jobs=2, prefer="threads")(delayed(half)(n) for n in range(4)))
