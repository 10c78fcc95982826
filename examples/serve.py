"""Serves a model over HTTP from Python threads, while other Python code is busy in the same process.

Every request is answered by a thread of its own, as `http.server` does it; all of them share one model. With
a busy Python thread beside them, requests are only answered quickly if the model does not lose Python's lock
at every small operation: compare `--policy auto` with `--policy release`, which is what most libraries do.

Run: `python examples/serve.py --busy --policy auto`. It asks itself for answers from a few client threads,
and prints how many it got a second. `--forever --port 8000` keeps serving instead:

    curl -d '[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]' http://localhost:8000
"""

import argparse
import contextlib
import http.client
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import weft
from weft import nn

FEATURES = 8


def make_model() -> nn.Module:
    """Eight numbers to three probabilities. A real service would load its weights here."""
    weft.manual_seed(0)
    layers = [
        nn.Linear(FEATURES, 64),
        nn.ReLU(),
        nn.Linear(64, 64),
        nn.ReLU(),
        nn.Linear(64, 3),
        nn.Softmax(-1),
    ]
    return nn.Sequential(*layers).eval()


def make_server(model: nn.Module, port: int) -> ThreadingHTTPServer:
    """A server that answers a JSON list of numbers with a JSON list of probabilities."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            try:
                numbers = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with weft.inference_mode():
                    answer = model(weft.tensor(numbers, dtype=weft.float32)).tolist()
            except (TypeError, ValueError, RuntimeError) as error:
                self.reply(400, {"error": str(error)})
            else:
                self.reply(200, answer)

        def reply(self, status: int, content: object) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            """Say nothing: a line per request would be most of the work."""

    return ThreadingHTTPServer(("localhost", port), Handler)


def ask(port: int, requests: int) -> None:
    """Ask for `requests` answers over one connection, and check them."""
    connection = http.client.HTTPConnection("localhost", port)
    for i in range(requests):
        connection.request("POST", "/", json.dumps([i / requests] * FEATURES))
        response = connection.getresponse()
        probabilities = json.loads(response.read())
        assert response.status == 200, probabilities
        assert abs(sum(probabilities) - 1) < 1e-5, probabilities
    connection.close()


def keep_busy(stop: threading.Event) -> None:
    """Plain Python that never sleeps: parsing, templates, logging, whatever else the process does."""
    n = 0
    while not stop.is_set():
        for _ in range(100_000):
            n += 1


def serve(arguments: argparse.Namespace) -> None:
    """Answer the clients, or whoever asks until Ctrl-C."""
    with make_server(make_model(), arguments.port) as server:
        port = server.server_address[1]
        if arguments.forever:
            print(f"listening on http://localhost:{port}")
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_forever()
            return
        threading.Thread(target=server.serve_forever, daemon=True).start()
        start = time.perf_counter()
        with ThreadPoolExecutor(arguments.clients) as clients:
            list(clients.map(ask, [port] * arguments.clients, [arguments.requests] * arguments.clients))
        elapsed = time.perf_counter() - start
        server.shutdown()
    total = arguments.clients * arguments.requests
    print(f"{total} answers to {arguments.clients} clients in {elapsed:.2f} s: {total / elapsed:,.0f} a second")


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve a model from Python threads.")
    parser.add_argument("--policy", choices=["auto", "release", "hold"], default="auto")
    parser.add_argument("--busy", action="store_true", help="keep one more Python thread busy")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--requests", type=int, default=500, help="requests of each client")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--forever", action="store_true", help="serve until Ctrl-C (on port 8000 unless told)")
    arguments = parser.parse_args()

    weft.gil.set_policy(arguments.policy)
    stop = threading.Event()
    if arguments.busy:
        threading.Thread(target=keep_busy, args=(stop,)).start()
    try:
        serve(arguments)
    finally:
        stop.set()


if __name__ == "__main__":
    main()
