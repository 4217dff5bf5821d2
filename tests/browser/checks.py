"""What a page of the book must do in a browser. A check returns the problems that it finds."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe

LONGEST = 120  # seconds that a page may take to be read, on a busy machine

READ_THROUGH = """async (limit) => {
    // Nothing outside can limit how long this waits, so it writes down what it waits for.
    const open = new Set();
    const done = async (what, promise) => {
        open.add(what);
        await promise;
        open.delete(what);
    };
    const go = (place) => scrollTo({ top: place, behavior: "instant" });
    // A browser may stop drawing a page that it thinks nobody looks at.
    const frame = () => new Promise((next) => {
        requestAnimationFrame(next);
        setTimeout(next, 500);
    });
    const loaded = (image) => new Promise((next) => {
        image.addEventListener("load", next, { once: true });
        image.addEventListener("error", next, { once: true });
        setTimeout(next, 200);
    });
    const read = async () => {
        for (let y = 0; y < document.documentElement.scrollHeight; y += innerHeight) {
            go(y);
            await frame();
        }
        await done("fonts", document.fonts.ready);
        await done("formulas", window.MathJax?.startup?.promise);
        // A lazy picture loads when it comes near the window. One that was pushed elsewhere while
        // it was scrolled past would never load: bring each that is left into view until it has.
        for (const image of document.images) {
            while (image.checkVisibility() && !image.complete) {
                image.scrollIntoView({ block: "center", behavior: "instant" });
                await done("the picture " + (image.currentSrc || image.src), loaded(image));
                await frame();
            }
        }
        go(0);
    };
    const stop = new Promise((_, fail) => setTimeout(
        () => fail(new Error(`not read in ${limit} s, waiting for ${[...open].join(" and ")}`)),
        1000 * limit));
    await Promise.race([read(), stop]);
}"""


def read(page, address, limit=LONGEST):
    """Open a page and read it from top to bottom, as far as a script can.

    What has not finished after `limit` seconds is named in an error.
    """
    page.goto(address)
    page.bring_to_front()
    page.evaluate(READ_THROUGH, limit)


def requests(page, address, origin):
    """Console errors, failed requests, requests to anywhere but the book."""
    problems = []
    page.on(
        "console",
        lambda m: problems.append(f"console: {m.text} {m.location}") if m.type == "error" else 0,
    )
    page.on("pageerror", lambda error: problems.append(f"script: {error}"))
    page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))
    page.on(
        "response",
        lambda response: (
            problems.append(f"status {response.status}: {response.url}")
            if response.status >= 400
            else None
        ),
    )
    allowed = (origin, "data:", "blob:")
    page.on(
        "request",
        lambda request: (
            problems.append(f"elsewhere: {request.url}")
            if not request.url.startswith(allowed)
            else None
        ),
    )
    read(page, address)
    page.wait_for_load_state("networkidle")
    hints = page.locator("link[rel~=preconnect], link[rel~=dns-prefetch], link[rel~=prefetch]")
    return problems + [f"hint: {hint.get_attribute('href')}" for hint in hints.all()]


def weigh(page):
    """Count the bytes that a page transfers from now on; what is returned says how many."""
    total = 0

    def add(event):
        nonlocal total
        total += event["encodedDataLength"]

    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.on("Network.loadingFinished", add)
    return lambda: total


def math(page):
    """Formulas that are not typeset, and formulas that MathJax could not read."""
    return page.evaluate(
        r"""() => {
        const problems = [];
        for (const formula of document.querySelectorAll("span.math, div.math")) {
            if (!formula.querySelector("mjx-container")) {
                problems.push("not typeset: " + formula.textContent.slice(0, 60));
            }
        }
        for (const error of document.querySelectorAll("mjx-merror, merror")) {
            problems.push("error: " + error.textContent);
        }
        const walker = document.createTreeWalker(document.querySelector("article") ?? document.body,
                                                 NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const { textContent, parentElement } = walker.currentNode;
            if (parentElement.closest("script, style, pre, code, mjx-container")) continue;
            const raw = textContent.match(/\\[()[\]].{0,40}|\$\$.{0,40}|(?<!\w)\$[^$\n]+\$/);
            if (raw) problems.push("raw: " + raw[0]);
        }
        return problems;
    }"""
    )


def pictures(page):
    """Pictures without an alternative text, and pictures that show nothing."""
    return page.evaluate(
        """() => [...document.images].filter((i) => i.checkVisibility()).flatMap((image) => [
            ...(image.alt.trim() ? [] : ["no alternative text: " + image.outerHTML.slice(0, 200)]),
            ...(image.naturalWidth ? [] : ["does not load: " + image.outerHTML.slice(0, 200)]),
        ])"""
    )


def accessibility(page, rules=None):
    """What axe-core finds that is serious or critical, by all rules or by those named."""
    options = {"runOnly": rules} if rules else None
    return [
        f"{violation['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for violation in Axe().run(page, options=options).response["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def overflow(page):
    """What makes the page wider than its window."""
    return page.evaluate(
        """() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        if (scrollWidth <= clientWidth) return [];
        const wide = [...document.body.querySelectorAll("*")].filter(
            (element) => element.getBoundingClientRect().right > clientWidth + 1);
        return [`page is ${scrollWidth} wide in a window of ${clientWidth}`,
                ...wide.slice(-3).map((element) => element.outerHTML.slice(0, 120))];
    }"""
    )


def shown(figure, index):
    """What an explorer shows, once its picture has loaded, and how its control says it."""
    image = figure.locator("img")
    image.scroll_into_view_if_needed()
    image.evaluate(
        """async (image, limit) => Promise.race([
            image.decode().catch(() => {}),
            new Promise((late) => setTimeout(late, 1000 * limit))])""",
        LONGEST,
    )
    return {
        "picture": image.evaluate("(image) => image.naturalWidth && image.currentSrc"),
        "alternative text": image.get_attribute("alt"),
        "caption": figure.locator("figcaption").inner_text(),
        "control": figure.locator(".sdbook-control")
        .nth(index)
        .evaluate(
            """(control) => control.querySelector("input:checked + span")?.textContent
                ?? control.querySelector("input").getAttribute("aria-valuetext")"""
        ),
    }


def keyboard(page):
    """Controls of explorers that do not change what is shown at their first, middle, last value."""
    problems = []
    for figure in page.locator("figure.sdbook-explorer").all():
        for index, control in enumerate(figure.locator(".sdbook-control").all()):
            name = control.locator("legend, label > span").first.inner_text()
            states = list(_walk(page, figure, control, index))
            for key in ("picture", "alternative text", "control"):
                values = [state[key] for state in states]
                if not all(values) or len(set(values)) < len(values):
                    problems.append(f"{name}: {key} does not change or is missing: {values}")
            for state in states:
                if state["caption"] != state["alternative text"]:
                    problems.append(f"{name}: the caption is not the alternative text: {state}")
    return problems


def _walk(page, figure, control, index):
    """Move a control to its first, middle and last value, with keys only."""
    inputs = control.locator("input")
    if inputs.count() == 1:
        last = int(inputs.get_attribute("max"))
        inputs.focus()
        page.keyboard.press("Home")
        position = 0
    else:
        last = inputs.count() - 1
        control.locator("input:checked").focus()
        position = int(control.locator("input:checked").get_attribute("value"))
    for target in sorted({0, (last + 1) // 2, last}):
        for _ in range(abs(target - position)):
            page.keyboard.press("ArrowRight" if target > position else "ArrowLeft")
        position = target
        yield shown(figure, index)
