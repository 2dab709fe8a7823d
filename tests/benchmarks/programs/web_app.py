"""A web application: Django under requests through its test client.

A catalogue of 40,000 products stays in memory, as caches do; each request reads
and writes a database, renders a template and leaves a little cyclic garbage.
"""

from __future__ import annotations

import random

import django
from command import run
from django.conf import settings

REQUESTS = 2000
PRODUCTS = 40_000
MOST_SHOWN = 75  # products of a page
TEMPLATE = """
<html><body><h1>{{ title|upper }}</h1><ul>
{% for product in products %}
<li class="{% cycle 'odd' 'even' %}">{{ product.name }}: {{ product.price|floatformat:2 }}
{% if product.tags %}<em>{{ product.tags|join:", " }}</em>{% endif %}</li>
{% endfor %}</ul>
<p>{{ orders|length }} orders{% for order in orders %}, {{ order.name }}: {{ order.amount }}
{% endfor %}</p></body></html>
"""

settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
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
django.setup()

from django.db import connection, models  # noqa: E402  settings come first
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import path  # noqa: E402


class Order(models.Model):
    """What one customer asked for."""

    name = models.CharField(max_length=50)
    amount = models.IntegerField()

    class Meta:
        app_label = "shop"


CATALOGUE: list[dict[str, object]] = []


def load(scale: float, seed: int) -> None:
    choice = random.Random(seed)
    for n in range(PRODUCTS):
        tags = [f"tag {n % 9}" for _ in range(choice.randint(0, 4))]
        CATALOGUE.append({"name": f"product {n}", "price": n / 7, "tags": tags, "like": [n]})


def products(request: HttpRequest, start: int, many: int) -> HttpResponse:
    context = {
        "title": f"from {start}",
        "products": CATALOGUE[start : start + many],
        "orders": list(Order.objects.order_by("-amount")[:20]),
    }
    return render(request, "page", context)


def order(request: HttpRequest) -> JsonResponse:
    made = Order.objects.create(name=request.POST["name"], amount=int(request.POST["amount"]))
    return JsonResponse({"id": made.pk, "product": CATALOGUE[made.amount % PRODUCTS]})


urlpatterns = [path("products/<int:start>/<int:many>/", products), path("order/", order)]


def main(scale: float, seed: int) -> None:
    choice = random.Random(seed)
    with connection.schema_editor() as editor:
        editor.create_model(Order)
    client = Client()
    for number in range(max(1, round(REQUESTS * scale))):
        amount = choice.randrange(PRODUCTS)
        client.post("/order/", {"name": f"customer {number}", "amount": amount})
        client.get(f"/products/{choice.randrange(PRODUCTS)}/{choice.randint(5, MOST_SHOWN)}/")


if __name__ == "__main__":
    run(main)
