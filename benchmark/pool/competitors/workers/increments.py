"""Runs n + 1 in a multiprocessing.Pool: reads lines "TASKS CHUNKSIZE", and writes a line "COUNT SUM SQUARES" for each."""
import multiprocessing
import sys


def inc(n):
    return n + 1


if __name__ == "__main__":
    with multiprocessing.Pool(int(sys.argv[1])) as pool:
        for line in sys.stdin:
            tasks, chunksize = map(int, line.split())
            count = total = squares = 0
            for n in pool.imap_unordered(inc, range(1, tasks + 1), chunksize):
                count += 1
                total += n
                squares += n * n
            print(count, total, squares % 2**32, flush=True)
