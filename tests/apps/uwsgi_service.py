"""The service as uWSGI has it."""

from gctune.integrations.uwsgi import install

install()

from service import wsgi  # noqa: E402 - what is loaded now is loaded under its settings

from gctune.integrations.wsgi import Middleware  # noqa: E402

application = Middleware(wsgi)
