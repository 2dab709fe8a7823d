"""A Django project that is large once it is imported: all of Django, and a catalogue in memory."""

from __future__ import annotations

import contextlib
import gc
import os
import pkgutil
from importlib import import_module

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

PRODUCTS = 100_000
SHOWN = 50
TEMPLATE = """
<html><body><ul>{% for product in products %}
<li>{{ product.name }}: {{ product.price|floatformat:2 }} {{ product.tags|join:", " }}</li>
{% endfor %}</ul></body></html>
"""

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=[
        f"django.contrib.{name}" for name in ("contenttypes", "auth", "sessions", "messages")
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of no value",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {"page": TEMPLATE})]},
        }
    ],
)
application = get_wsgi_application()

for module in pkgutil.walk_packages(django.__path__, "django.", onerror=lambda _: None):
    with contextlib.suppress(Exception):  # what wants a database, or a library for maps
        import_module(module.name)

CATALOGUE = [
    {"name": f"product {n}", "price": n / 7, "tags": [f"tag {n % 9}"] * (n % 4), "like": [n]}
    for n in range(PRODUCTS)
]


def products(request: HttpRequest, start: int) -> HttpResponse:
    return render(request, "page", {"products": CATALOGUE[start : start + SHOWN]})


def collect(request: HttpRequest) -> HttpResponse:
    gc.collect()
    return HttpResponse(str(os.getpid()))


urlpatterns = [path("products/<int:start>", products), path("collect", collect)]
