"""Checks every link of the built book: `book.py DIRECTORY REPOSITORY`. The file and the anchor exist, in the book or in the repository."""
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parents[3]


class Page(HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.ids, self.links = set(), []
        self.feed(path.read_text())

    def handle_starttag(self, tag, attributes):
        of = dict(attributes)
        self.ids.add(of.get("id"))
        self.links += [of[name] for name in ("href", "src") if of.get(name)]


def main():
    book, repository = Path(sys.argv[1]), sys.argv[2]
    # print.html joins all pages, and toc.html is a frame.
    pages = {path: Page(path) for path in sorted(book.rglob("*.html")) if path.name not in ("print.html", "toc.html", "404.html")}
    broken, checked = [], 0
    for path, page in pages.items():
        for link in page.links:
            target, _, anchor = link.partition("#")
            checked += 1
            if target.startswith(f"{repository}/blob/HEAD/"):
                found = (ROOT / unquote(target.removeprefix(f"{repository}/blob/HEAD/"))).exists()
            elif "://" in target or target.startswith("mailto:"):
                continue
            else:
                file = (path.parent / unquote(target)).resolve() if target else path.resolve()
                inside = pages.get(file)
                found = file.is_file() and book.resolve() in file.parents and (not anchor or inside is None or unquote(anchor) in inside.ids)
            if not found:
                broken.append(f"{path.name}: {link}")
    assert len(pages) > 30 and checked > 500, (len(pages), checked)
    print(f"{len(pages)} pages, {checked} links, {len(broken)} broken")
    sys.exit("\n".join(broken) or 0)


main()
