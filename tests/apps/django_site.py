"""A Django project in one file: the service as Django has it. Run, it is its manage.py."""

from __future__ import annotations

import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path
from service import answered

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["gctune.integrations.django"],
    ROOT_URLCONF="django_site",
    SECRET_KEY="for the test",
)


def told(request: HttpRequest) -> HttpResponse:
    return HttpResponse(answered(request.path))


urlpatterns = [path("", told)]

if __name__ == "__main__":
    sys.modules["django_site"] = sys.modules["__main__"]
    execute_from_command_line(sys.argv)
else:
    application = get_wsgi_application()
