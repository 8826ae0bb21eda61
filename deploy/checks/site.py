#!/usr/bin/env python3
"""Does the web app work under its Content-Security-Policy, and does docs/operations.md show the site's security headers?

With a folder as its argument also what was built there: pages, style sheets and scripts. The headers are
web/security-headers; the policy must be strict, and nothing that is served may need more than it allows.
"""

import pathlib
import re
import sys
from html.parser import HTMLParser

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE = ROOT / "web/security-headers"
PAGE = ROOT / "docs/operations.md"
# What would let somebody else's script or page in, or ours out.
LOOSE = ("'unsafe-inline'", "'unsafe-eval'", "'unsafe-hashes'", "data:", "blob:", "http:", "https:", "*")
CLOSED = ("default-src", "base-uri", "frame-ancestors")
LOADS = {("script", "src"), ("link", "href"), ("img", "src"), ("img", "srcset"), ("iframe", "src"), ("object", "data"), ("source", "src")}


def headers(text):
    rows = [line.split(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return {name: value.strip().strip('"') for name, value in rows}


def directives(policy):
    return {name: set(sources) for name, *sources in (part.split() for part in policy.split(";") if part.strip())}


def loose(policy):
    rules = directives(policy)
    yield from (f"{name} allows {word}" for name, words in rules.items() for word in LOOSE if word in words)
    yield from (f"{name} must be 'none'" for name in CLOSED if rules.get(name) != {"'none'"})


class Page(HTMLParser):
    """Collects what a page does that the policy forbids."""

    def __init__(self):
        super().__init__()
        self.found = []
        self.inside = None

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.inside = tag if tag == "style" or (tag == "script" and "src" not in named) else None
        if tag == "base":
            self.found.append("a <base>")
        for name, value in attributes:
            if name == "style" or name.startswith("on"):
                self.found.append(f"an attribute {name} of <{tag}>")
            if (value or "").strip().lower().startswith("javascript:"):
                self.found.append(f"a script in {name} of <{tag}>")
            if (tag, name) in LOADS and not re.match(r"/(?!/)", value or ""):
                self.found.append(f"<{tag}> loads {value}, which is not of the site")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.inside = None

    def handle_data(self, data):
        if self.inside and data.strip():
            self.found.append(f"an inline <{self.inside}>")

    def handle_endtag(self, tag):
        self.inside = None


def page(html):
    reader = Page()
    reader.feed(html)
    return reader.found


def style(css):
    return [f"loads {url}" for url in re.findall(r"url\(\s*['\"]?([^'\")]+)", css) if not re.match(r"(/(?!/)|\./|#)", url)]


def script(js):
    return [f"makes code of text: {hit}" for hit in re.findall(r"new Function\(|(?<![\w.$])eval\(", js)]


READERS = {".html": page, ".css": style, ".js": script, ".mjs": script}


def built(folder):
    files = [path for path in sorted(folder.rglob("*")) if path.suffix in READERS]
    assert any(path.name == "index.html" for path in files), f"nothing was built in {folder}"
    for path in files:
        yield from (f"{path}: {fault}" for fault in READERS[path.suffix](path.read_text(encoding="utf-8")))


def prove():
    """A check that never fails proves nothing."""
    bad = "<script>x</script><style>y</style><p style='z' onclick='q'><script src='//evil.example/x.js'></script><base href='/'>"
    assert len(page(bad)) == 6, page(bad)
    assert not page("<script type='module' crossorigin src='/assets/a.js'></script><link rel='icon' href='/favicon.svg' />text")
    assert style("a{background:url(data:image/png;base64,x)}") and not style("a{background:url(/assets/x.png)}")
    assert script("new Function('x')") and script("(0,eval)(1);eval(x)") and not script("medieval(x); a.eval(x)")
    assert len(list(loose("default-src 'self'; script-src 'self' 'unsafe-inline'; img-src *"))) == 5


def main():
    prove()
    known = headers(SOURCE.read_text(encoding="utf-8"))
    problems = [f"web/security-headers: {fault}" for fault in loose(known["Content-Security-Policy"])]
    text = PAGE.read_text(encoding="utf-8")
    for name, value in known.items():
        if f"\n{name}: {value}\n" not in text:
            problems.append(f"docs/operations.md does not have the line: {name}: {value}")
    problems += [f"web/index.html: {fault}" for fault in page((ROOT / "web/index.html").read_text(encoding="utf-8"))]
    for folder in sys.argv[1:]:
        problems += built(pathlib.Path(folder))
    print("\n".join(problems) or f"note: {len(known)} headers")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
