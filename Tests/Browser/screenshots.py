"""Makes the screenshots of docs/how-to/dashboard.md.

usage: screenshots.py HEROPROC FOLDER

Applies demo.yaml in a temporary directory, changes it, and takes the pictures with a headless browser.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time

from browser import Browser

# The dashboard shows the use of CPU and memory in the last hour; some minutes are enough for a line.
WARM_UP = int(os.environ.get("WARM_UP", "200"))
# name, page, text that the page has when it is ready, width, height, color scheme
PAGES = (
    ("services-light", "services", "not as wanted", 1280, 760, "light"),
    ("services-dark", "services", "not as wanted", 1280, 760, "dark"),
    ("service-light", "service/core/api", "GET /", 1280, 900, "light"),
    ("graph-dark", "graph", "As a list", 1280, 760, "dark"),
    ("plan-light", "plan", "Apply", 1280, 760, "light"),
    ("services-phone", "services", "not as wanted", 390, 780, "light"),
    ("service-phone", "service/core/queue", "panic", 390, 780, "dark"),
)


def main():
    heroproc, folder = sys.argv[1:]
    # The page of the plan shows the path.
    root = tempfile.mkdtemp(prefix="shop-", dir="/tmp")
    services = os.path.join(root, "services.d")
    os.mkdir(services)
    os.mkdir(os.path.join(root, "run"), 0o700)
    manifest = os.path.join(services, "shop.yaml")
    shutil.copy(os.path.join(os.path.dirname(__file__), "demo.yaml"), manifest)
    token = os.path.join(root, "token")
    with open(token, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("token-of-the-screenshots")
    environment = {
        **os.environ,
        "HEROPROC_STATE": root + "/state",
        "HEROPROC_DIR": services,
        "XDG_RUNTIME_DIR": root + "/run",
        "HERO_PROC_NO_AUTOSTART_DB": "1",
    }

    def run(*arguments):
        subprocess.run([heroproc, *arguments], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    run("apply", "--timeout", "5s")
    server = subprocess.Popen(
        [heroproc, "serve", "--listen", "127.0.0.1:0", "--token-file", token],
        env=environment, stderr=subprocess.PIPE, text=True,
    )
    try:
        origin = server.stderr.readline().split()[-1].rstrip("/")
        time.sleep(WARM_UP)
        with open(manifest) as file:
            text = file.read()
        with open(manifest, "w") as file:
            file.write(text.replace("GREETING: hello", "GREETING: good morning").replace("status: stop", "status: start"))
        take(origin, folder)
    finally:
        server.terminate()
        server.wait()
        run("down", "--all")
        shutil.rmtree(root, ignore_errors=True)


def take(origin, folder):
    browser = Browser(origin)
    try:
        browser.resize(1280, 800)
        browser.open("/#token=token-of-the-screenshots")
        browser.wait_for("Restarts")
        for name, page, text, width, height, scheme in PAGES:
            browser.resize(width, height, scheme)
            browser.run(f"location.hash = '#/{page}'")
            browser.wait_for(text)
            # The lines of the last hour and the log arrive after the page.
            time.sleep(6)
            browser.screenshot(os.path.join(folder, f"{name}.png"))
        assert not browser.problems, f"the browser reports: {browser.problems}"
    finally:
        browser.close()


main()
