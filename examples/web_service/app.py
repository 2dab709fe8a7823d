"""A web service that tunes itself.

ENVIRONMENT=production gunicorn --preload --workers 2 app:app
"""

from flask import Flask

import gctune

applied = gctune.apply()  # first, so that what follows is loaded under its settings

app = Flask(__name__)
CATALOGUE = {number: {"name": f"item {number}", "tags": []} for number in range(50_000)}
gctune.warmup_done()  # what there is now is here to stay


@app.get("/")
def status():
    return {outcome.setting: outcome.status for outcome in applied.outcomes}


@app.get("/items/<int:number>")
def item(number):
    return CATALOGUE.get(number) or ({"error": "no such item"}, 404)
