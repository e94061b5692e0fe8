"""A small web service with a flag: it asks Towpath over OFREP whether a user has it, and breaks with it if BREAKS says so."""

import json
import os
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse

VERSION = open("version", encoding="utf-8").read().strip()
BREAKS = os.environ.get("BREAKS", "")


def variant(user):
    try:
        with open(os.environ["SERVER"], encoding="utf-8") as file:
            url = json.load(file)["url"]
        body = json.dumps({"context": {"targetingKey": user}}).encode()
        head = {"Authorization": "Bearer " + os.environ["FLAGS_KEY"], "Content-Type": "application/json"}
        request = urllib.request.Request(url + "/ofrep/v1/evaluate/flags/new-checkout", body, head)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer).get("variant", "none")
    except OSError:
        # Nobody answers, or there is no such flag: the default in the code.
        return "none"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        status, body = 200, b"ok\n"
        if not self.path.startswith("/health"):
            user = parse_qs(urlparse(self.path).query).get("user", ["nobody"])[0]
            got = variant(user)
            body = f"version {VERSION} {got}\n".encode()
            if got == "on" and BREAKS == "errors":
                status = 500
            if got == "on" and BREAKS == "slow":
                time.sleep(0.4)
            if got == "on" and BREAKS == "crash":
                os._exit(1)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *args):
        pass


ThreadingHTTPServer.request_queue_size = 64
server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
threading.Thread(target=server.serve_forever).start()
