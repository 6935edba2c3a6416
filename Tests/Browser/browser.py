"""A headless Chromium, driven by the DevTools protocol without packages."""

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time


class Browser:
    """One page. `problems` collects errors, violations of the content policy and requests to other hosts."""

    def __init__(self, origin):
        self.origin = origin
        self.problems = []
        self.replies = {}
        self.number = 0
        self.folder = tempfile.mkdtemp(prefix="heroproc-browser-")
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0"]
        self.process = subprocess.Popen(
            [program, *options, f"--user-data-dir={self.folder}", "about:blank"], stderr=subprocess.DEVNULL
        )
        path = os.path.join(self.folder, "DevToolsActivePort")
        wait_until(lambda: os.path.exists(path) and len(open(path).read().split()) == 2, "the browser listens")
        port, target = open(path).read().split()
        self.connect(int(port), target)
        page = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = None
        self.session = self.send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def connect(self, port, target):
        self.socket = socket.create_connection(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.stream = self.socket.makefile("rb")
        while self.stream.readline().strip():
            pass

    def send(self, method, **params):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": params}
        if getattr(self, "session", None):
            message["sessionId"] = self.session
        data = json.dumps(message).encode()
        size = len(data)
        head = b"\x81" + (struct.pack("!B", 0x80 | size) if size < 126 else struct.pack("!BH", 0x80 | 126, size))
        self.socket.sendall(head + b"\0\0\0\0" + data)
        while number not in self.replies:
            self.receive()
        reply = self.replies.pop(number)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def receive(self):
        data = b""
        while True:
            first, size = self.stream.read(2)
            if size == 126:
                size = struct.unpack("!H", self.stream.read(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", self.stream.read(8))[0]
            data += self.stream.read(size)
            if first & 0x80:
                break
        message = json.loads(data)
        if "id" in message:
            self.replies[message["id"]] = message
            return
        params = message.get("params", {})
        if message["method"] == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(params["exceptionDetails"])[:500])
        elif message["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.problems.append(params["entry"]["text"] + " " + params["entry"].get("url", ""))
        elif message["method"] == "Network.requestWillBeSent":
            url = params["request"]["url"]
            if not url.startswith((self.origin, "about:", "data:", "blob:")):
                self.problems.append(f"request to {url}")

    def run(self, script):
        """The value of a JavaScript expression."""
        result = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def open(self, path):
        self.send("Page.navigate", url=self.origin + path)

    def text(self):
        return self.run("document.body?.innerText")

    def wait_for(self, text, seconds=20):
        wait_until(lambda: text in (self.text() or ""), f"the page shows {text!r}", seconds)

    def resize(self, width, height, scheme="light"):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_until(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"never true: {what}")
