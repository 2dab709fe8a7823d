"""A template engine: jinja2 compiles a site's templates and renders its pages.

Contexts of some thousand small objects a page, which die with it; compiled
templates and the data that they are made from live on.
"""

from __future__ import annotations

from random import Random
from typing import Any

from command import run
from jinja2 import DictLoader, Environment

PAGES = 600
ARTICLES = 6_000
MOST_SHOWN = 240  # articles of a page
TEMPLATES = {
    "base": """
<html><head><title>{% block title %}{% endblock %}</title></head><body>
{% for name, items in menu|groupby("section") %}<h3>{{ name }}</h3>
<ul>{% for item in items %}<li><a href="{{ item.url }}">{{ item.name }}</a></li>{% endfor %}</ul>
{% endfor %}{% block body %}{% endblock %}</body></html>""",
    "macros": """
{% macro tags(names) -%}{% for name in names %}<b>{{ name|title }}</b>{% endfor %}{%- endmacro %}
{% macro comment(one, depth=0) -%}
<div class="depth{{ depth }}"><i>{{ one.by|e }}</i> {{ one.text|truncate(40) }}
{% for answer in one.answers %}{{ comment(answer, depth + 1) }}{% endfor %}</div>
{%- endmacro %}""",
    "page": """
{% extends "base" %}{% from "macros" import tags, comment %}
{% block title %}{{ title|upper }}{% endblock %}
{% block body %}{% for article in articles if article.rating > 1 %}
<h2 class="{{ loop.cycle('odd', 'even') }}">{{ loop.index }} {{ article.title }}</h2>
<p>{{ article.text|wordwrap(60)|e }} {{ "%.2f"|format(article.rating) }} {{ tags(article.tags) }}
{{ article.comments|map(attribute="by")|unique|join(", ") }}</p>
{% for one in article.comments|sort(attribute="by") %}{{ comment(one) }}{% endfor %}
{% else %}nothing{% endfor %}{% endblock %}""",
}


def comment(choice: Random, depth: int) -> dict[str, Any]:
    answers = range(choice.randint(0, 3) if depth < 2 else 0)
    text = "what a reader has to say " * choice.randint(1, 3)
    made = [comment(choice, depth + 1) for _ in answers]
    return {"by": f"reader {choice.randrange(500)}", "text": text, "answers": made}


def article(number: int, choice: Random) -> dict[str, Any]:
    return {
        "title": f"article {number}",
        "text": "some words about it & more " * choice.randint(1, 6),
        "rating": choice.random() * 5,
        "tags": [f"tag {choice.randrange(40)}" for _ in range(choice.randint(0, 5))],
        "comments": [comment(choice, 0) for _ in range(choice.randint(0, 3))],
    }


def context(number: int, articles: list[dict[str, Any]], choice: Random) -> dict[str, Any]:
    shown = choice.sample(articles, choice.randint(10, MOST_SHOWN))
    menu = [
        {"section": f"section {n % 7}", "name": each["title"], "url": f"/{number}/{n}"}
        for n, each in enumerate(shown)
    ]
    return {"title": f"page {number}", "articles": [dict(each) for each in shown], "menu": menu}


def main(scale: float, seed: int) -> None:
    choice = Random(seed)
    articles = [article(number, choice) for number in range(ARTICLES)]
    environment = Environment(loader=DictLoader(TEMPLATES), autoescape=True)
    for number in range(max(1, round(PAGES * scale))):
        environment.get_template("page").render(context(number, articles, choice))


if __name__ == "__main__":
    run(main)
