"""The same web service, which knows nothing of gctune; `gctune run` tunes it.

ENVIRONMENT=production gctune run -- gunicorn --preload --workers 2 untouched:app
"""

import gc

from flask import Flask

app = Flask(__name__)
CATALOGUE = {number: {"name": f"item {number}", "tags": []} for number in range(50_000)}


@app.get("/")
def status():
    return {"threshold0": gc.get_threshold()[0], "frozen": gc.get_freeze_count()}


@app.get("/items/<int:number>")
def item(number):
    return CATALOGUE.get(number) or ({"error": "no such item"}, 404)
