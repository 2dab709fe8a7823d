"""A crawler of several threads: Beautiful Soup reads what waitress serves.

A site of linked pages, served by a pool of threads and fetched by another, in
one process. The trees are cyclic and die at once; the index of the site grows.
"""

from __future__ import annotations

import http.client
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Thread

from bs4 import BeautifulSoup
from command import run
from waitress.server import create_server

PAGES = 1600
THREADS = 6
LINKS, MOST_PARAGRAPHS = 12, 40  # of a page
PARAGRAPH = "<p id=p{n}>Some <em>text {n}</em> about <a href='/{to}'>page {to}</a> &amp; more.</p>"


class Site:
    """Every page says something, and links to some others."""

    def __init__(self, pages: int, seed: int) -> None:
        self.pages, self.seed = pages, seed

    def __call__(self, environ: dict[str, str], respond: Callable[..., object]) -> Iterable[bytes]:
        body = self.page(int(environ["PATH_INFO"][1:])).encode()
        respond("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(body)))])
        return [body]

    def page(self, number: int) -> str:
        choice = Random(self.seed * self.pages + number)
        links = choice.choices(range(self.pages), k=LINKS)
        paragraphs = "".join(
            PARAGRAPH.format(n=n, to=links[n % LINKS])
            for n in range(choice.randint(4, MOST_PARAGRAPHS))
        )
        return f"<!doctype html><title>page {number}</title><h1>{number}</h1>{paragraphs}"


def fetch(port: int, number: int) -> BeautifulSoup:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", f"/{number}")
    page = BeautifulSoup(connection.getresponse().read(), "html.parser")
    connection.close()
    return page


def index(port: int, number: int) -> tuple[int, dict[str, list[int]]]:
    """The words of a page with the paragraphs that they stand in."""
    page, found = fetch(port, number), {}
    for paragraph in page.find_all("p"):
        for word in paragraph.get_text().split():
            found.setdefault(word, []).append(int(paragraph["id"][1:]))
    found["links"] = [int(link["href"][1:]) for link in page.select("p a[href]")]
    return number, found


def main(scale: float, seed: int) -> None:
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # it is to be busy
    pages = max(1, round(PAGES * scale))
    server = create_server(Site(pages, seed), port=0, threads=THREADS)
    serving = Thread(target=server.run, daemon=True)
    serving.start()
    with ThreadPoolExecutor(THREADS) as pool:
        found = dict(pool.map(lambda number: index(server.effective_port, number), range(pages)))
    server.close()
    assert len(found) == pages


if __name__ == "__main__":
    run(main)
