"""A service with two worker processes: GET /tea/4 answers 12.  python shop.py [PORT]"""

import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from jobs import price


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        item, _, count = self.path.strip("/").partition("/")
        try:
            answer, status = self.server.pool.submit(price, item, int(count or 1)).result(), 200
        except (KeyError, ValueError) as error:
            answer, status = repr(error), 404
        self.send_response(status)
        self.end_headers()
        self.wfile.write(f"{answer}\n".encode())


def end(number, frame):
    raise SystemExit(0)  # so that `docker stop` ends the workers and closes their recordings


def main(port):
    signal.signal(signal.SIGTERM, end)
    with ProcessPoolExecutor(2) as pool, ThreadingHTTPServer(("", port), Handler) as server:
        server.pool = pool
        print("serving", server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
