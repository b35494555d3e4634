"""Takes every request at port 8000, and prints it as a line of JSON."""

import http.server
import json


class Capture(http.server.BaseHTTPRequestHandler):
    def take(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = {"method": self.command, "path": self.path, "headers": headers, "body": body}
        print(json.dumps(request), flush=True)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"id":1,"event_id":"$x","room_id":"!r:example.com","user_id":"@me:example.com"}')

    do_GET = do_POST = do_PUT = take

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Capture).serve_forever()
