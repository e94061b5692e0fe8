"""A small web service that misbehaves as it is told: MODE says how, START_MS how long it takes to start."""

import itertools
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODES = set(os.environ.get("MODE", "good").split("+"))
VERSION = open("version", encoding="utf-8").read().strip()
BEGAN = time.monotonic()
COUNT = itertools.count(1)


def healthy():
    if "never" in MODES:
        return False
    return "unready" not in MODES or time.monotonic() - BEGAN < 2.5


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        status, body = 200, f"version {VERSION}\n".encode()
        if self.path == "/health":
            status = 200 if healthy() else 503
        else:
            number = next(COUNT)
            if ("errors" in MODES and number % 20 == 0) or ("half" in MODES and number % 2 == 0):
                status = 500
            if "slow" in MODES:
                time.sleep(0.3)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.do_GET()

    def log_message(self, *args):
        pass


if "crash" in MODES:
    sys.exit("cannot read the configuration")
if "stubborn" in MODES:
    signal.signal(signal.SIGTERM, lambda *_: print("SIGTERM is ignored", flush=True))
time.sleep(int(os.environ.get("START_MS", "0")) / 1000)
ThreadingHTTPServer.request_queue_size = 64
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
threading.Thread(target=server.serve_forever).start()
