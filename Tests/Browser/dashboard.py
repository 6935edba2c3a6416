"""Checks the dashboard in a real browser.

usage: dashboard.py ORIGIN TOKEN KILL_COMMAND

Expects the services of BrowserTests: web, with a pending change, and bad, which fails.
"""

import subprocess
import sys

from browser import Browser, wait_until


def show(browser, page, text):
    browser.run(f"location.hash = '#/{page}'")
    browser.wait_for(text)


def check(browser, is_admin, kill):
    # Problems and their reasons need no click.
    browser.wait_for("1 service is not as wanted")
    browser.wait_for("exit code 3")
    assert "token" not in browser.run("location.href"), "the token stays in the address"

    # One click shows the plan with its place, two the last lines before a crash.
    show(browser, "plan", "web.yaml:")
    has_button = browser.run("[...document.querySelectorAll('button')].some((b) => b.textContent.startsWith('Apply'))")
    assert has_button == is_admin, f"the Apply button is shown: {has_button}"
    show(browser, "service/core/bad", "<script>")
    assert browser.run("document.querySelectorAll('main script, main img').length") == 0, "text became markup"

    # The log is searchable.
    browser.run("document.querySelector('main input[type=search]').focus()")
    browser.send("Input.insertText", text="no such line")
    wait_until(lambda: browser.run("document.querySelector('.log').childElementCount") == 0, "the search finds nothing")

    # The list updates itself, and works with the keyboard.
    show(browser, "services", "2 services")
    browser.run("document.querySelector('.row.item').focus()")
    browser.send("Input.dispatchKeyEvent", type="keyDown", key="ArrowDown", code="ArrowDown")
    wait_until(lambda: browser.run("document.activeElement.textContent").startswith("web"), "the arrow key moves")
    restarts = "[...document.querySelectorAll('.row.item')].find((r) => r.textContent.startsWith('web')).children[4].textContent"
    before = browser.run(restarts)
    subprocess.run(["/bin/sh", "-c", kill], check=True)
    wait_until(lambda: browser.run(restarts) != before, "the list shows the restart")

    # Every page fits on a phone, in dark colors, and every control has a name.
    browser.resize(390, 800, "dark")
    for page, text in (("services", "web"), ("graph", "As a list"), ("history", "Summary"), ("events", "Level")):
        show(browser, page, text)
        assert browser.run("document.documentElement.scrollWidth") <= 390, f"{page} is wider than a phone"
        names = "[...document.querySelectorAll('input,select,button')].filter((e) => !e.ariaLabel && !e.textContent.trim()).length"
        assert browser.run(names) == 0, f"{page} has a control without a name"

    if is_admin:
        show(browser, "plan", "Apply")
        browser.run("[...document.querySelectorAll('button')].find((b) => b.textContent.startsWith('Apply')).click()")
        browser.wait_for("is applied", 40)


def main():
    origin, token, kill = sys.argv[1:]
    browser = Browser(origin)
    try:
        browser.resize(1280, 800)
        browser.open(f"/#token={token}")
        browser.wait_for("Restarts")
        check(browser, token == "admin", kill)
        assert not browser.problems, f"the browser reports: {browser.problems}"
    finally:
        browser.close()


main()
